"""Predictions of a run as its files hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluation.metrics import checked

_REQUIRED = ("path", "label", "probability")


def read_predictions(path: Path, *, split: Path | None = None) -> pd.DataFrame:
    """Read `predictions.csv` or `predictions_val.csv`, checked.

    Args:
        path: CSV with columns path, label (0 or 1) and probability (of corrosion, in [0, 1]); one
            row an image. Further columns are kept; `logit` as numbers, NaN where it is none.
        split: a `split.csv`, whose further columns (source, group, content_hash, ...) are added.

    Returns:
        One row an image: path (str), label (int64), probability (float64), and further columns.

    Raises:
        CorrosionError: a file is missing or no such table, is empty, names an image twice, holds
            bad labels or probabilities, or the two files are of different runs.
    """
    table = _read(path, _REQUIRED)
    for column in table.columns.intersection(["probability", "logit"]):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    try:
        table["label"], table["probability"] = checked(table["label"], table["probability"])
    except CorrosionError as error:
        raise CorrosionError(f"{path}: {error}") from error
    if split is None:
        return table
    columns = _read(split, ("path", "label"))
    columns = columns.drop(columns=[name for name in columns if name in table and name != "path"])
    merged = table.merge(columns, on="path", how="left", indicator=True, validate="one_to_one")
    unknown = merged.loc[merged.pop("_merge") == "left_only", "path"]
    if len(unknown):
        raise CorrosionError(
            f"{path}: {len(unknown)} image(s) are not in {split}, as {unknown.iloc[0]}: the two "
            f"files are of different runs."
        )
    return merged


def _read(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"path": str, "source": str})
    except FileNotFoundError as error:
        raise CorrosionError(
            f"There is no {path}: give the directory of a finished run."
        ) from error
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise CorrosionError(f"{path} can't be read as CSV: {error}") from error
    missing = [name for name in required if name not in table]
    if missing:
        raise CorrosionError(
            f"{path} has no column {', '.join(missing)}: it needs {', '.join(required)}."
        )
    twice = table["path"][table["path"].duplicated()]
    if len(twice):
        raise CorrosionError(f"{path} names {twice.iloc[0]} twice: give each image one row.")
    return table


def groups_of(table: pd.DataFrame) -> np.ndarray | None:
    """The column `group`, or None: each image its own group."""
    return table["group"].to_numpy() if "group" in table else None
