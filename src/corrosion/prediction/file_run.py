"""A run over files from its beginning to its table, whatever runs the network."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrosion.data.flight_log import FactsReader
from corrosion.data.image_reader import ImageReader
from corrosion.data.resizing import Resize
from corrosion.errors import RunEndingError
from corrosion.evaluation.decisions import DETECTED, Rule, is_unlike
from corrosion.prediction.asked import asked_of_run
from corrosion.prediction.inputs import find_files, finished_rows, tell_notes
from corrosion.prediction.journal import Row
from corrosion.prediction.mask_writer import MaskWriter
from corrosion.prediction.output_folder import Counts, OutputFolder
from corrosion.prediction.ray_address import check_address
from corrosion.prediction.relative_rows import relative_rows
from corrosion.prediction.rendering import Renderer
from corrosion.prediction.shards import ShardedFolder
from corrosion.prediction.share import RowWriter, Share
from corrosion.prediction.table import write_table
from corrosion.report.inspection.reports import check_reports, write_reports
from corrosion.settings.explanation import side_of
from corrosion.settings.prediction import PredictionSettings
from corrosion.system.extras import require_package
from corrosion.system.locks import sole_writer
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)


def check_prediction(settings: PredictionSettings) -> None:
    """Refuse settings that would fail after long work.

    Raises:
        CorrosionError: a package or a folder is missing, or the cluster does not answer.
    """
    if settings.format == "parquet":
        require_package("pyarrow", "format=parquet", instead="csv")
    if settings.engine == "ray":
        require_package("ray", "engine=ray", instead="local")
        if settings.address is not None:
            check_address(settings.address)
    check_reports(settings.report)


@contextmanager
def told_of_end() -> Iterator[None]:
    """Say, where the disk is full or photographs can't be reached, what becomes of the run.

    Raises:
        RunEndingError: with that said.
    """
    try:
        yield
    except RunEndingError as error:
        raise type(error)(f"{error} What is finished is kept: mend it, and resume.") from error


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
        trained_on: the photographs that the network was trained on, in words; empty if unknown.
        kinds: names of the kinds of corrosion that the network tells apart.
    """

    network: Path
    paths: Sequence[str | Path]
    out: Path
    settings: PredictionSettings
    rule: Rule
    resize: Resize
    cautions: tuple[str, ...] = ()
    trained_on: str = ""
    kinds: tuple[str, ...] = ()

    @property
    def folder(self) -> OutputFolder:
        """The folder of the results."""
        return (ShardedFolder if self.settings.engine == "ray" else OutputFolder)(self.out)

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

    def begin(self, held: ExitStack, *, resume: bool) -> Counts | None:
        """Start the run, or a further attempt at it; for one process alone.

        Args:
            held: holds the folder's lock until it is closed.
            resume: go on with a run that was killed.

        Returns:
            None, or the counts of a run that is finished already.

        Raises:
            CorrosionError: as `OutputFolder.begin`, or another process writes into the folder.
        """
        held.enter_context(sole_writer(self.out, name="out"))
        asked = asked_of_run(
            self.network,
            self.paths,
            self.rule.threshold,
            self.settings,
            image_size=self.resize.image_size,
        )
        counts = self.folder.begin(
            asked, lambda: find_files(self.paths, self.settings), resume=resume
        )
        if counts is not None:
            log.info("%s is finished already", self.out)
            self._reports(outdated_only=True)  # those that a full disk has prevented
            return counts
        for caution in self.cautions:
            log.warning("%s", caution)
        return None

    def share(self) -> Share:
        """What the processes read."""
        settings = self.settings
        keep_frames = settings.explain or settings.masks or settings.tiles
        # what looks closer at a frame, or measures it, needs all of it; drawing does not
        closer = settings.masks or settings.tiles or settings.map == "fine"
        ahead = self.at_once if keep_frames else 2 * self.at_once + self.threads
        reader = ImageReader(
            self.resize,
            every=settings.every,
            keep_frames=keep_frames,
            frame_side=None if closer else side_of(settings.overlay_size),
            threads=self.threads,
            ahead=ahead,
            previews=True,
            facts=FactsReader(location=not settings.no_location),
        )
        return Share(self.folder, reader, self.at_once)

    def renderer(self, masks: MaskWriter | None = None) -> Renderer:
        """What draws images and makes their rows, with masks of rust where they are wanted."""
        return Renderer(
            self.out,
            self.rule,
            self.resize,
            fine=self.settings.map == "fine",
            masks=masks,
            side=side_of(self.settings.overlay_size),
        )

    def writer(self, masks: MaskWriter | None = None) -> RowWriter:
        """What draws and writes the rows, with masks of rust where there is something for them."""
        return RowWriter(
            self.folder,
            self.renderer(masks),
            threads=1 if self.settings.tiles else self.threads,  # what is drawn may be large
            waiting=self.at_once,
            paths=self.paths,
        )

    def rows(self) -> Iterator[Row]:
        """The rows of all files, as the table and the reports show them.

        Raises:
            CorrosionError: at the end, where a file has none yet.
        """
        finished = finished_rows(self.folder, self.paths, self.settings)
        return relative_rows(finished, self.settings.relative_to)

    def finish(
        self,
        *,
        notes: Sequence[str] = (),
        tiles: Mapping[str, Any] | None = None,
        share_interval: Mapping[str, Any] | None = None,
    ) -> Counts:
        """Write the table and what is made of it; returns what was counted.

        Args:
            notes: sentences that belong beside the figures.
            tiles: what is known of the threshold of tiles; None without.
            share_interval: what gives shares their intervals; None without masks.

        Raises:
            CorrosionError: a file of the run has no result yet, or something can't be written.
        """
        counting = Counting()
        write_table(
            self.out / f"predictions.{self.settings.format}",
            counting.over(self.rows()),
            masks=self.settings.masks,
            tiles=self.settings.tiles,
            kinds=bool(self.kinds),
        )
        counts = counting.counts()
        tell_notes(counting.notes)
        self.folder.finish(
            counts,
            model=self.network.name,
            trained_on=self.trained_on,
            band=self.rule.band,
            kinds=self.kinds,
            cautions=self.cautions,
            notes=notes,
            tiles=tiles,
            share_interval=share_interval,
        )
        self._reports()
        return counts

    def _reports(self, *, outdated_only: bool = False) -> None:
        settings = self.settings
        write_reports(
            self.out,
            settings.report,
            title=settings.title,
            inspector=settings.inspector,
            consequence=settings.consequence,
            outdated_only=outdated_only,
        )


class Counting:
    """Counts rows that are on their way to somewhere else: they are read once, however many."""

    def __init__(self) -> None:
        self.notes: Counter[str] = Counter()
        """How many rows have each note."""
        self._images = self._detected = self._review = self._failed = 0
        self._unlike: int | None = None

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, counted."""
        for row in rows:
            self._images += 1
            self._detected += row.decision == DETECTED
            self._review += row.review
            self._failed += row.error is not None
            if row.unlike_training is not None:
                self._unlike = (self._unlike or 0) + is_unlike(row.unlike_training)
            if row.facts is not None and row.facts.note:
                self.notes[row.facts.note] += 1
            yield row

    def counts(self) -> Counts:
        """What was counted."""
        return Counts(self._images, self._detected, self._review, self._failed, self._unlike)
