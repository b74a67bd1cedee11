"""Models side by side on the same test images: what is settled, and what is not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluate.intervals import checked_level
from corrosion.evaluate.metrics import (
    LOWER_IS_BETTER,
    METRICS,
    Floats,
    WeightedMetrics,
    all_metrics,
)
from corrosion.evaluate.predictions import groups_of
from corrosion.evaluate.resampling import resamples
from corrosion.evaluate.significance import bootstrap_p, delong, holm, mcnemar


def align(models: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Put the predictions of several models in the same order of images.

    Images are told by their `content_hash` where every table has it, once an image; else by
    their path.

    Args:
        models: at least two tables as `read_predictions` gives them, by the model's name.

    Returns:
        The tables, each with the first's order of images, and the first's `group` if it has any.

    Raises:
        CorrosionError: fewer than two models, other images, or other labels of the same images.
    """
    if len(models) < 2:
        raise CorrosionError("A comparison needs at least two models.")
    key = "content_hash" if all(_has_unique_hashes(table) for table in models.values()) else "path"
    (first, reference), *others = (
        (name, table.set_index(key, drop=False)) for name, table in models.items()
    )
    aligned = {first: reference}
    for name, table in others:
        _refuse_other_images(first, reference, name, table)
        aligned[name] = table.loc[reference.index]
        differs = aligned[name]["label"].to_numpy() != reference["label"].to_numpy()
        if differs.any():
            raise CorrosionError(
                f"{first} and {name} disagree on the label of {differs.sum()} image(s), as "
                f"{reference['path'].iloc[int(differs.argmax())]}: test both with the same labels."
            )
    if "group" in reference:
        aligned = {
            name: table.assign(group=reference["group"].to_numpy())
            for name, table in aligned.items()
        }
    return {name: table.reset_index(drop=True) for name, table in aligned.items()}


def _has_unique_hashes(table: pd.DataFrame) -> bool:
    return "content_hash" in table and bool(table["content_hash"].is_unique)


def _refuse_other_images(
    first: str, reference: pd.DataFrame, name: str, table: pd.DataFrame
) -> None:
    only_first = reference.loc[~reference.index.isin(table.index), "path"]
    only_other = table.loc[~table.index.isin(reference.index), "path"]
    extra = [
        f"{len(paths)} only of {model} (as {paths.iloc[0]})"
        for model, paths in ((first, only_first), (name, only_other))
        if len(paths)
    ]
    if extra:
        raise CorrosionError(
            f"{first} and {name} were tested on different images: {', '.join(extra)}. Train both "
            f"with the same data.split_file to compare them."
        )


def compare_models(
    models: Mapping[str, pd.DataFrame],
    *,
    thresholds: Mapping[str, float] | None = None,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test each pair of models on each metric.

    Accuracy by McNemar's exact test, ROC-AUC by DeLong's, the rest by the paired bootstrap (the
    same resamples for all models); groups of images stay together in each. Holm's correction
    takes all pairs on one metric as one family.

    Args:
        models: at least two tables as `read_predictions` gives them, by the model's name.
        thresholds: of each model, by name; 0.5 where none is given.
        level: of confidence; a difference is settled if its corrected p-value is below 1 - level.
        count: resamples.
        seed: of the resamples.

    Returns:
        One row a metric and pair: metric, a, b, value_a, value_b, difference (a - b), low, high
        (interval of the difference, not corrected for the number of pairs), test, p_value, p_holm
        (NaN where the data can't tell) and settled (bool).

    Raises:
        CorrosionError: as `align`, or a bad level.
    """
    checked_level(level)
    tables = align(models)
    at = {name: (thresholds or {}).get(name, 0.5) for name in tables}
    label = next(iter(tables.values()))["label"].to_numpy()
    group = groups_of(next(iter(tables.values())))
    scores = {name: table["probability"].to_numpy() for name, table in tables.items()}
    right = {name: (scores[name] >= at[name]) == label for name in tables}
    values = {name: all_metrics(label, scores[name], threshold=at[name]) for name in tables}
    drawn = _drawn(label, scores, at, group, count=count, seed=seed)
    rows = []
    for metric in METRICS:
        of_metric = []
        for a, b in combinations(tables, 2):
            change = drawn[a][metric] - drawn[b][metric]
            low, high = np.quantile(change, ((1 - level) / 2, (1 + level) / 2))
            test, p_value = "paired bootstrap", bootstrap_p(change)
            if metric == "accuracy":
                test, p_value = "McNemar", mcnemar(right[a], right[b], group=group).p_value
            elif metric == "auroc":
                areas = delong(label, scores[a], scores[b], group=group, level=level)
                test, p_value, low, high = "DeLong", areas.p_value, areas.low, areas.high
            difference = values[a][metric] - values[b][metric]
            pair = (a, b, values[a][metric], values[b][metric])
            of_metric.append((metric, *pair, difference, low, high, test, p_value))
        corrected = holm([row[-1] for row in of_metric])
        rows += [(*row, p, p < 1 - level) for row, p in zip(of_metric, corrected, strict=True)]
    columns = "metric a b value_a value_b difference low high test p_value p_holm settled"
    return pd.DataFrame(rows, columns=columns.split())


def _drawn(
    label: np.ndarray,
    scores: Mapping[str, Floats],
    thresholds: Mapping[str, float],
    group: np.ndarray | None,
    *,
    count: int,
    seed: int,
) -> dict[str, dict[str, Floats]]:
    """Metrics (count,) of each model on the same resamples."""
    compute = {
        name: WeightedMetrics(label, scores[name], threshold=thresholds[name]) for name in scores
    }
    portions: dict[str, list[dict[str, Floats]]] = {name: [] for name in scores}
    for weight in resamples(label, group=group, count=count, seed=seed):
        for name, metrics in compute.items():
            portions[name].append(metrics(weight))
    return {
        name: {metric: np.concatenate([part[metric] for part in parts]) for metric in METRICS}
        for name, parts in portions.items()
    }


def conclusion(comparison: pd.DataFrame, metric: str, *, name: str | None = None) -> str:
    """What a comparison settles about one metric, in plain words.

    Args:
        comparison: as `compare_models` gives it.
        metric: one of `METRICS`.
        name: of the metric in the sentence.

    Returns:
        Sentences on the differences that are settled, and on those that are not.

    Example:
        "Settled for accuracy: b is better than a (0.942 against 0.901, p = 0.004). Not settled:
        a and c (0.901 against 0.905, p = 1)."
    """
    rows = comparison[comparison["metric"] == metric]
    settled = [_better(row, metric) for row in rows[rows["settled"]].to_dict("records")]
    open_ = [
        f"{row['a']} and {row['b']} ({row['value_a']:.3f} against {row['value_b']:.3f}, "
        f"{_p(row['p_holm'])})"
        for row in rows[~rows["settled"]].to_dict("records")
    ]
    name = name or metric
    if not settled:
        return (
            f"Nothing is settled for {name}: the test images can't tell apart {'; '.join(open_)}."
        )
    rest = f" Not settled: {'; '.join(open_)}." if open_ else " Every pair is settled."
    return f"Settled for {name}: {'; '.join(settled)}.{rest}"


def _better(row: Mapping[Hashable, Any], metric: str) -> str:
    better, worse = ("a", "b") if row["difference"] > 0 else ("b", "a")
    if metric in LOWER_IS_BETTER:
        better, worse = worse, better
    values = f"{row['value_' + better]:.3f} against {row['value_' + worse]:.3f}"
    return f"{row[better]} is better than {row[worse]} ({values}, {_p(row['p_holm'])})"


def _p(value: float) -> str:
    if np.isnan(value):
        return "no test possible"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
