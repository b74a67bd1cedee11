"""Shares and grades of an inspection on other surfaces, from the masks that it has: no network."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.explanation.share_interval import ShareInterval
from corrosion.prediction.mask_writer import rust_facts
from corrosion.prediction.table import SHARES
from corrosion.report.inspection.cells import read_run, real, text, whole_rows
from corrosion.report.inspection.findings import table_of
from corrosion.report.inspection.surfaces import (
    FILE,
    WHOLE,
    DrawnSurfaces,
    Photograph,
    Surfaces,
    surfaces_of,
)
from corrosion.report.inspection.verdict_history import time_cell
from corrosion.settings.stored import StoredInterval
from corrosion.system.files import replacing, write_json
from corrosion.system.locks import sole_writer
from corrosion.system.names import on_disk

_NOT_MEASURED = "not measured: "
_ROWS_AT_ONCE = 10_000
_AGAIN = "Predict the photographs again, with --masks."

Row = dict[str, Any]


@dataclass(frozen=True)
class MeasuredAgain:
    """What came of measuring masks again.

    Attributes:
        photographs: number of masks that were measured.
        on_surface: number of those measured on a surface that was marked or drawn.
        failed: number of those that could not be measured; their rows say why.
    """

    photographs: int
    on_surface: int
    failed: int


def measure_again(folder: Path, surface: Path) -> MeasuredAgain:
    """Measure the masks of an output folder of `corrosion predict` on other surfaces.

    The table gets new shares, intervals and grades, whole or not at all; nothing is predicted. A
    file of drawn regions is kept in the folder, where the inspection page finds them.

    Args:
        folder: folder of a finished run with masks.
        surface: as `corrosion.report.inspection.surfaces.surfaces_of` takes it.

    Raises:
        CorrosionError: the folder is none of such a run, or of an earlier version; the surface
            can't be read; or the folder can't be written.
    """
    surfaces, run = surfaces_of(surface), read_run(folder)
    path = table_of(folder)
    if run.get("share_interval") is None:
        raise CorrosionError(
            f"{folder} has no masks, or is of an earlier version, which kept nothing of how shares "
            f"get their intervals. {_AGAIN}"
        )
    stored = StoredInterval.of(run["share_interval"], folder / "run.json", way_out=_AGAIN)
    scale = math.inf if stored.scale is None else stored.scale
    interval = ShareInterval(scale, stored.photographs, stored.own)
    with sole_writer(folder, name="FOLDER"):
        counting = _Counting()
        rows = counting.over(_measured(folder, whole_rows(path, run), surfaces, interval))
        with replacing(path) as temporary:
            (_write_csv if path.suffix == ".csv" else _write_parquet)(path, temporary, rows)
        _keep_drawn(folder / FILE, surfaces)
        write_json(
            folder / "run.json", run | {"counts": run["counts"] | {"failed": counting.errors}}
        )
    return MeasuredAgain(counting.photographs, counting.on_surface, counting.failed)


def _measured(
    folder: Path, rows: Iterable[Row], surfaces: Surfaces, interval: ShareInterval
) -> Iterator[Row]:
    """Rows with what their masks say now."""
    for row in rows:
        file = text(row, "mask")
        if file is None:
            yield row
            continue
        error = text(row, "error")
        if error is not None and error.startswith(_NOT_MEASURED):
            error = None
        try:
            mask = read_image(on_disk(folder / file)).max(axis=2)
            height, width = mask.shape
            photograph = Photograph(
                str(row["path"]),
                time_cell(real(row, "time")),
                text(row, "sha256") or "",
                file,
                (height, width),
            )
            facts = asdict(rust_facts(mask, photograph, surfaces, interval))
        except CorrosionError as reason:
            told = f"{_NOT_MEASURED}{reason}"
            error = told if error is None else f"{error}; {told}"
            facts = dict.fromkeys(_COLUMNS)
        facts["mask"] = file
        yield row | facts | {"error": error}


_COLUMNS = (
    "rusted_share", "rusted_share_low", "rusted_share_high", "grade_iso4628_3", "grade_astm_d610",
    "grade_imo_coating", "distribution", "regions", "largest_region", "surface",
)  # fmt: skip


class _Counting:
    """Counts rows on their way into the table."""

    def __init__(self) -> None:
        self.photographs = self.on_surface = self.failed = self.errors = 0

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            error = text(row, "error")
            self.errors += error is not None
            if text(row, "mask") is not None:
                self.photographs += 1
                self.on_surface += text(row, "surface") not in (None, WHOLE)
                self.failed += error is not None and _NOT_MEASURED in error
            yield row


def _write_csv(path: Path, temporary: Path, rows: Iterator[Row]) -> None:
    first = next(rows, None)
    with temporary.open("w", encoding="utf-8", newline="") as file:
        if first is None:
            file.write(path.read_text(encoding="utf-8"))
            return
        writer = csv.DictWriter(file, list(first), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_as_text, chain([first], rows)))


def _as_text(row: Mapping[str, Any]) -> Row:
    shares = {name: row[name] for name in SHARES if isinstance(row.get(name), float)}
    return {**row, **{name: f"{share:.6f}" for name, share in shares.items()}}


def _write_parquet(path: Path, temporary: Path, rows: Iterator[Row]) -> None:
    import pyarrow
    from pyarrow import parquet

    schema = parquet.read_schema(path)
    with parquet.ParquetWriter(temporary, schema) as writer:
        while group := list(islice(rows, _ROWS_AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


def _keep_drawn(path: Path, surfaces: Surfaces) -> None:
    """Keep what was drawn where the page finds it, and nothing of before."""
    if not isinstance(surfaces, DrawnSurfaces):
        path.unlink(missing_ok=True)
        return
    drawn = [one.model_dump(mode="json") for one in surfaces.by_name.values()]
    write_json(path, {"surfaces": drawn})
