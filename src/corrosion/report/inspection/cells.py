"""What the files of an output folder say: run.json, and cells of predictions.csv or .parquet."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import is_unlike, needs_review
from corrosion.system.extras import require_package
from corrosion.system.files import RESTORE, read_json, write_json

Row = Mapping[str, Any]
"""A row by column: text from CSV, values from Parquet."""

_ROWS_AT_ONCE = 10_000


def read_run(folder: Path) -> dict[str, Any]:
    """What a run was asked for, and found.

    Raises:
        CorrosionError: the folder is none of a run.
    """
    file = folder / "run.json"
    if not file.is_file():
        raise CorrosionError(
            f"{folder} is no output folder of corrosion predict (there is no {file}): give the "
            f"folder that it wrote."
        )
    run = read_json(file)
    if not isinstance(run, dict) or not isinstance(run.get("asked"), dict):
        raise CorrosionError(f"{file} is not what corrosion predict writes: give its folder.")
    return run


def keep_in_run(folder: Path, told: Mapping[str, Any]) -> None:
    """Keep what reports are told beside what their run was asked for.

    Args:
        folder: folder of the run.
        told: values by their names; those that are None leave what was kept before.

    Raises:
        CorrosionError: the folder is none of a run, or can't be written.
    """
    run = read_run(folder)
    kept = run | {name: value for name, value in told.items() if value is not None}
    if kept != run:
        write_json(folder / "run.json", kept)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    return _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)


def whole_rows(path: Path, run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a run's table, one after the other, and no fewer than the run has counted.

    A table that was cut is a sound smaller one but for that.

    Args:
        path: path of the table.
        run: what `read_run` says.

    Raises:
        CorrosionError: it can't be read, ends within a row, or has more or fewer rows; the
            package that reads it is missing.
    """
    number = 0
    for number, row in enumerate(_read(path), start=1):
        if path.suffix == ".csv" and None in row.values():
            raise CorrosionError(f"{path} ends within row {number}. {RESTORE}")
        yield row
    counted = (run.get("counts") or {}).get("images", number)
    if counted != number:
        raise CorrosionError(
            f"{path} has {number} rows, and its run has counted {counted} photographs and frames. "
            f"{RESTORE}"
        )


def _read_csv(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # boxes of many regions are long
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise CorrosionError(f"{path} can't be read as CSV: {error}") from error


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    require_package("pyarrow", str(path), instead="predictions.csv")
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise CorrosionError(f"{path} can't be read: {error}") from error


def reasons_for_review(
    probability: float | None,
    unlike: float | None,
    band: tuple[float, float] | None,
    *,
    seen_whole: float | None = None,
) -> tuple[str, ...]:
    """Why an inspector shall look at a photograph that goes to one.

    Sentences are interned: 100,000 photographs have few different ones.

    Args:
        probability: its probability of corrosion; None where it is not known.
        unlike: above 1, it is unlike all that the network was trained on; None likewise.
        band: what an inspector decides; None for no such band.
        seen_whole: probability of a photograph in tiles, seen as a whole, which the band is of;
            its `probability` is that of its tiles. None of others.
    """
    reasons: list[str] = []
    if unlike is not None and is_unlike(unlike):
        reasons.append(
            sys.intern(f"Unlike the training photographs ({unlike:.2f}, the limit is 1).")
        )
    judged = probability if seen_whole is None else seen_whole
    if judged is not None and band is not None and needs_review(judged, band):
        whole = "" if seen_whole is None else f" of the whole photograph, {seen_whole:.3f},"
        ends = f"{band[0]:.3g} to {band[1]:.3g}"
        sentence = f"The probability{whole} is in the range that an inspector decides ({ends})."
        reasons.append(sys.intern(sentence))
    if not reasons:
        reasons.append("The table sends it to an inspector, and does not say why.")
    return tuple(reasons)


def text(row: Row, name: str) -> str | None:
    """A cell as text; None where it is empty, or there is no such column."""
    value = row.get(name)
    return None if value is None or value == "" else str(value)


def real(row: Row, name: str) -> float | None:
    """A cell as a number, likewise.

    Raises:
        ValueError: it is none.
    """
    cell = text(row, name)
    return None if cell is None else float(cell)


def whole(row: Row, name: str) -> int | None:
    """A cell as a whole number, likewise.

    Raises:
        ValueError: it is no number.
    """
    cell = real(row, name)
    return None if cell is None else int(cell)


def boxes(row: Row, name: str) -> tuple[tuple[int, int, int, int], ...]:
    """The boxes of a cell, or its only box."""
    value = row.get(name)
    if isinstance(value, str):
        value = json.loads(value) if value else None
    if not value:
        return ()
    given = [value] if name == "worst_tile" else value
    return tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in given)
