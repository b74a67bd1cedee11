"""`corrosion predict`: files in; a table, a contact sheet and overlays out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import DDPStrategy

from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import ImageReader
from corrosion.data.transforms import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import cautions
from corrosion.evaluation.decisions import DETECTED, is_unlike
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.grades import GRADE_NOTE
from corrosion.explanation.ground_truth import find_marked
from corrosion.models.checkpoint import load_model
from corrosion.models.device import choose_device
from corrosion.prediction.contact_sheet import write_contact_sheet
from corrosion.prediction.journal import Row, read_journals
from corrosion.prediction.mask_writer import MaskWriter, share_interval
from corrosion.prediction.output_folder import Counts, OutputFolder
from corrosion.prediction.process import Predictor, RowWriter
from corrosion.prediction.rendering import Renderer
from corrosion.prediction.table import write_table
from corrosion.runs import checkpoint_of
from corrosion.settings.prediction import PredictionSettings
from corrosion.system.extras import require_package
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.system.processors import usable_processors

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
        out: a new or empty folder. It gets predictions.csv (or .parquet), contact-sheet.html,
            thumbnails/, with `explain` overlays/, with `masks` masks/ and outlines/, and run.json.
            What must be said of the network itself (`cautions`) is logged, and stands in the last
            two. On several machines it must lie on a disk that they share.
        settings: the defaults if None.
        resume: go on with a run that was killed; a finished one is left as it is.

    Returns:
        What was counted; None in processes other than the first.

    Raises:
        CorrosionError: the checkpoint or a path is bad, the device or a package is missing; `out`
            holds something else; a result can't be written.
    """
    settings = settings or PredictionSettings()
    if settings.format == "parquet":
        require_package("pyarrow", "format=parquet", instead="csv")
    if settings.surface is not None and not settings.surface.is_dir():
        raise CorrosionError(f"surface={settings.surface}: give a folder of masks.")
    if settings.device != "auto":
        choose_device(settings.device)  # one sentence instead of Lightning's
    checkpoint = checkpoint_of(checkpoint)
    network = load_model(checkpoint).to(memory_format=torch.channels_last)
    rule = decision_rule(network, settings.threshold)
    resize = build_resize(network.image_size, network.resize)
    folder = OutputFolder(out)
    threads = settings.num_workers or usable_processors()
    keep_frames = settings.explain or settings.masks
    # full frames are large
    ahead = settings.batch_size if keep_frames else 2 * settings.batch_size + threads
    marked = (
        None
        if settings.share_truth is None
        else find_marked(settings.share_truth, name="share_truth")
    )
    reader = ImageReader(
        resize, every=settings.every, keep_frames=keep_frames, threads=threads, ahead=ahead
    )
    trainer = _trainer(settings)
    said = tuple(cautions(network).values())
    if trainer.is_global_zero:
        asked = _asked(checkpoint, paths, rule.threshold, settings)
        counts = folder.begin(
            asked, lambda: find_inputs(paths, recursive=settings.recursive), resume=resume
        )
        if counts is not None:
            log.info("%s is finished already", out)
            return counts
        for caution in said:
            log.warning("%s", caution)
    interval = share_interval(network, marked)
    masks = MaskWriter(out, interval, settings.surface) if settings.masks else None
    writer = RowWriter(
        folder,
        Renderer(out, rule, resize, fine=settings.map == "fine", masks=masks),
        threads=threads,
        waiting=settings.batch_size,
        paths=paths,
    )
    trainer.callbacks.append(writer)  # type: ignore[attr-defined]
    predictor = Predictor(
        network,
        folder,
        reader,
        batch_size=settings.batch_size,
        explain=settings.explain,
        fine=settings.map == "fine",
        masks=rule if settings.masks else None,
    )
    try:
        trainer.predict(predictor, return_predictions=False)
    except SystemExit:  # what Lightning makes of Ctrl-C
        log.warning("Interrupted: what is finished is kept, and can be resumed.")
        raise
    if not trainer.is_global_zero:
        return None
    rows = partial(read_journals, folder.progress)
    counts = _count(rows())
    write_table(out / f"predictions.{settings.format}", rows(), masks=settings.masks)
    notes = (interval.note, GRADE_NOTE) if settings.masks else ()
    write_contact_sheet(out, rows(), title=checkpoint.name, rule=rule, notes=notes, cautions=said)
    folder.finish(counts, cautions=said)
    return counts


def _trainer(settings: PredictionSettings) -> L.Trainer:
    quieten_lightning()
    accelerator, _, index = settings.device.partition(":")
    alone = settings.devices == settings.num_nodes == 1
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=[int(index)] if index else settings.devices,
            num_nodes=settings.num_nodes,
            strategy="auto" if alone else DDPStrategy(timeout=_PATIENCE),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        raise CorrosionError(
            f"device={settings.device}, devices={settings.devices}: {error}"
        ) from error


def _asked(
    checkpoint: Path, paths: Sequence[str | Path], threshold: float, settings: PredictionSettings
) -> dict[str, Any]:
    """What decides the rows of a run: a resumed one must be asked for the same."""
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "checkpoint": digest,
        "paths": [str(path) for path in paths],
        "working directory": str(Path.cwd()),
        "threshold": threshold,
        # a word instead of true, so that runs begun before there were fine maps can go on
        "explain": settings.map if settings.map == "fine" else settings.explain,
        "every": settings.every,
        "recursive": settings.recursive,
        # nothing instead of false, likewise
        "masks": _asked_of_masks(settings) if settings.masks else None,
    }


def _asked_of_masks(settings: PredictionSettings) -> dict[str, str | None]:
    given = {"surface": settings.surface, "share_truth": settings.share_truth}
    return {name: None if path is None else str(path) for name, path in given.items()}


def _count(rows: Iterator[Row]) -> Counts:
    images = detected = review = failed = 0
    unlike = None
    for row in rows:
        images += 1
        detected += row.decision == DETECTED
        review += row.review
        failed += row.error is not None
        if row.unlike_training is not None:
            unlike = (unlike or 0) + is_unlike(row.unlike_training)
    return Counts(images, detected, review, failed, unlike)
