"""Areas under ROC curves: what they are over folds, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainccinv, betaincinv, expit, logit, ndtri
from scipy.stats import rankdata

from corrosion.evaluation.intervals import Estimate, within_0_and_1
from corrosion.evaluation.metrics import Floats, checked
from corrosion.evaluation.resampling import group_numbers

LEAST = 0.4
"""Share of a modelled variance below which that of the test set is not taken.

Where a few images are ranked wrongly the variance that they give is too small as often as the area
is too large. In simulations (benchmarks/coverage.py) this bound, of a variance that knows only the
area, mends that, and hardly shows elsewhere.
"""

ROUNDING = 1e-12
"""What areas differ by at most if they are equal."""


@dataclass(frozen=True, eq=False)
class RocAreas:
    """ROC-AUCs of K scores of the same images, means over the folds that hold both classes.

    Attributes:
        values: (K,) float64, the areas; NaN without a fold of both classes.
        covariance: (K, K) float64, their covariance; NaN where a fold has fewer than two groups of
            a class.
        groups: (F, 3) int64, groups with corroded images, with clean ones, and all, in each of the
            F folds that hold both classes.
    """

    values: Floats
    covariance: Floats
    groups: NDArray[np.int64]


def roc_areas(
    label: NDArray[np.int64],
    scores: Floats,
    *,
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
) -> RocAreas:
    """ROC-AUCs and their covariance (DeLong, DeLong & Clarke-Pearson, 1988).

    O(N log N) by midranks (Sun & Xu, IEEE Signal Processing Letters 21(11), 2014); with groups, the
    covariance of clustered data (Obuchowski, Biometrics 53, 1997), which is DeLong's where each
    image is its own group. Over folds it is the mean of the areas within folds, since networks of
    different folds are on different scales, and its covariance (LeDell, Petersen & van der Laan,
    Electronic Journal of Statistics 9, 2015, with DeLong's variance in each fold).

    Args:
        label: (N,) 0 or 1.
        scores: (K, N), higher for corrosion; only their order within a fold counts.
        group: (N,) of any type, no group in two folds; each image its own group if None.
        fold: (N,) of any type; a single fold if None.

    Example:
        >>> scores = np.array([[0.9, 0.4, 0.5, 0.1], [0.2, 0.7, 0.1, 0.3]])
        >>> roc_areas(np.array([1, 1, 0, 0]), scores).values.tolist()
        [0.75, 0.75]
        >>> fold = [0, 1, 0, 1]
        >>> roc_areas(np.array([1, 1, 0, 0]), scores, fold=fold).values.tolist()
        [1.0, 1.0]
    """
    groups = group_numbers(group, len(label))
    parts = [
        _of_fold(label[rows], scores[:, rows], groups[rows]) for rows in fold_rows(label, fold)
    ]
    if not parts:
        k = len(scores)
        nothing = np.full(k, np.nan)
        return RocAreas(nothing, np.full((k, k), np.nan), np.zeros((0, 3), np.int64))
    count = len(parts)
    return RocAreas(
        np.mean([part.values for part in parts], axis=0),
        np.sum([part.covariance for part in parts], axis=0) / count**2,
        np.concatenate([part.groups for part in parts]),
    )


def fold_rows(label: NDArray[np.int64], fold: ArrayLike | None) -> list[NDArray[np.int64]]:
    """Numbers of the images of each fold that holds both classes.

    Args:
        label: (N,) 0 or 1.
        fold: (N,) of any type; a single fold if None.

    Example:
        >>> [rows.tolist() for rows in fold_rows(np.array([1, 1, 0, 1]), ["a", "b", "a", "b"])]
        [[0, 2]]
    """
    folds = np.zeros(len(label), np.int64) if fold is None else group_numbers(fold, len(label))
    every = (np.flatnonzero(folds == number) for number in np.unique(folds))
    return [rows for rows in every if 0 < label[rows].sum() < len(rows)]


def _of_fold(label: NDArray[np.int64], scores: Floats, group: NDArray[np.int64]) -> RocAreas:
    """Areas of images of both classes."""
    positive, negative = label == 1, label == 0
    m, n = int(positive.sum()), int(negative.sum())
    of_positives, of_negatives = scores[:, positive], scores[:, negative]
    together = rankdata(np.concatenate([of_positives, of_negatives], axis=1), axis=1)
    # placements: for each positive the share of negatives below it, for each negative that of
    # positives above it
    v10 = (together[:, :m] - rankdata(of_positives, axis=1)) / n
    v01 = 1 - (together[:, m:] - rankdata(of_negatives, axis=1)) / m
    areas = v10.mean(axis=1)
    clusters = len(np.unique(group))
    of_class = [len(np.unique(group[side])) for side in (positive, negative)]
    counts = np.array([[*of_class, clusters]])
    if min(of_class) < 2:
        k = len(scores)
        return RocAreas(areas, np.full((k, k), np.nan), counts)
    x = _sums(v10 - areas[:, None], group[positive]) / m
    y = _sums(v01 - areas[:, None], group[negative]) / n
    size = max(x.shape[1], y.shape[1])
    x, y = (np.pad(one, ((0, 0), (0, size - one.shape[1]))) for one in (x, y))
    corroded, clean = (
        count / (count - 1) * (one @ one.T) for one, count in zip((x, y), of_class, strict=True)
    )
    cross = x @ y.T
    return RocAreas(
        areas,
        corroded + clean + clusters / (clusters - 1) * (cross + cross.T),
        counts,
    )


def _sums(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Sums (K, G) of values (K, n) over groups."""
    return np.stack([np.bincount(group, row) for row in values])


def roc_auc(label: ArrayLike, probability: ArrayLike, *, fold: ArrayLike | None = None) -> float:
    """The ROC-AUC, over folds the mean of those within folds that hold both classes; NaN without.

    Raises:
        CorrosionError: bad arrays (as `checked`).

    Example:
        >>> roc_auc([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.2])
        0.75
        >>> roc_auc([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.2], fold=["a", "a", "b", "b"])
        1.0
    """
    labels, scores = checked(label, probability)
    return float(roc_areas(labels, scores[None], fold=fold).values[0])


def roc_estimate(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """ROC-AUC with an interval: DeLong's variance on the scale of logits (Pepe, 2003, section 5.2).

    The variance is never less than `LEAST` of that of exponential scores (Hanley & McNeil,
    Radiology 143, 1982, as in method 5 of Newcombe, Statistics in Medicine 25, 2006). Where no pair
    of images, or each, is ranked wrongly there is an exact bound whatever the scores: that of as
    many disjoint, so independent, pairs as there are groups of the rarer class. No interval goes
    further than that of so many pairs.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion; only its order counts.
        group: (N,) of any type; each image its own group if None.
        fold: (N,) of any type, for the mean over folds as in `roc_areas`; a single one if None.
        level: confidence level of the interval, in (0, 1).

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> found = roc_estimate([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.4, 0.5, 0.2, 0.1])
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), found.method
        (0.889, 0.261, 0.995, 'logit')
        >>> round(roc_estimate([1] * 10 + [0] * 90, [0.9] * 10 + [0.1] * 90).low, 3)
        0.692
    """
    labels, scores = checked(label, probability)
    chance = (1 - within_0_and_1(level, name="level")) / 2
    areas = roc_areas(labels, scores[None], group=group, fold=fold)
    area = float(areas.values[0])
    if np.isnan(area):
        return Estimate(area, np.nan, np.nan, "undefined")
    folds = len(areas.groups)
    # pairs of images of different groups; folds of which all have as many as the smallest
    pairs = folds * max(
        1, int(np.minimum(areas.groups[:, :2].min(1), areas.groups[:, 2] // 2).min())
    )
    if area < ROUNDING or area > 1 - ROUNDING:
        return exact_bound(area, pairs, chance)
    modelled, of_data = _hanley_mcneil(area, areas.groups), float(areas.covariance[0, 0])
    # of_data is NaN with a single group of a class, and nothing where all of a class rank alike
    variance = max(of_data, LEAST * modelled) if of_data > 0 else modelled
    return on_logits(area, variance, pairs, chance)


def _hanley_mcneil(area: float, groups: NDArray[np.int64]) -> float:
    """Variance of the mean of the areas of F folds (F, 3 numbers of groups)."""
    m, n = groups[:, 0], groups[:, 1]
    excess = (1 - area) / (2 - area) + area / (1 + area)
    of_folds = area * (1 - area) / (m * n) * (1 + ((m + n) / 2 - 1) * excess)
    return float(of_folds.sum() / len(groups) ** 2)


def exact_ends(value: float, count: int, chance: float) -> tuple[float, float]:
    """Clopper & Pearson's interval (1934) of a share of independent cases, whole or not.

    Of a value of 1, or 0, it is the exact bound where all, or none, agree.

    Args:
        value: the share, in [0, 1].
        count: number of cases.
        chance: chance that the truth lies beyond each end, in (0, 1).

    Example:
        >>> [round(end, 3) for end in exact_ends(1.0, 10, 0.025)]
        [0.692, 1.0]
        >>> [round(end, 3) for end in exact_ends(0.95, 10, 0.025)]
        [0.619, 1.0]
    """
    agree, others = value * count, (1 - value) * count
    low = betaincinv(agree, others + 1, chance) if agree > 0 else 0.0
    high = betainccinv(agree + 1, others, chance) if others > 0 else 1.0
    return float(low), float(high)


def exact_bound(value: float, count: int, chance: float) -> Estimate:
    """A value of 1 or 0 with its exact bound, as `exact_ends`.

    Example:
        >>> round(exact_bound(1.0, 10, 0.025).low, 3)
        0.692
    """
    return Estimate(value, *exact_ends(value, count, chance), "exact")


def on_logits(value: float, variance: float, count: int, chance: float) -> Estimate:
    """An interval of a value in (0, 1) on the scale of logits.

    It goes no further than that of so few independent cases, which near 1 it else would.

    Args:
        value: estimated.
        variance: of the value.
        count: number of cases, as for `exact_ends`.
        chance: chance that the truth lies beyond each end, in (0, 1).

    Example:
        >>> found = on_logits(0.9, 0.01, 5, 0.025)
        >>> round(found.low, 3), round(found.high, 3)
        (0.505, 0.988)
        >>> round(on_logits(0.9999, 2e-7, 100, 0.025).low, 3)
        0.964
    """
    half = -float(ndtri(chance)) * np.sqrt(variance) / (value * (1 - value))
    least, most = exact_ends(value, count, chance)
    low, high = expit(logit(value) - half), expit(logit(value) + half)
    return Estimate(value, float(max(low, least)), float(min(high, most)), "logit")
