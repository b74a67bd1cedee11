"""What a comparison says, in plain words."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from corrosion.evaluation.metric_table import METRICS
from corrosion.evaluation.model_tests import CHECKPOINTS


def conclusion(
    comparison: pd.DataFrame,
    metric: str,
    *,
    title: str | None = None,
    higher_is_better: bool | None = None,
) -> str:
    """What a comparison says of one metric, in plain words.

    Args:
        comparison: table of `compare_models`; without its column `speaks_of` (as of explanations)
            names stand for themselves.
        metric: key of one of its metrics.
        title: name of the metric in the sentence; None for that of `METRICS`.
        higher_is_better: whether its best value is the highest; None for what `METRICS` says.

    Returns:
        Sentences on the differences that are significant, and on those that are not; where a test
        speaks of checkpoints alone, they do so too.

    Example:
        >>> row = {"metric": "accuracy", "a": "a", "b": "b", "value_a": 0.901, "value_b": 0.942}
        >>> row |= {"difference": -0.041, "p_holm": 0.004, "significant": True}
        >>> print(conclusion(pd.DataFrame([row]), "accuracy").replace(". E", ".\\nE"))
        Significant for accuracy: b is better than a (0.942 against 0.901, p = 0.004).
        Every difference is significant.
    """
    rows = comparison[comparison["metric"] == metric]
    title = METRICS[metric].title if title is None else title
    if higher_is_better is None:
        higher_is_better = METRICS[metric].higher_is_better
    significant = [
        _better(row, higher=higher_is_better)
        for row in rows[rows["significant"]].to_dict("records")
    ]
    others = [
        f"{_named(row, 'a')} and {_named(row, 'b')} ({_value(row['value_a'])} against "
        f"{_value(row['value_b'])}, {_p(row['p_holm'])})"
        for row in rows[~rows["significant"]].to_dict("records")
    ]
    if not significant:
        return (
            f"No difference in {title} is significant: the test images can't tell apart "
            f"{'; '.join(others)}."
        )
    rest = (
        f" Not significant: {'; '.join(others)}." if others else " Every difference is significant."
    )
    return f"Significant for {title}: {'; '.join(significant)}.{rest}"


def _better(row: Mapping[Hashable, Any], *, higher: bool) -> str:
    better, worse = ("a", "b") if row["difference"] > 0 else ("b", "a")
    if not higher:
        better, worse = worse, better
    values = f"{row['value_' + better]:.3f} against {row['value_' + worse]:.3f}"
    named = f"{_named(row, better)} is better than {_named(row, worse)}"
    return f"{named} ({values}, {_p(row['p_holm'])})"


def _named(row: Mapping[Hashable, Any], side: str) -> str:
    """What a sentence is about: a model, or no more than the checkpoint that was tried."""
    name = str(row[side])
    return f"this checkpoint of {name}" if row.get("speaks_of") == CHECKPOINTS else name


def _value(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"


def _p(value: float) -> str:
    if np.isnan(value):
        return "no test possible"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
