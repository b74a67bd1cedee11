"""Models side by side on the same test images: which differences are significant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.errors import CorrosionError
from corrosion.evaluation.alignment import align_runs
from corrosion.evaluation.intervals import within_0_and_1
from corrosion.evaluation.metric_table import TESTED
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.pair_tests import PairTest, pair_tests
from corrosion.evaluation.predictions import folds_of, groups_of
from corrosion.evaluation.repeats import mean_metrics, resampled_runs
from corrosion.evaluation.resampling import group_numbers
from corrosion.evaluation.run_tests import (
    ENOUGH_RUNS,
    compare_seeds,
    detectable,
    spread_of_folds,
    student_test,
)
from corrosion.evaluation.significance import holm

CHECKPOINTS, MODELS = "these checkpoints", "the models"
"""What a test speaks of."""


def compare_models(
    models: Mapping[str, pd.DataFrame | Sequence[pd.DataFrame]],
    *,
    thresholds: Mapping[str, float] | None = None,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test each pair of models on each metric of `TESTED`.

    Two runs by `corrosion.evaluation.pair_tests.pair_tests`; groups of images stay together. This
    speaks of these checkpoints alone. Where each model has `ENOUGH_RUNS` seeds or folds, the same
    folds for both, means over them are compared so that other runs are counted, and the models
    themselves are spoken of (`compare_seeds`, `spread_of_folds`). Calibration is compared by log
    loss and Brier score: chance alone gives the calibration errors of two calibrated models
    different sizes. Intervals of differences are those of the test where it has some, else the
    paired bootstrap's (the same resamples for all models). Holm's correction takes all pairs on one
    metric as one family.

    Args:
        models: table of `read_predictions` of each model by name, at least two models, or one a
            run of several with different seeds.
        thresholds: threshold of each model by name; 0.5 where none is given.
        level: confidence level of the intervals, in (0, 1); a difference is significant if its
            corrected p-value is below 1 - level.
        count: number of resamples.
        seed: seed of the resamples.

    Returns:
        One row a metric and pair: metric, a, b, value_a, value_b, difference (a - b), low, high
        (interval of the difference, not corrected for the number of pairs), test, p_exact (that of
        McNemar's exact test beside its mid-p; else NaN), p_value, p_holm (NaN where the data can't
        tell), significant (bool), speaks_of (`CHECKPOINTS` or `MODELS`) and detectable (the least
        true difference that a comparison of this size finds with a power of 0.8; NaN likewise).

    Raises:
        CorrosionError: as `align`, or a bad level.

    Example:
        >>> paths, label = [f"{n}.jpg" for n in range(40)], [0, 1] * 20
        >>> good = pd.DataFrame({"path": paths, "label": label, "probability": [0.1, 0.9] * 20})
        >>> tests = compare_models({"good": good, "poor": good.assign(probability=0.6)}, count=100)
        >>> tests.loc[tests["metric"] == "accuracy", ["test", "significant"]].to_numpy().tolist()
        [['McNemar mid-p', True]]
    """
    within_0_and_1(level, name="level")
    if len(models) < 2:
        raise CorrosionError("A comparison needs at least two models.")
    runs = align_runs(models)
    at = {name: (thresholds or {}).get(name, 0.5) for name in runs}
    values = {name: mean_metrics(runs[name], threshold=at[name]) for name in runs}
    drawn = resampled_runs(runs, at, count=count, seed=seed)
    pairs = list(combinations(runs, 2))
    first = next(iter(runs.values()))[0]
    independent = len(np.unique(group_numbers(groups_of(first), len(first))))
    tests = {
        (a, b): _tested(
            (runs[a], runs[b]), (at[a], at[b]), (drawn[a], drawn[b]), level, count, seed
        )
        for a, b in pairs
    }
    rows = []
    for metric in TESTED:
        of_metric = []
        for a, b in pairs:
            change = drawn[a][metric].mean(axis=0) - drawn[b][metric].mean(axis=0)
            found = tests[a, b][metric]
            ends = tuple(np.quantile(change, ((1 - level) / 2, (1 + level) / 2)))
            low, high = ends if found.interval is None else found.interval
            value_a, value_b = values[a][metric], values[b][metric]
            least = detectable(
                found, (low, high), level=level, pairs=len(pairs), images=independent
            )
            told = (metric, a, b, value_a, value_b, value_a - value_b, low, high)
            about = MODELS if found.models else CHECKPOINTS
            of_metric.append((*told, about, least, found.test, found.exact, found.p_value))
        corrected = holm([row[-1] for row in of_metric])
        rows += [(*row, p, p < 1 - level) for row, p in zip(of_metric, corrected, strict=True)]
    columns = (
        "metric a b value_a value_b difference low high speaks_of detectable test p_exact p_value "
        "p_holm"
    )
    return pd.DataFrame(rows, columns=[*columns.split(), "significant"])


def _tested(
    runs: tuple[Sequence[pd.DataFrame], Sequence[pd.DataFrame]],
    thresholds: tuple[float, float],
    drawn: tuple[dict[str, Floats], dict[str, Floats]],
    level: float,
    count: int,
    seed: int,
) -> dict[str, PairTest]:
    """The tests of a pair on each of `TESTED`."""
    first = runs[0][0]
    rows = _common_folds(runs)
    if len(rows) >= ENOUGH_RUNS:
        return _of_folds(runs, rows, thresholds, level)
    if len(runs[0]) == len(runs[1]) == 1:
        return pair_tests(
            first["label"],
            *(one[0]["probability"] for one in runs),
            thresholds=thresholds,
            group=groups_of(first),
            fold=folds_of(first) if rows else None,
            level=level,
            count=count,
            seed=seed,
        )
    group = group_numbers(groups_of(first), len(first))
    of_class = [len(np.unique(group[first["label"] == side])) for side in (0, 1)]
    own = [
        [mean_metrics([run], threshold=at) for run in of_model]
        for of_model, at in zip(runs, thresholds, strict=True)
    ]
    return {
        metric: compare_seeds(
            (_values(own[0], metric), _values(own[1], metric)),
            (drawn[0][metric], drawn[1][metric]),
            images=min(of_class),
            level=level,
        )
        for metric in TESTED
    }


def _common_folds(
    runs: tuple[Sequence[pd.DataFrame], Sequence[pd.DataFrame]],
) -> list[NDArray[np.int64]]:
    """Numbers of the images of each fold; none without folds, or with others in each model."""
    folds = [folds_of(of_model[0]) for of_model in runs]
    if folds[0] is None or folds[1] is None:
        return []
    both = pd.DataFrame({"a": folds[0], "b": folds[1]})
    of_folds = [rows.to_numpy(np.int64) for rows in both.groupby(["a", "b"]).groups.values()]
    return of_folds if len(of_folds) == both["a"].nunique() == both["b"].nunique() else []


def _of_folds(
    runs: tuple[Sequence[pd.DataFrame], Sequence[pd.DataFrame]],
    folds: Sequence[NDArray[np.int64]],
    thresholds: tuple[float, float],
    level: float,
) -> dict[str, PairTest]:
    """The tests of means over seeds within each fold; folds without the metric say nothing."""
    own = [
        [mean_metrics([run.iloc[rows] for run in of_model], threshold=at) for rows in folds]
        for of_model, at in zip(runs, thresholds, strict=True)
    ]
    images = len(runs[0][0])
    ratio = float(np.mean([len(rows) / (images - len(rows)) for rows in folds]))
    found = {}
    for metric in TESTED:
        change = _values(own[0], metric) - _values(own[1], metric)
        change = change[~np.isnan(change)]
        name = "corrected resampled t"
        if len(change) < ENOUGH_RUNS:
            found[metric] = PairTest(name, np.nan, interval=(np.nan, np.nan)).of_models()
            continue
        spread = spread_of_folds(change, ratio)
        test = student_test(float(change.mean()), spread, name=name, level=level)
        found[metric] = test.of_models()
    return found


def _values(runs: Sequence[Mapping[str, float]], metric: str) -> Floats:
    return np.array([run[metric] for run in runs])
