"""`corrosion predict`: files in; a table, the inspection page and overlays out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import DDPStrategy

from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import cautions
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.grades import GRADE_NOTE
from corrosion.explanation.ground_truth import find_marked
from corrosion.explanation.rust_mask import rust_mask
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.device import choose_device, lightning_device
from corrosion.prediction.file_run import FileRun, check_prediction, told_of_end
from corrosion.prediction.mask_writer import MaskWriter, share_interval
from corrosion.prediction.output_folder import Counts
from corrosion.prediction.outputs import Look
from corrosion.prediction.process import Looking, Predictor, RowCallback
from corrosion.prediction.tile_summary import (
    sentence_of_tiles,
    used_thresholds,
    warning_of_tiles,
)
from corrosion.prediction.tile_validation import find_validation
from corrosion.prediction.tile_viewer import tile_viewer
from corrosion.prediction.training_data import trained_on
from corrosion.report.inspection.surfaces import surfaces_of
from corrosion.runs import checkpoint_of
from corrosion.settings.prediction import PredictionSettings
from corrosion.system.lightning_messages import interruptions_raised, quieten_lightning

log = logging.getLogger(__name__)

# a process that is done waits for the others, however long they take
_PATIENCE = timedelta(days=30)


def predict_files(
    checkpoint: Path,
    paths: Sequence[str | Path],
    out: Path,
    settings: PredictionSettings | None = None,
    *,
    resume: bool = False,
) -> Counts | None:
    """Predict files and write what an inspector needs.

    Files that can't be read get a row that says why, and the run goes on.

    Args:
        checkpoint: a checkpoint, or the directory of a run for its best.
        paths: files, folders and patterns: see `find_inputs`.
        out: a new or empty folder. It gets predictions.csv (or .parquet), inspection.html (or
            what `report` names), thumbnails/, with `explain` overlays/, with `masks` masks/ and
            outlines/, and run.json.
            What must be said of the network itself (`cautions`) is logged, and stands in the last
            two. With Ray on several machines it must lie on a disk that they share.
        settings: the defaults if None.
        resume: go on with a run that was killed; a finished one is left as it is.

    Returns:
        What was counted; None in processes other than the first.

    Raises:
        CorrosionError: the checkpoint or a path is bad, the device or a package is missing; `out`
            holds something else; a result can't be written; with `tiles`, there is nothing to
            choose their threshold on.
        RunEndingError: the disk is full, `out` can't be written or photographs can't be read any
            more; what is finished is kept.
        KeyboardInterrupt: the user has pressed Ctrl-C; what is finished is kept.
    """
    with ExitStack() as held:
        held.enter_context(told_of_end())
        return _predict_files(
            checkpoint, paths, out, settings or PredictionSettings(), held, resume=resume
        )


def _predict_files(
    checkpoint: Path,
    paths: Sequence[str | Path],
    out: Path,
    settings: PredictionSettings,
    held: ExitStack,
    *,
    resume: bool,
) -> Counts | None:
    check_prediction(settings)
    surfaces = surfaces_of(settings.surface)
    on_ray = settings.engine == "ray"
    if settings.device != "auto" and not on_ray:
        choose_device(settings.device)  # one sentence instead of Lightning's
    checkpoint = checkpoint_of(checkpoint)
    judged = settings.tiles and settings.threshold is None
    validation = find_validation(checkpoint, settings.tile_validation) if judged else None
    network = load_model(checkpoint).to(memory_format=torch.channels_last)
    rule = decision_rule(network, settings.threshold)
    resize = build_resize(network.image_size, network.resize)
    said = tuple(cautions(network).values())
    known = trained_on(checkpoint)
    run = FileRun(checkpoint, paths, out, settings, rule, resize, said, known, network.kinds)
    truth = settings.share_truth
    marked = None if truth is None else find_marked(truth, name="share_truth")
    trainer = None if on_ray else _trainer(settings)
    first = trainer is None or trainer.is_global_zero
    if first:
        counts = run.begin(held, resume=resume)
        if counts is not None:
            return counts
    viewer, facts = None, dict[str, Any]()
    if settings.tiles:
        if validation is not None:
            network.to(choose_device("auto" if on_ray else settings.device))
        viewer, facts = tile_viewer(network, rule, settings, validation)
    interval = share_interval(network, marked, rust_mask if viewer is None else viewer.mask)
    masks = MaskWriter(out, interval, surfaces) if settings.masks else None
    looking = Looking(
        explain=settings.explain,
        fine=settings.map == "fine",
        masks=rule if settings.masks else None,
        tiles=viewer,
    )
    if trainer is None:
        from corrosion.prediction.ray_engine import predict_on_ray

        load = partial(_Load, checkpoint.absolute(), looking)
        predict_on_ray(run, load, masks, device=settings.device)
    else:
        _predict_here(trainer, run, network, looking, masks)
    if not first:
        return None
    notes = (interval.note, GRADE_NOTE) if settings.masks else ()
    if viewer is not None:
        facts["thresholds"] = used = used_thresholds(run.rows())
        sentence, warning = sentence_of_tiles(viewer, used), warning_of_tiles(used)
        log.info("%s", sentence)
        if warning is not None:
            log.warning("%s", warning)
        notes = (*filter(None, (sentence, warning)), *notes)
    return run.finish(
        notes=notes,
        tiles=None if viewer is None else facts,
        share_interval=asdict(interval) if settings.masks else None,
    )


@dataclass(frozen=True)
class _Load:
    """Loads the network where Ray wants it."""

    checkpoint: Path
    looking: Looking
    device: str

    def __call__(self) -> Look:
        quieten_lightning()
        network = load_model(self.checkpoint, device=self.device)
        return self.looking.look(network.to(memory_format=torch.channels_last))


def _predict_here(
    trainer: L.Trainer,
    run: FileRun,
    network: CorrosionClassifier,
    looking: Looking,
    masks: MaskWriter | None,
) -> None:
    """Predict on the devices of this machine, a process each."""
    trainer.callbacks.append(RowCallback(run.writer(masks)))  # type: ignore[attr-defined]
    with interruptions_raised():
        trainer.predict(Predictor(network, run.share(), looking), return_predictions=False)


def _trainer(settings: PredictionSettings) -> L.Trainer:
    quieten_lightning()
    accelerator, numbers = lightning_device(settings.device)
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=numbers or settings.devices,
            strategy="auto" if settings.devices == 1 else DDPStrategy(timeout=_PATIENCE),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        raise CorrosionError(
            f"device={settings.device}, devices={settings.devices}: {error}"
        ) from error
