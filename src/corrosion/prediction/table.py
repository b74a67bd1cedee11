"""The table of a run, row by row: CSV or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any

from corrosion.data.photograph_facts import LOCATION, PhotographFacts
from corrosion.evaluation.decisions import REVIEW
from corrosion.prediction.journal import Row, RustFacts, TileFacts
from corrosion.system.files import replacing
from corrosion.system.names import displayable, table_path, table_text

_COLUMNS = (
    "path", "frame", "time", "probability", "decision", "unlike_training", "review", "boxes",
    "overlay", "thumbnail", "error",
)  # fmt: skip
_OF_RUST = tuple(field.name for field in fields(RustFacts))
_OF_TILES = tuple(field.name for field in fields(TileFacts))
_OF_FILES = ("width", "height", "asset", *(field.name for field in fields(PhotographFacts)))
_OF_KINDS = ("kind", "kind_probability")
SHARES = ("rusted_share", "rusted_share_low", "rusted_share_high", "largest_region")
"""Columns that hold shares; to six decimals in CSV."""

_ROWS_IN_A_GROUP = 10_000


def write_table(
    path: Path,
    rows: Iterable[Row],
    *,
    masks: bool = False,
    tiles: bool = False,
    kinds: bool = False,
) -> None:
    """Write rows to a file, whole or not at all; a few at a time in memory.

    Columns: path, frame, time (seconds), probability, decision, unlike_training (above 1: unlike
    all that the network was trained on), review ("send to an inspector" or empty), boxes ([left,
    top, width, height] of each; as JSON in CSV), overlay, thumbnail, error; before the error with
    kinds of corrosion kind (the likeliest, where corrosion is detected) and kind_probability, with
    tiles those of `TileFacts`, with masks those of `RustFacts`, shares to six decimals in CSV, and
    always width, height, asset and those of `PhotographFacts`.

    Args:
        path: its suffix is the format, .csv or .parquet.
        rows: rows in the order of the table.
        masks: whether the columns of masks of rust are written too.
        tiles: whether those of tiles are.
        kinds: whether those of kinds of corrosion are.

    Raises:
        CorrosionError: the file can't be written.
    """
    added = (
        *(_OF_KINDS if kinds else ()),
        *(_OF_TILES if tiles else ()),
        *(_OF_RUST if masks else ()),
        *_OF_FILES,
    )
    columns = (*_COLUMNS[:-1], *added, _COLUMNS[-1])
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            _write_csv(temporary, rows, columns)
        else:
            _write_parquet(temporary, rows, columns)


def _write_csv(path: Path, rows: Iterable[Row], columns: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            cells = _cells(row)
            if row.probability is not None:
                cells["probability"] = f"{row.probability:.6f}"
            if row.kind_probability is not None:
                cells["kind_probability"] = f"{row.kind_probability:.6f}"
            if row.unlike_training is not None:
                cells["unlike_training"] = f"{row.unlike_training:.3f}"
            if row.time is not None:
                cells["time"] = f"{row.time:.3f}"
            if row.boxes is not None:
                cells["boxes"] = json.dumps(row.boxes, separators=(",", ":"))
            if row.tiles is not None:
                cells["worst_tile"] = json.dumps(row.tiles.worst_tile, separators=(",", ":"))
                cells["tile_threshold"] = f"{row.tiles.tile_threshold:.9f}"
                cells["whole_probability"] = f"{row.tiles.whole_probability:.6f}"
                # of many tiles the highest lies near 1, and near its threshold
                cells["probability"] = f"{row.probability:.9f}"
            for name in SHARES:
                if cells.get(name) is not None:
                    cells[name] = f"{cells[name]:.6f}"
            writer.writerow(cells)


def _write_parquet(path: Path, rows: Iterable[Row], columns: Sequence[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {
        "frame": pyarrow.int64(),
        "time": pyarrow.float64(),
        "probability": pyarrow.float64(),
        "kind_probability": pyarrow.float64(),
        "unlike_training": pyarrow.float64(),
        "boxes": pyarrow.list_(pyarrow.list_(pyarrow.int32())),
        "width": pyarrow.int64(),
        "height": pyarrow.int64(),
        **dict.fromkeys(LOCATION, pyarrow.float64()),
        "regions": pyarrow.int64(),
        "tiles": pyarrow.int64(),
        "corroded_tiles": pyarrow.int64(),
        "tile_threshold": pyarrow.float64(),
        "worst_tile": pyarrow.list_(pyarrow.int32()),
        "whole_probability": pyarrow.float64(),
        **dict.fromkeys(SHARES, pyarrow.float64()),
    }
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in columns])
    remaining = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while group := [_cells(row) for row in islice(remaining, _ROWS_IN_A_GROUP)]:
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


def _cells(row: Row) -> dict[str, Any]:
    return {
        "path": table_path(row.path),
        "frame": row.frame,
        "time": row.time,
        "probability": row.probability,
        "decision": row.decision,
        "unlike_training": row.unlike_training,
        "review": REVIEW if row.review else None,
        "boxes": row.boxes,
        "overlay": row.overlay,
        "thumbnail": row.thumbnail,
        "error": None if row.error is None else displayable(row.error),
        "width": row.width,
        "height": row.height,
        "asset": None if row.asset is None else table_text(row.asset),
        "kind": None if row.kind is None else table_text(row.kind),
        "kind_probability": row.kind_probability,
        **_of_file(row),
        **({} if row.tiles is None else asdict(row.tiles)),
        **({} if row.rust is None else _of_rust(row.rust)),
    }


def _of_file(row: Row) -> dict[str, Any]:
    if row.facts is None:
        return {}
    found = asdict(row.facts)
    camera = found["camera"]  # a text of whoever wrote the file
    return found | {"camera": None if camera is None else table_text(camera)}


def _of_rust(rust: RustFacts) -> dict[str, Any]:
    paths = {"mask": displayable(rust.mask)}
    if rust.surface is not None:
        paths["surface"] = table_path(rust.surface)
    return asdict(rust) | paths
