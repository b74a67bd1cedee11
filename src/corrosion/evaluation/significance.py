"""Tests of the difference between two models on the same test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, norm, rankdata

from corrosion.evaluation.intervals import checked_level
from corrosion.evaluation.metrics import Floats, checked
from corrosion.evaluation.resampling import group_numbers


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test of two models' decisions.

    Attributes:
        only_a: images that only the first model gets right.
        only_b: images that only the second gets right.
        p_value: two-sided, in (0, 1]; 1 if no image tells the models apart.
    """

    only_a: int
    only_b: int
    p_value: float


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, *, group: ArrayLike | None = None) -> McNemar:
    """Test whether two models are right equally often (McNemar, 1947; exact binomial version).

    With groups, the sign of a whole group's balance is as likely plus as minus if the models are
    equally good: the exact sign-flip test, which is McNemar's where each image is its own group.

    Args:
        right_a: (N,) bool, whether the first model is right on each image.
        right_b: (N,) bool, the second.
        group: (N,) of any type; each image its own group if None.

    Raises:
        CorrosionError: there is not one group an image.

    Example:
        >>> test = mcnemar([True] * 6 + [False], [False] * 6 + [True])
        >>> test.only_a, test.only_b, round(test.p_value, 3)
        (6, 1, 0.125)
    """
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    balance = np.bincount(group_numbers(group, a.size), a.astype(float) - b.astype(float)).astype(
        np.int64
    )
    return McNemar(int((a & ~b).sum()), int((b & ~a).sum()), _sign_flip_p(balance))


def _sign_flip_p(balance: NDArray[np.int64]) -> float:
    """P(|sum of randomly signed balances| >= |sum of balances|), exactly."""
    chance = np.ones(1)  # of each sum, from -reach to reach in steps of 1
    for size, groups in zip(
        *np.unique(np.abs(balance[balance != 0]), return_counts=True), strict=True
    ):
        of_these = np.zeros(2 * size * groups + 1)
        of_these[:: 2 * size] = binom.pmf(np.arange(groups + 1), groups, 0.5)
        chance = np.convolve(chance, of_these)
    sums = np.arange(len(chance)) - len(chance) // 2
    return float(min(1.0, chance[np.abs(sums) >= abs(int(balance.sum()))].sum()))


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
    level: float = 0.95,
) -> DeLong:
    """Compare two correlated ROC-AUCs (DeLong, DeLong & Clarke-Pearson, 1988).

    O(N log N) by midranks (Sun & Xu, IEEE Signal Processing Letters 21(11), 2014); with groups, the
    covariance of clustered data (Obuchowski, Biometrics 53, 1997), which is DeLong's where each
    image is its own group.

    Args:
        label: (N,) 0 or 1.
        probability_a: (N,) in [0, 1], of corrosion by the first model; only its order counts.
        probability_b: (N,) by the second.
        group: (N,) of any type; each image its own group if None.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        NaN throughout if there are fewer than two groups of a class.

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
    z = norm.isf((1 - checked_level(level)) / 2)
    areas, covariance = _areas(labels, scores, group_numbers(group, len(labels)))
    difference = areas[0] - areas[1]
    variance = np.maximum(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    deviation = np.sqrt(variance) if variance > 1e-18 else np.nan  # nothing but rounding
    equal = abs(difference) < 1e-12
    p_value = 1.0 if equal else float(2 * norm.sf(abs(difference) / deviation))
    low, high = difference - z * deviation, difference + z * deviation
    return DeLong(float(areas[0]), float(areas[1]), covariance, float(low), float(high), p_value)


def _areas(
    label: NDArray[np.int64], scores: Floats, group: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Areas (2,) of two scores (2, N) and their covariance (2, 2)."""
    positive, negative = label == 1, label == 0
    m, n = int(positive.sum()), int(negative.sum())
    of_positives, of_negatives = scores[:, positive], scores[:, negative]
    together = rankdata(np.concatenate([of_positives, of_negatives], axis=1), axis=1)
    # placements: for each positive the share of negatives below it, for each negative that of
    # positives above it
    with np.errstate(invalid="ignore", divide="ignore"):
        v10 = (together[:, :m] - rankdata(of_positives, axis=1)) / n
        v01 = 1 - (together[:, m:] - rankdata(of_negatives, axis=1)) / m
    areas = v10.mean(axis=1) if m and n else np.full(2, np.nan)
    clusters = len(np.unique(group))
    with_positives, with_negatives = (len(np.unique(group[side])) for side in (positive, negative))
    if min(with_positives, with_negatives) < 2:
        return areas, np.full((2, 2), np.nan)
    size = int(group.max()) + 1
    x = np.stack(
        [
            np.bincount(group[positive], row - area, size)
            for row, area in zip(v10, areas, strict=True)
        ]
    )
    y = np.stack(
        [
            np.bincount(group[negative], row - area, size)
            for row, area in zip(v01, areas, strict=True)
        ]
    )
    cross = x @ y.T / (m * n)
    covariance = (
        with_positives / (with_positives - 1) * (x @ x.T) / m**2
        + with_negatives / (with_negatives - 1) * (y @ y.T) / n**2
        + clusters / (clusters - 1) * (cross + cross.T)
    )
    return areas, covariance


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
