"""Verdicts of inspectors: files that the page saves, and the history that a folder keeps of them.

A file of verdicts has a row for each photograph that an inspector has judged. The folder's own
`verdict_history.csv` has a row for each change, the oldest first, so nothing that was said is lost.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from corrosion.data.kind_names import OTHER, kind_name
from corrosion.errors import CorrosionError
from corrosion.settings.data import LONGEST_KIND
from corrosion.system.files import replacing
from corrosion.system.names import shortened

HISTORY = "verdict_history.csv"
"""File of a folder with all that inspectors have said. Not called as the files that the page saves,
which a browser may put into the same folder."""

CORRODED, NOT_CORRODED, UNDECIDED = "corroded", "not", "review"
VERDICTS = (CORRODED, NOT_CORRODED, UNDECIDED)
"""What an inspector can say; `review` is for somebody else, or a second look."""

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of today, and of before 2007
_REQUIRED = ("path", "verdict")


@dataclass(frozen=True)
class Verdict:
    """What an inspector says of a photograph, or of a frame.

    Attributes:
        path: path of the file, as in predictions.csv.
        time: second of the frame, as "12.000"; empty for photographs.
        sha256: digest of the file; empty if unknown.
        verdict: one of `VERDICTS`, or empty, which takes back what was said.
        kind: kind of corrosion, of what is corroded: a name, `OTHER` of
            `corrosion.data.kind_names`, or empty where nothing is said of it.
        note: what else there is to say.
        inspector: who says so; empty if unknown.
        when: when, as ISO 8601; empty if unknown.
        before: the verdict that it replaces; empty for the first.
    """

    path: str
    time: str = ""
    sha256: str = ""
    verdict: str = ""
    kind: str = ""
    note: str = ""
    inspector: str = ""
    when: str = ""
    before: str = ""


def time_cell(time: float | None) -> str:
    """A second as tables of verdicts have it: to the millisecond, empty for photographs."""
    return "" if time is None else f"{time:.3f}"


def read_history(folder: Path) -> tuple[Verdict, ...]:
    """All verdicts that were merged into a folder, the oldest first; empty where none were.

    Raises:
        CorrosionError: the history can't be read.
    """
    file = folder / HISTORY
    return read_verdicts(file) if file.is_file() else ()


def latest_verdicts(history: Iterable[Verdict]) -> dict[tuple[str, str], Verdict]:
    """What holds now, by path and time; without those that were taken back.

    Example:
        >>> said = [Verdict("a.jpg", verdict="not"), Verdict("a.jpg", verdict="corroded")]
        >>> latest_verdicts(said)["a.jpg", ""].verdict
        'corroded'
    """
    latest = {(one.path, one.time): one for one in history}
    return {key: one for key, one in latest.items() if one.verdict or one.note}


def read_verdicts(path: Path) -> tuple[Verdict, ...]:
    """Read a file of verdicts.

    Args:
        path: CSV in UTF-8, with the columns path and verdict (in any case), time for frames of
            videos, and kind, sha256, note, inspector and when if they are known; its separator may
            be a semicolon, as spreadsheets write it.

    Raises:
        CorrosionError: it can't be read, lacks a column, or says something that is no verdict.
    """
    text = _text(path)
    try:
        first = text.split("\n", 1)[0]
        separator = ";" if first.count(";") > first.count(",") else ","
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise CorrosionError(f"{path} can't be read as a file of verdicts: {error}") from error
    names = [name.strip() for name in first.strip().split(separator)]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise CorrosionError(
            f"{path} is no file of verdicts: it has no column {' or '.join(missing)}. Give the "
            f"file that the inspection page saves."
        )
    return tuple(_verdict(path, number, row) for number, row in enumerate(rows, start=2))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CorrosionError(
            f"There is no {path}: give the file that the inspection page saves."
        ) from error
    except OSError as error:
        raise CorrosionError(f"{path} can't be read: {error.strerror or error}.") from error
    if content.startswith(_WORKBOOKS):
        raise CorrosionError(
            f"{path} is a workbook, and verdicts are CSV: save its sheet as CSV (UTF-8), and give "
            f"that."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorrosionError(
            f"{path} is no text in UTF-8: save it as CSV (UTF-8), or give the file that the "
            f"inspection page saves."
        ) from error


def _verdict(path: Path, line: int, row: Mapping[str | None, object]) -> Verdict:
    cells = {one.name: _cell(row.get(one.name)) for one in fields(Verdict)}
    if not cells["path"]:
        raise CorrosionError(f"{path}, row {line}: the path is empty.")
    cells["verdict"] = cells["verdict"].lower()
    cells["before"] = cells["before"].lower()
    if cells["time"]:
        cells["time"] = _time(path, line, cells["time"])
    if cells["verdict"] not in ("", *VERDICTS):
        raise CorrosionError(
            f"{path}, row {line}: the verdict is {cells['verdict']!r}: write "
            f"{', '.join(VERDICTS)}, or leave it empty."
        )
    if cells["kind"]:
        cells["kind"] = _kind(path, line, cells["kind"], cells["verdict"])
    return Verdict(**cells)


def _kind(path: Path, line: int, cell: str, verdict: str) -> str:
    """A kind as it is kept; none of what is not corroded."""
    kind = kind_name(cell) or (OTHER if cell.lower() == OTHER else "")
    if kind and verdict != CORRODED:
        raise CorrosionError(
            f"{path}, row {line}: the kind is {shortened(cell, LONGEST_KIND)!r} where the verdict "
            f"is not {CORRODED}: leave the kind empty, or write that verdict."
        )
    if shortened(kind, LONGEST_KIND) != kind:
        raise CorrosionError(
            f"{path}, row {line}: {shortened(kind, LONGEST_KIND)} can't be the name of a kind: "
            f"write one of {LONGEST_KIND} bytes at most."
        )
    return kind


def _time(path: Path, line: int, cell: str) -> str:
    """A second as it is kept, whatever its digits: 2, 2.0 and 2,0 (of a spreadsheet) are one."""
    try:
        time = float(cell.replace(",", "."))
    except ValueError:
        time = math.nan
    if not (math.isfinite(time) and time >= 0):
        raise CorrosionError(
            f"{path}, row {line}: the time is {cell!r}: write the second of the frame as 2.000, or "
            f"leave it empty for a photograph."
        )
    return time_cell(time)


def _cell(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def write_history(folder: Path, history: Sequence[Verdict]) -> None:
    """Write the history of a folder, whole or not at all.

    Raises:
        CorrosionError: it can't be written.
    """
    with (
        replacing(folder / HISTORY) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, [one.name for one in fields(Verdict)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in history)
