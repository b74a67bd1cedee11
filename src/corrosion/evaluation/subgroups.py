"""Metrics of parts of a test set: by source, or by any other column."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluation.estimates import estimate_table
from corrosion.evaluation.intervals import Estimate

_MOST = 50


@dataclass(frozen=True)
class Subgroup:
    """Metrics of the images that share a value of a column.

    Attributes:
        images: number of images.
        corroded: number of corroded ones among them.
        metrics: an estimate for each of `EVALUATED`.
    """

    images: int
    corroded: int
    metrics: dict[str, Estimate]


def by_column(
    predictions: pd.DataFrame,
    column: str,
    *,
    threshold: float = 0.5,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, Subgroup]:
    """Metrics with intervals for each value of a column.

    Args:
        predictions: table of `read_predictions`.
        column: column of the table; images without a value form a part of their own, "(none)".
        threshold: probability from which an image counts as corroded.
        level: confidence level of the intervals, in (0, 1).
        count: number of draws of the calibration error that chance gives.
        seed: seed of the draws.

    Returns:
        A `Subgroup` by value, sorted.

    Raises:
        CorrosionError: there is no such column, or it has more than 50 values.

    Example:
        >>> table = pd.DataFrame({"label": [1, 0, 1], "probability": [0.9, 0.2, 0.3]})
        >>> table["source"] = ["ships", "ships", None]
        >>> parts = by_column(table, "source", count=10)
        >>> {name: (part.images, part.metrics["recall"].value) for name, part in parts.items()}
        {'(none)': (1, 0.0), 'ships': (2, 1.0)}
    """
    if column not in predictions:
        names = ", ".join(map(str, predictions.columns))
        raise CorrosionError(f"The predictions have no column {column}: choose one of {names}.")
    values = predictions[column].astype(object).where(predictions[column].notna(), "(none)")
    if values.nunique() > _MOST:
        raise CorrosionError(
            f"Column {column} has {values.nunique()} values: subgroups of so few images tell "
            f"nothing. Choose a column with at most {_MOST}."
        )
    return {
        str(value): Subgroup(
            images=len(part),
            corroded=int(part["label"].sum()),
            metrics=estimate_table(part, threshold=threshold, level=level, count=count, seed=seed),
        )
        for value, part in predictions.groupby(values.astype(str), sort=True)
    }
