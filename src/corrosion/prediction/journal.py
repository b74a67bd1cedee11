"""Rows of a run as they are finished, kept so that a killed run can go on.

Every process of every attempt appends to a file of its own, one JSON object a line. A line without
its end was being written when the run was killed: its row does not count.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from corrosion.data.photograph_facts import PhotographFacts
from corrosion.errors import CorrosionError
from corrosion.settings.types import Measured, Share, Tally
from corrosion.system.files import unreadable, unwritable


@dataclass(frozen=True)
class RustFacts:
    """What a mask of rust says of a photograph or a frame; columns of the table.

    Attributes:
        mask: file of the mask, below the output folder.
        rusted_share: rusted share of the surface, in [0, 1]; None where it could not be measured,
            as all that follows.
        rusted_share_low: lower end of its interval.
        rusted_share_high: upper end of its interval.
        grade_iso4628_3: grades of the interval by ISO 4628-3, as "Ri 3 to Ri 4".
        grade_astm_d610: the same by ASTM D610.
        grade_imo_coating: the same by the IMO.
        distribution: letter of the rust's distribution by ASTM D610; None where it has none.
        regions: number of connected regions of rust.
        largest_region: share of the surface that the largest of them covers, in [0, rusted_share].
        surface: what shares refer to: "whole photograph", or the file of the surface's mask.
    """

    mask: str
    rusted_share: Share | None = None
    rusted_share_low: Share | None = None
    rusted_share_high: Share | None = None
    grade_iso4628_3: str | None = None
    grade_astm_d610: str | None = None
    grade_imo_coating: str | None = None
    distribution: str | None = None
    regions: Tally | None = None
    largest_region: Share | None = None
    surface: str | None = None


@dataclass(frozen=True)
class TileFacts:
    """What the tiles of a photograph say; columns of the table.

    Attributes:
        tiles: number of tiles, at least 2.
        corroded_tiles: number of those whose probability reaches the threshold.
        tile_threshold: probability from which a tile counts as corroded, in (0, 1], or just above 1
            for "never".
        tile_threshold_basis: what this rests on, as "photographs"
            (`corrosion.prediction.tile_threshold.Basis`).
        worst_tile: (left, top, width, height) in pixels of the tile with the highest probability.
        whole_probability: probability of corrosion of the photograph seen as a whole, in [0, 1].
    """

    tiles: Tally
    corroded_tiles: Tally
    tile_threshold: Measured
    tile_threshold_basis: str
    worst_tile: tuple[int, int, int, int]
    whole_probability: Share


@dataclass(frozen=True)
class Row:
    """What is known of a photograph or a frame in the end.

    Attributes:
        item: number of the file in the run.
        order: 0, 1, ... within the file.
        last: no further row comes from this file.
        path: path of the file.
        frame: number of the frame in the video; None for photographs.
        time: seconds from the video's start; None for photographs.
        probability: probability of corrosion, calibrated, in [0, 1]; None if the file can't be
            read.
        decision: "corrosion detected" or "no corrosion"; None likewise.
        unlike_training: distance to the nearest training photograph over the limit, to three
            decimals; None likewise, and for networks that can't tell.
        review: whether an inspector shall look at it.
        boxes: (left, top, width, height) in pixels of the photograph, the largest first; None
            without --explain.
        overlay: file of the drawn explanation, below the output folder.
        thumbnail: file of the small picture, likewise.
        rust: what the mask of rust says; None without --masks, and where there is no mask.
        outline: file of the photograph with its rust outlined, likewise.
        tiles: what its tiles say; None without --tiles, and where one holds all of it.
        error: what could not be read, and why.
        width: width of the photograph in pixels, as displayed; None if it can't be read.
        height: height, likewise.
        facts: what the file knows beside its pixels; None if it is not there.
        asset: what it shows a part of, if that was asked for.
        kind: the likeliest kind of corrosion, where corrosion was detected and the network tells
            kinds.
        kind_probability: its probability given that there is corrosion, likewise.
    """

    item: Tally
    order: Tally
    last: bool
    path: str
    frame: Tally | None = None
    time: float | None = None
    probability: Share | None = None
    decision: str | None = None
    unlike_training: Measured | None = None
    review: bool = False
    boxes: tuple[tuple[int, int, int, int], ...] | None = None
    overlay: str | None = None
    thumbnail: str | None = None
    rust: RustFacts | None = None
    outline: str | None = None
    tiles: TileFacts | None = None
    error: str | None = None
    width: int | None = None
    height: int | None = None
    facts: PhotographFacts | None = None
    asset: str | None = None
    kind: str | None = None
    kind_probability: Share | None = None


ROWS = TypeAdapter(Row)
"""Rows of plain values that were read from a file."""

_NAME = re.compile(r"rows-\d{4,9}-\d{4,9}\.jsonl")
_WAY_OUT = "Delete it to predict its files anew when the run is resumed, or restore it from a copy."


class Journal:
    """Appends rows to a file.

    Args:
        folder: folder of the journals of a run.
        attempt: number of the attempt, from 0.
        rank: number of the process in it, from 0.

    Raises:
        CorrosionError: the file can't be written.
    """

    def __init__(self, folder: Path, *, attempt: int, rank: int) -> None:
        self._path = folder / f"rows-{attempt:04d}-{rank:04d}.jsonl"
        try:
            self._file = self._path.open("x", encoding="utf-8")
        except OSError as error:
            raise unwritable(self._path, error) from error

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows, sorted by item and order within this journal.

        Raises:
            CorrosionError: the disk is full.
        """
        try:
            for row in rows:
                self._file.write(json.dumps(asdict(row), separators=(",", ":")) + "\n")
            self._file.flush()  # the operating system has them, should this process be killed
        except OSError as error:
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # of a full disk, which `append` has told
            self._file.close()


def read_journals(folder: Path, *, before: int | None = None) -> Iterator[Row]:
    """The rows of a run's journals, sorted by item and order; one a journal in memory.

    Args:
        folder: folder of the journals.
        before: number of an attempt; only journals of those before it are read. None for all.

    Raises:
        CorrosionError: a line is no row, or not behind the one before it.
    """
    paths = [path for path in sorted(folder.glob("rows-*.jsonl")) if _NAME.fullmatch(path.name)]
    journals = [_read(path) for path in paths if before is None or _attempt(path) < before]
    yield from heapq.merge(*journals, key=lambda row: (row.item, row.order))


def _read(path: Path) -> Iterator[Row]:
    place = (-1, -1)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):  # it was being written when the run was killed
                    return
                row = ROWS.validate_json(line, strict=True)
                if (row.item, row.order) <= place:
                    raise _damaged(path, number, "it belongs before the line above it")
                place = (row.item, row.order)
                yield row
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise _damaged(path, number, reason) from error
    except OSError as error:
        raise unreadable(path, error, _WAY_OUT) from error


def _damaged(path: Path, line: int, reason: str) -> CorrosionError:
    return unreadable(
        path, ValueError(f"line {line} is no row of a prediction ({reason})"), _WAY_OUT
    )


def _attempt(path: Path) -> int:
    return int(path.name.split("-")[1])
