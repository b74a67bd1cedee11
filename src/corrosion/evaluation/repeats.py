"""A model trained several times: what it reaches on average, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from corrosion.evaluation.areas import roc_auc
from corrosion.evaluation.estimates import estimate_table
from corrosion.evaluation.intervals import Estimate, within_0_and_1
from corrosion.evaluation.metric_table import EVALUATED, METRICS, WITHIN_FOLDS
from corrosion.evaluation.metrics import Floats, WeightedMetrics, all_metrics
from corrosion.evaluation.precision_areas import average_precision
from corrosion.evaluation.predictions import folds_of, groups_of
from corrosion.evaluation.resampling import resamples


def mean_metrics(runs: Sequence[pd.DataFrame], *, threshold: float = 0.5) -> dict[str, float]:
    """The mean of each of `EVALUATED` over runs; NaN where it is undefined for one of them.

    Args:
        runs: tables of `read_predictions`, at least one, of the same images in the same
            order; the areas of one put together of folds are the means of those within folds.
        threshold: probability from which an image counts as corroded.

    Example:
        >>> first = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.2]})
        >>> runs = [first, first.assign(probability=[0.4, 0.2])]
        >>> mean_metrics(runs)["recall"]
        0.5
    """
    values = [
        all_metrics(run["label"], run["probability"], threshold=threshold) | _areas(run)
        for run in runs
    ]
    return {name: float(np.mean([value[name] for value in values])) for name in EVALUATED}


def _areas(run: pd.DataFrame) -> dict[str, float]:
    """The areas of a run, over folds the means of those within folds."""
    label, probability, fold = run["label"], run["probability"], folds_of(run)
    return {
        "auroc": roc_auc(label, probability, fold=fold),
        "auprc": average_precision(label, probability, fold=fold),
        "auprc_negative": average_precision(1 - label, 1 - probability, fold=fold),
    }


def estimate_means(
    runs: Sequence[pd.DataFrame],
    *,
    threshold: float = 0.5,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The mean of each metric over runs with its interval; of one run as `estimate_metrics`.

    To each side the interval reaches as far as other images (the mean of the runs' own intervals)
    and other runs (their scatter) together: the root of the sum of squares (Zou & Donner,
    Statistics in Medicine 27, 2008). Two or three runs tell little about other seeds, for which it
    is rather too narrow.

    Args:
        runs: tables of predictions, as for `mean_metrics`.
        threshold: probability from which an image counts as corroded.
        level: confidence level of the intervals, in (0, 1).
        count: number of draws of the calibration error that chance gives.
        seed: seed of the draws.

    Raises:
        CorrosionError: a bad level or count.

    Example:
        >>> first = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.2]})
        >>> runs = [first, first.assign(probability=[0.9, 0.6])]
        >>> found = estimate_means(runs, count=200)["accuracy"]
        >>> found.value, round(found.low, 2), round(found.high, 2), found.method
        (0.75, 0.03, 1.0, 'repeats')
    """
    of_runs = [
        estimate_table(run, threshold=threshold, level=level, count=count, seed=seed)
        for run in runs
    ]
    if len(runs) == 1:
        return of_runs[0]
    return {name: _mean(name, [one[name] for one in of_runs], level) for name in EVALUATED}


def _mean(metric: str, runs: Sequence[Estimate], level: float) -> Estimate:
    values, lows, highs = (
        np.array([getattr(run, end) for run in runs]) for end in ("value", "low", "high")
    )
    value = float(values.mean())
    scatter = (
        norm.isf((1 - within_0_and_1(level, name="level")) / 2)
        * values.std(ddof=1)
        / np.sqrt(len(runs))
    )
    low = value - np.hypot(value - lows.mean(), scatter)
    high = value + np.hypot(highs.mean() - value, scatter)
    expected = [run.expected for run in runs if run.expected is not None]
    return Estimate(
        value,
        float(np.maximum(low, METRICS[metric].low)),
        float(np.minimum(high, METRICS[metric].high)),
        "undefined" if np.isnan(low) else "repeats",
        expected=float(np.mean(expected)) if expected else None,
    )


def resampled_runs(
    models: Mapping[str, Sequence[pd.DataFrame]],
    thresholds: Mapping[str, float],
    *,
    count: int,
    seed: int,
) -> dict[str, dict[str, Floats]]:
    """Metrics of each run of models on the same resamples of their test images.

    Args:
        models: runs by the model's name, all of the same images in the same order.
        thresholds: threshold of each model by name.
        count: number of resamples.
        seed: seed of the resamples.

    Returns:
        For each model and each of `EVALUATED` (runs, count) float64.

    Example:
        >>> run = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.2]})
        >>> resampled_runs({"a": [run]}, {"a": 0.5}, count=3, seed=0)["a"]["auroc"].tolist()
        [[1.0, 1.0, 1.0]]
    """
    first = next(iter(models.values()))[0]
    label: NDArray[np.int64] = first["label"].to_numpy(np.int64)
    compute = {
        name: [_weighted(label, run, threshold=thresholds[name]) for run in runs]
        for name, runs in models.items()
    }
    portions: dict[str, list[list[dict[str, Floats]]]] = {name: [] for name in models}
    for weight in resamples(label, group=groups_of(first), count=count, seed=seed):
        for name, of_runs in compute.items():
            portions[name].append([metrics(weight) for metrics in of_runs])
    return {
        name: {
            metric: np.concatenate([[run[metric] for run in part] for part in of_model], axis=1)
            for metric in EVALUATED
        }
        for name, of_model in portions.items()
    }


def _weighted(
    label: NDArray[np.int64], run: pd.DataFrame, *, threshold: float
) -> Callable[[Floats], dict[str, Floats]]:
    """The metrics of a run under weights of its images; areas as the means of those of folds."""
    whole = WeightedMetrics(label, run["probability"], threshold=threshold)
    fold = folds_of(run)
    if fold is None:
        return whole
    of_folds = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    parts = [
        (rows, WeightedMetrics(label[rows], run["probability"].to_numpy()[rows]))
        for rows in of_folds
        if 0 < label[rows].sum() < len(rows)
    ]

    def compute(weight: Floats) -> dict[str, Floats]:
        within = [part(weight[:, rows]) for rows, part in parts]
        found = whole(weight)
        for name in WITHIN_FOLDS:
            areas = np.array([one[name] for one in within])
            defined = (~np.isnan(areas)).sum(axis=0)  # a resample may lack a class of a small fold
            with np.errstate(invalid="ignore"):
                found[name] = np.nansum(areas, axis=0) / defined
        return found

    return compute
