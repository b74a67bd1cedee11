"""A model trained several times: what it reaches on average, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.evaluation.intervals import (
    Estimate,
    bootstrap_estimate,
    checked_level,
    estimate_table,
)
from corrosion.evaluation.metric_table import EVALUATED
from corrosion.evaluation.metrics import Floats, WeightedMetrics, all_metrics
from corrosion.evaluation.predictions import groups_of
from corrosion.evaluation.resampling import resamples


def mean_metrics(runs: Sequence[pd.DataFrame], *, threshold: float = 0.5) -> dict[str, float]:
    """The mean of each of `EVALUATED` over runs; NaN where it is undefined for one of them.

    Args:
        runs: tables of `read_predictions`, at least one, of the same images in the same
            order.
        threshold: probability from which an image counts as corroded.

    Example:
        >>> first = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.2]})
        >>> runs = [first, first.assign(probability=[0.4, 0.2])]
        >>> mean_metrics(runs)["recall"]
        0.5
    """
    values = [all_metrics(run["label"], run["probability"], threshold=threshold) for run in runs]
    return {name: float(np.mean([value[name] for value in values])) for name in EVALUATED}


def estimate_means(
    runs: Sequence[pd.DataFrame],
    *,
    threshold: float = 0.5,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The mean of each metric over runs with its interval; of one run as `estimate_metrics`.

    Args:
        runs: tables of predictions, as for `mean_metrics`.
        threshold: probability from which an image counts as corroded.
        level: confidence level of the intervals, in (0, 1).
        count: number of resamples.
        seed: seed of the resamples.

    Raises:
        CorrosionError: a bad level or count.

    Example:
        >>> first = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.2]})
        >>> runs = [first, first.assign(probability=[0.9, 0.6])]
        >>> estimate_means(runs, count=200)["accuracy"]
        Estimate(value=0.75, low=0.5, high=1.0, method='bootstrap')
    """
    first = runs[0]
    if len(runs) == 1:
        return estimate_table(first, threshold=threshold, level=level, count=count, seed=seed)
    checked_level(level)
    means = mean_metrics(runs, threshold=threshold)
    drawn = resampled_means({"": runs}, {"": threshold}, count=count, seed=seed)[""]
    return {
        name: bootstrap_estimate(means[name], drawn[name], level=level, basic=name == "ece")
        for name in EVALUATED
    }


def resampled_means(
    models: Mapping[str, Sequence[pd.DataFrame]],
    thresholds: Mapping[str, float],
    *,
    count: int,
    seed: int,
) -> dict[str, dict[str, Floats]]:
    """Mean metrics of models on the same resamples of their test images and runs.

    Images and runs are drawn independently of each other (the pigeonhole bootstrap: Owen, Annals of
    Applied Statistics 1(2), 2007): other images and other seeds could have come. Two or three runs
    tell little about other seeds, and their interval is rather too narrow.

    Args:
        models: runs by the model's name, all of the same images in the same order.
        thresholds: threshold of each model by name.
        count: number of resamples.
        seed: seed of the resamples.

    Returns:
        For each model and each of `EVALUATED` (count,) float64.

    Example:
        >>> run = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.2]})
        >>> resampled_means({"a": [run]}, {"a": 0.5}, count=3, seed=0)["a"]["auroc"].tolist()
        [1.0, 1.0, 1.0]
    """
    first = next(iter(models.values()))[0]
    label: NDArray[np.int64] = first["label"].to_numpy(np.int64)
    compute = {
        name: [
            WeightedMetrics(label, run["probability"], threshold=thresholds[name]) for run in runs
        ]
        for name, runs in models.items()
    }
    portions: dict[str, list[list[dict[str, Floats]]]] = {name: [] for name in models}
    for weight in resamples(label, group=groups_of(first), count=count, seed=seed):
        for name, of_runs in compute.items():
            portions[name].append([metrics(weight) for metrics in of_runs])
    generator = np.random.default_rng((seed, 1))  # not the one that draws images
    result = {}
    for name, of_model in portions.items():
        runs = len(of_model[0])
        chosen = generator.integers(runs, size=(runs, count))
        result[name] = {
            metric: np.take_along_axis(
                np.concatenate([[run[metric] for run in part] for part in of_model], axis=1),
                chosen,
                axis=0,
            ).mean(axis=0)
            for metric in EVALUATED
        }
    return result
