"""A run over files from its beginning to its table, whatever runs the network."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import ImageReader
from corrosion.data.resizing import Resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import DETECTED, Rule, is_unlike
from corrosion.prediction.contact_sheet import write_contact_sheet
from corrosion.prediction.journal import Row, read_journals
from corrosion.prediction.mask_writer import MaskWriter
from corrosion.prediction.output_folder import Counts, OutputFolder
from corrosion.prediction.rendering import Renderer
from corrosion.prediction.share import RowWriter, Share
from corrosion.prediction.table import write_table
from corrosion.settings.prediction import PredictionSettings
from corrosion.system.extras import require_package
from corrosion.system.locks import sole_writer
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)


def check_prediction(settings: PredictionSettings) -> None:
    """Refuse settings that would fail after long work.

    Raises:
        CorrosionError: a package or a folder is missing.
    """
    if settings.format == "parquet":
        require_package("pyarrow", "format=parquet", instead="csv")
    if settings.surface is not None and not settings.surface.is_dir():
        raise CorrosionError(f"surface={settings.surface}: give a folder of masks.")


@dataclass(frozen=True)
class FileRun:
    """A run over files.

    Attributes:
        network: file of the network: a checkpoint, or an exported one.
        paths: files, folders and patterns: see `find_inputs`.
        out: folder of the results.
        settings: how files are predicted.
        rule: how probabilities become decisions.
        resize: how photographs become the network's input.
        cautions: sentences without which no decision of the network should be read.
    """

    network: Path
    paths: Sequence[str | Path]
    out: Path
    settings: PredictionSettings
    rule: Rule
    resize: Resize
    cautions: tuple[str, ...] = ()

    @property
    def folder(self) -> OutputFolder:
        """The folder of the results."""
        return OutputFolder(self.out)

    @property
    def threads(self) -> int:
        """Threads that decode images, and that draw."""
        return self.settings.num_workers or usable_processors()

    @property
    def at_once(self) -> int:
        """Images at once through the network."""
        # masks in tiles have the size of the photograph: one at a time
        one = self.settings.tiles and self.settings.masks
        return 1 if one else self.settings.batch_size

    def begin(
        self, held: ExitStack, *, resume: bool, tiles: Mapping[str, Any] | None = None
    ) -> Counts | None:
        """Start the run, or a further attempt at it; for one process alone.

        Args:
            held: holds the folder's lock until it is closed.
            resume: go on with a run that was killed.
            tiles: what decides the rows of photographs in tiles, as plain values; None without.

        Returns:
            None, or the counts of a run that is finished already.

        Raises:
            CorrosionError: as `OutputFolder.begin`, or another process writes into the folder.
        """
        held.enter_context(sole_writer(self.out, name="out"))
        asked = {**self._asked(), "tiles": None if tiles is None else dict(tiles)}
        find = partial(find_inputs, self.paths, recursive=self.settings.recursive)
        counts = self.folder.begin(asked, find, resume=resume)
        if counts is not None:
            log.info("%s is finished already", self.out)
            return counts
        for caution in self.cautions:
            log.warning("%s", caution)
        return None

    def share(self) -> Share:
        """What the processes read."""
        settings = self.settings
        keep_frames = settings.explain or settings.masks or settings.tiles
        # full frames are large
        ahead = self.at_once if keep_frames else 2 * self.at_once + self.threads
        reader = ImageReader(
            self.resize,
            every=settings.every,
            keep_frames=keep_frames,
            threads=self.threads,
            ahead=ahead,
        )
        return Share(self.folder, reader, self.at_once)

    def writer(self, masks: MaskWriter | None = None) -> RowWriter:
        """What draws and writes the rows, with masks of rust where there is something for them."""
        return RowWriter(
            self.folder,
            Renderer(
                self.out, self.rule, self.resize, fine=self.settings.map == "fine", masks=masks
            ),
            threads=1 if self.settings.tiles else self.threads,  # what is drawn may be large
            waiting=self.at_once,
            paths=self.paths,
        )

    def rows(self) -> Iterator[Row]:
        """The rows that there are."""
        return read_journals(self.folder.progress)

    def finish(
        self, *, notes: Sequence[str] = (), tiles: Mapping[str, Any] | None = None
    ) -> Counts:
        """Write table and contact sheet; returns what was counted.

        Args:
            notes: sentences that belong beside the figures.
            tiles: what is known of the threshold of tiles; None without.

        Raises:
            CorrosionError: a file of the run has no result yet, or something can't be written.
        """
        self.folder.check_complete()
        counts = _count(self.rows())
        write_table(
            self.out / f"predictions.{self.settings.format}",
            self.rows(),
            masks=self.settings.masks,
            tiles=self.settings.tiles,
        )
        write_contact_sheet(
            self.out,
            self.rows(),
            title=self.network.name,
            rule=self.rule,
            notes=notes,
            cautions=self.cautions,
        )
        self.folder.finish(counts, cautions=self.cautions, tiles=tiles)
        return counts

    def _asked(self) -> dict[str, Any]:
        """What decides the rows of a run: a resumed one must be asked for the same."""
        settings = self.settings
        with self.network.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "checkpoint": digest,
            "paths": [str(path) for path in self.paths],
            "working directory": str(Path.cwd()),
            "threshold": self.rule.threshold,
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
