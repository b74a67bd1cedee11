"""Average precision, the area under the precision-recall curve: how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from corrosion.evaluation.areas import ROUNDING, exact_bound, fold_rows, on_logits
from corrosion.evaluation.intervals import Estimate, within_0_and_1
from corrosion.evaluation.metrics import Floats, checked
from corrosion.evaluation.resampling import group_numbers

_LEAST = 0.3  # share of the binomial variance, chosen as `corrosion.evaluation.areas.LEAST`


def precision_estimate(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Average precision with an interval on the scale of logits.

    Its variance is the infinitesimal jackknife's (Efron, 1982), the shares of the classes taken as
    given, and never less than three tenths of the binomial one of as many corroded images (Boyd,
    Eng & Page, ECML 2013, who take it whole). Where every corroded image scores above every clean
    one, the bound is that of as many successes without a failure. Over folds it is the mean of
    those within folds, as in `average_precision`.

    Args:
        label: (N,) 0 or 1; 1 is what is searched for.
        probability: (N,) in [0, 1], of 1.
        group: (N,) of any type, no group in two folds; each image its own group if None.
        fold: (N,) of any type; a single fold if None.
        level: confidence level of the interval, in (0, 1).

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> found = precision_estimate([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.4, 0.5, 0.2, 0.1])
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.917, 0.432, 0.994)
    """
    labels, scores = checked(label, probability)
    chance = (1 - within_0_and_1(level, name="level")) / 2
    parts = fold_rows(labels, fold)
    if not parts:
        return Estimate(np.nan, np.nan, np.nan, "undefined")
    groups = group_numbers(group, len(labels))
    within = [_average_precision(labels[rows], scores[rows]) for rows in parts]
    value = float(np.mean([one for one, _ in within]))
    found = sum(len(np.unique(groups[rows][labels[rows] == 1])) for rows in parts)
    if value > 1 - ROUNDING:
        return exact_bound(value, found, chance)
    of_data = _variance(parts, [influence for _, influence in within], labels, groups)
    variance = max(of_data, _LEAST * value * (1 - value) / found)
    return on_logits(value, variance, found, chance)


def compare_precision(
    label: ArrayLike,
    probability_a: ArrayLike,
    probability_b: ArrayLike,
    *,
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """The difference of two models' average precision: its interval and two-sided p-value.

    As DeLong's test, with the infinitesimal jackknife of the difference: images of both classes,
    in groups, weigh in it as they come. Student's t has a degree of freedom less than there are
    groups of the rarer class, for each fold.

    Args:
        label: (N,) 0 or 1; 1 is what is searched for.
        probability_a: (N,) in [0, 1], of 1 by the first model; only its order counts.
        probability_b: (N,) by the second.
        group: (N,) of any type, no group in two folds; each image its own group if None.
        fold: (N,) of any type, for means within folds; a single one if None.
        level: confidence level of the interval, in (0, 1).

    Returns:
        Lower end, upper end and p-value; the last is 1 for equal values, all are NaN where the
        data can't tell.

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> label = [1, 1, 1, 0, 0, 0]
        >>> a, b = [0.9, 0.8, 0.4, 0.5, 0.2, 0.1], [0.6, 0.3, 0.7, 0.5, 0.4, 0.2]
        >>> round(compare_precision(label, a, b)[2], 2)
        0.82
    """
    labels, _ = checked(label, probability_a)
    chance = (1 - within_0_and_1(level, name="level")) / 2
    nothing = (float("nan"), float("nan"), float("nan"))
    parts = fold_rows(labels, fold)
    if not parts:
        return nothing
    groups = group_numbers(group, len(labels))
    first, second = (
        [_average_precision(labels[rows], scores[rows]) for rows in parts]
        for scores in (checked(label, one)[1] for one in (probability_a, probability_b))
    )
    a, b = (float(np.mean([value for value, _ in one])) for one in (first, second))
    change = [by_a - by_b for (_, by_a), (_, by_b) in zip(first, second, strict=True)]
    freedom = min(
        sum(len(np.unique(groups[rows][labels[rows] == side])) - 1 for rows in parts)
        for side in (0, 1)
    )
    variance = _variance(parts, change, labels, groups)
    if abs(a - b) < ROUNDING and variance < ROUNDING:
        return 0.0, 0.0, 1.0
    if freedom < 1 or variance < ROUNDING:
        return nothing
    deviation = np.sqrt(variance)
    half = student.isf(chance, freedom) * deviation
    p_value = 2 * student.sf(abs(a - b) / deviation, freedom)
    return float(a - b - half), float(a - b + half), float(p_value)


def average_precision(
    label: ArrayLike, probability: ArrayLike, *, fold: ArrayLike | None = None
) -> float:
    """Average precision, over folds the mean of those within folds that hold both classes.

    Networks of different folds are on different scales, and ranking all their images together would
    mix these: as for the ROC-AUC.

    Raises:
        CorrosionError: bad arrays (as `checked`).

    Example:
        >>> label, probability = [1, 0, 1, 0], [0.9, 0.8, 0.3, 0.2]
        >>> round(average_precision(label, probability), 3)
        0.833
        >>> average_precision(label, probability, fold=["a", "a", "b", "b"])
        1.0
    """
    labels, scores = checked(label, probability)
    parts = fold_rows(labels, fold)
    values = [_average_precision(labels[rows], scores[rows])[0] for rows in parts]
    return float(np.mean(values)) if values else float("nan")


def _variance(
    folds: Sequence[NDArray[np.int64]],
    influence: Sequence[Floats],
    label: NDArray[np.int64],
    group: NDArray[np.int64],
) -> float:
    """Variance of the mean over folds, given the influence of each fold's images."""
    of_folds = [
        clustered_variance(one * len(rows), label[rows], group_numbers(group[rows], len(rows)))
        for rows, one in zip(folds, influence, strict=True)
    ]
    return float(np.sum(of_folds)) / len(folds) ** 2


def _average_precision(label: NDArray[np.int64], score: Floats) -> tuple[float, Floats]:
    """Average precision and its derivative (N,) by the weight of each image."""
    scores, block = np.unique(-score, return_inverse=True)  # ties are decided together
    positives = np.bincount(block, label, len(scores))
    tp = np.cumsum(positives)
    total = np.cumsum(np.bincount(block, minlength=len(scores)))
    precision = tp / total
    value = float((positives * precision).sum() / tp[-1])
    # an image counts in the precision at its own score and at all lower ones
    by_positive, by_negative = (
        np.cumsum((positives * part / total**2)[::-1])[::-1] for part in (total - tp, -tp)
    )
    influence = np.where(
        label == 1, precision[block] - value + by_positive[block], by_negative[block]
    )
    return value, influence / tp[-1]


def clustered_variance(values: Floats, label: NDArray[np.int64], group: NDArray[np.int64]) -> float:
    """Variance of the mean of values (N,) that come in groups (N,), given the number of each class.

    Example:
        >>> values, label = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 1])
        >>> round(clustered_variance(values, label, np.arange(4)), 3)
        0.125
    """
    centred = np.zeros(len(values))
    for side in (label == 0, label == 1):
        count = len(np.unique(group[side]))
        if count > 1:
            centred[side] = (values[side] - values[side].mean()) * np.sqrt(count / (count - 1))
    return float(np.square(np.bincount(group, centred)).sum() / len(values) ** 2)
