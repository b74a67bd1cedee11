"""`corrosion predict`: files in; a table, a contact sheet and overlays out."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.strategies import DDPStrategy

from corrosion.data.transforms import build_resize
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import load_model
from corrosion.prediction.contact_sheet import write_contact_sheet
from corrosion.prediction.decisions import DETECTED, decision_rule
from corrosion.prediction.inputs import find_inputs
from corrosion.prediction.journal import Row, read_journals
from corrosion.prediction.output_folder import Counts, OutputFolder
from corrosion.prediction.process import Predictor, RowWriter
from corrosion.prediction.reading import Reading
from corrosion.prediction.rendering import Artist
from corrosion.prediction.table import check_format, write_table
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)

# a process that is done waits for the others, however long they take
_PATIENCE = timedelta(days=30)


@dataclass(frozen=True)
class Settings:
    """How to predict; checked when made.

    Attributes:
        explain: draw overlays and boxes.
        threshold: see `decision_rule`.
        every: seconds between the frames of a video, 0 for all.
        recursive: look into subfolders.
        format: of the table, "csv" or "parquet".
        batch_size: images at once through the network, in each process.
        num_workers: threads that decode, and threads that draw, in each process; None chooses by
            the processors.
        device: "auto" (a GPU if there is one), "cpu", "cuda", "cuda:1", "mps".
        devices: how many of them, -1 for all.
        num_nodes: machines; each runs the same command, as Lightning's documentation says.

    Raises:
        CorrosionError: a value can't be used.
    """

    explain: bool = False
    threshold: str | float | None = None
    every: float = 1.0
    recursive: bool = False
    format: Literal["csv", "parquet"] = "csv"
    batch_size: int = 32
    num_workers: int | None = None
    device: str = "auto"
    devices: int = 1
    num_nodes: int = 1

    def __post_init__(self) -> None:
        check_format(self.format)
        if not 0 <= self.every < float("inf"):
            raise CorrosionError(f"every={self.every}: give seconds, 0 for every frame.")
        for name, least in (("batch_size", 1), ("num_workers", 1), ("num_nodes", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise CorrosionError(f"{name}={value}: give a whole number from {least}.")
        if self.devices != -1 and self.devices < 1:
            raise CorrosionError(f"devices={self.devices}: give a number from 1, or -1 for all.")


def predict_files(
    checkpoint: Path,
    paths: Sequence[str | Path],
    out: Path,
    settings: Settings | None = None,
    *,
    resume: bool = False,
) -> Counts | None:
    """Predict files and write what an inspector needs.

    Files that can't be read get a row that says why, and the run goes on.

    Args:
        checkpoint: of the network.
        paths: see `find_inputs`.
        out: a new or empty folder. It gets predictions.csv (or .parquet), contact-sheet.html,
            thumbnails/, with `explain` overlays/, and run.json. On several machines it must lie on
            a disk that they share.
        settings: the defaults if None.
        resume: go on with a run that was killed; a finished one is left as it is.

    Returns:
        What was counted; None in processes other than the first.

    Raises:
        CorrosionError: the checkpoint, a path or a setting is bad; `out` holds something else; a
            result can't be written.
    """
    settings = settings or Settings()
    network = load_model(checkpoint).to(memory_format=torch.channels_last)
    rule = decision_rule(network, settings.threshold)
    resize = build_resize(network.image_size, network.resize)
    folder = OutputFolder(out)
    threads = settings.num_workers or usable_processors()
    # full frames are large
    ahead = settings.batch_size if settings.explain else 2 * settings.batch_size + threads
    writer = RowWriter(
        folder, Artist(out, rule, resize), threads=threads, waiting=settings.batch_size
    )
    reading = Reading(
        resize, every=settings.every, keep_frames=settings.explain, threads=threads, ahead=ahead
    )
    trainer = _trainer(settings, writer)
    if trainer.is_global_zero:
        asked = _asked(checkpoint, paths, rule.threshold, settings)
        counts = folder.begin(
            asked, lambda: find_inputs(paths, recursive=settings.recursive), resume=resume
        )
        if counts is not None:
            log.info("%s is finished already", out)
            return counts
    predictor = Predictor(
        network,
        folder,
        reading,
        batch_size=settings.batch_size,
        explain=settings.explain,
    )
    try:
        trainer.predict(predictor, return_predictions=False)
    except SystemExit:  # what Lightning makes of Ctrl-C
        log.warning("Interrupted: the same command with --resume goes on.")
        raise
    if not trainer.is_global_zero:
        return None
    rows = partial(read_journals, folder.progress)
    counts = _count(rows())
    write_table(out / f"predictions.{settings.format}", rows())
    write_contact_sheet(out, rows(), title=checkpoint.name, rule=rule)
    folder.finish(counts)
    return counts


def _trainer(settings: Settings, writer: RowWriter) -> L.Trainer:
    quieten_lightning()
    accelerator, _, index = settings.device.partition(":")
    alone = settings.devices == settings.num_nodes == 1
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=[int(index)] if index else settings.devices,
            num_nodes=settings.num_nodes,
            strategy="auto" if alone else DDPStrategy(timeout=_PATIENCE),
            callbacks=[writer],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        raise CorrosionError(
            f"device={settings.device}, devices={settings.devices}: {error} Choose auto, or cpu."
        ) from error


def _asked(
    checkpoint: Path, paths: Sequence[str | Path], threshold: float, settings: Settings
) -> dict[str, Any]:
    """What decides the rows of a run: a resumed one must be asked for the same."""
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "checkpoint": digest,
        "paths": [str(path) for path in paths],
        "working directory": str(Path.cwd()),
        "threshold": threshold,
        "explain": settings.explain,
        "every": settings.every,
        "recursive": settings.recursive,
    }


def _count(rows: Iterator[Row]) -> Counts:
    images = detected = review = failed = 0
    for row in rows:
        images += 1
        detected += row.decision == DETECTED
        review += row.review
        failed += row.error is not None
    return Counts(images, detected, review, failed)
