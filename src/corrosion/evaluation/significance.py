"""Tests of the difference between two models on the same test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, norm

from corrosion.evaluation.areas import roc_areas
from corrosion.evaluation.intervals import within_0_and_1
from corrosion.evaluation.metrics import Floats, checked
from corrosion.evaluation.resampling import group_numbers


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models' decisions.

    Attributes:
        only_a: images that only the first model gets right.
        only_b: images that only the second gets right.
        p_value: mid-p, two-sided, in (0, 1]; 1 if no image tells the models apart.
        exact: exact p-value, likewise, never below the mid-p.
    """

    only_a: int
    only_b: int
    p_value: float
    exact: float


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, *, group: ArrayLike | None = None) -> McNemar:
    """Test whether two models are right equally often (McNemar, 1947; binomial version).

    The exact test calls fewer equally good models different than it may; the mid-p, which counts
    the outcome itself by half, comes close to its level and seldom above (Fagerland, Lydersen &
    Laake, BMC Medical Research Methodology 13, 2013). With groups, the sign of a whole group's
    balance is as likely plus as minus if the models are equally good: the sign-flip test, which is
    McNemar's where each image is its own group.

    Args:
        right_a: (N,) bool, whether the first model is right on each image.
        right_b: (N,) bool, the second.
        group: (N,) of any type; each image its own group if None.

    Raises:
        CorrosionError: there is not one group an image.

    Example:
        >>> test = mcnemar([True] * 6 + [False], [False] * 6 + [True])
        >>> test.only_a, test.only_b, round(test.p_value, 3), round(test.exact, 3)
        (6, 1, 0.07, 0.125)
    """
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    balance = np.bincount(group_numbers(group, a.size), a.astype(float) - b.astype(float)).astype(
        np.int64
    )
    beyond, at_least = _sign_flip_chances(balance)
    middle = (beyond + at_least) / 2 if balance.any() else 1.0
    return McNemar(int((a & ~b).sum()), int((b & ~a).sum()), middle, at_least)


def _sign_flip_chances(balance: NDArray[np.int64]) -> tuple[float, float]:
    """P(|sum of randomly signed balances| > |sum of balances|), and that with >=, exactly."""
    chance = np.ones(1)  # of each sum, from -reach to reach in steps of 1
    for size, groups in zip(
        *np.unique(np.abs(balance[balance != 0]), return_counts=True), strict=True
    ):
        of_these = np.zeros(2 * size * groups + 1)
        of_these[:: 2 * size] = binom.pmf(np.arange(groups + 1), groups, 0.5)
        chance = np.convolve(chance, of_these)
    sums = np.abs(np.arange(len(chance)) - len(chance) // 2)
    seen = abs(int(balance.sum()))
    return float(min(1.0, chance[sums > seen].sum())), float(min(1.0, chance[sums >= seen].sum()))


@dataclass(frozen=True)
class DeLong:
    """DeLong's test of two models' ROC-AUC.

    Attributes:
        auc_a: ROC-AUC of the first model.
        auc_b: ROC-AUC of the second.
        covariance: (2, 2) float64, covariance of the two areas.
        low: lower end of the interval of `auc_a - auc_b`.
        high: upper end.
        p_value: two-sided; 1 for equal areas, NaN for areas that differ without variance (as 1
            and 0 do): the data can't tell.
    """

    auc_a: float
    auc_b: float
    covariance: Floats
    low: float
    high: float
    p_value: float


def delong(
    label: ArrayLike,
    probability_a: ArrayLike,
    probability_b: ArrayLike,
    *,
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    level: float = 0.95,
) -> DeLong:
    """Compare two correlated ROC-AUCs (DeLong, DeLong & Clarke-Pearson, 1988).

    Groups and folds are as in `corrosion.evaluation.areas.roc_areas`.

    Args:
        label: (N,) 0 or 1.
        probability_a: (N,) in [0, 1], of corrosion by the first model; only its order counts.
        probability_b: (N,) by the second.
        group: (N,) of any type; each image its own group if None.
        fold: (N,) of any type, for the mean of the areas within folds; a single one if None.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        NaN but for the areas if a fold has fewer than two groups of a class.

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> label = [1, 1, 1, 0, 0, 0]
        >>> test = delong(label, [0.9, 0.8, 0.4, 0.5, 0.2, 0.1], [0.6, 0.3, 0.7, 0.5, 0.4, 0.2])
        >>> round(test.auc_a, 3), round(test.auc_b, 3), round(test.p_value, 3)
        (0.889, 0.778, 0.724)
    """
    labels, _ = checked(label, probability_a)
    scores = np.stack(
        [checked(label, probability)[1] for probability in (probability_a, probability_b)]
    )
    z = norm.isf((1 - within_0_and_1(level, name="level")) / 2)
    found = roc_areas(labels, scores, group=group, fold=fold)
    areas, covariance = found.values, found.covariance
    difference = areas[0] - areas[1]
    variance = np.maximum(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    deviation = np.sqrt(variance) if variance > 1e-18 else np.nan  # nothing but rounding
    equal = abs(difference) < 1e-12
    p_value = 1.0 if equal else float(2 * norm.sf(abs(difference) / deviation))
    low, high = difference - z * deviation, difference + z * deviation
    return DeLong(float(areas[0]), float(areas[1]), covariance, float(low), float(high), p_value)


def bootstrap_p(difference: Floats) -> float:
    """Two-sided p-value that resampled differences (B,) give for a difference of 0.

    Twice the share of resamples on the rarer side of 0, the test set itself counted as one
    (Davison & Hinkley, 1997, section 4.2); at least 2 / (B + 1). NaN if the metric is undefined, or
    if all resamples agree on a difference: they can't tell.

    Example:
        >>> bootstrap_p(np.array([0.1, 0.2, 0.1, 0.3, -0.1, 0.2, 0.2, 0.1, 0.4]))
        0.4
    """
    if np.isnan(difference).any() or (np.ptp(difference) < 1e-12 < np.abs(difference).max()):
        return float("nan")
    rarer = min((difference <= 0).sum(), (difference >= 0).sum())
    return float(min(1.0, 2 * (rarer + 1) / (difference.size + 1)))


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Adjust p-values so that the chance of any false find stays below the level (Holm, 1979).

    Args:
        p_values: (k,) of one family of tests; NaN (no test was possible) stays NaN and counts as
            no test.

    Returns:
        (k,) adjusted, in [0, 1].

    Example:
        >>> holm([0.01, 0.04, float("nan"), 0.03]).tolist()
        [0.03, 0.06, nan, 0.06]
    """
    raw = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(raw.shape, np.nan)
    order = np.argsort(raw)[: int((~np.isnan(raw)).sum())]  # NaN sorts last
    adjusted[order] = np.minimum(
        1.0, np.maximum.accumulate(raw[order] * np.arange(len(order), 0, -1))
    )
    return adjusted
