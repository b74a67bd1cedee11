"""Intervals of Brier score and log loss, and what calibration errors to expect by chance alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import stdtrit

from corrosion.evaluation.intervals import Estimate, wilson_ends, within_0_and_1
from corrosion.evaluation.metrics import BINS, Floats, bin_of, checked, log_losses
from corrosion.evaluation.precision_areas import clustered_variance
from corrosion.evaluation.resampling import checked_count, group_numbers

_CELLS = 1_000_000  # labels drawn at a time: 8 MB


def brier_estimate(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Brier score with Wilson's interval for as many images as would give its variance.

    Most images of a good network lose next to nothing, and few tell how much the others lose: the
    variance is the larger of that of the test set and that which the probabilities themselves
    promise (Spiegelhalter, Statistics in Medicine 5, 1986). Student's t stands for the normal
    quantile. The interval holds what it promises for probabilities that are about calibrated;
    where they are far from it, it needs 100 images, and 10 of each class.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        group: (N,) of any type; each image its own group if None.
        level: confidence level of the interval, in (0, 1).

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> found = brier_estimate([1, 1, 0, 0] * 5, [0.9, 0.6, 0.3, 0.1] * 5)
        >>> round(found.value, 4), round(found.low, 3), round(found.high, 3)
        (0.0675, 0.018, 0.222)
    """
    labels, p = checked(label, probability)
    groups = group_numbers(group, len(labels))
    promised = np.sqrt(p * (1 - p)) * np.abs(1 - 2 * p)
    loss = (p - labels) ** 2
    value, variance, deviations = _spread(loss, promised, labels, groups, level)
    count = len(np.unique(groups))
    effective = value * (1 - value) / variance if variance > 0 else count
    low, high = wilson_ends(value, effective if effective > 0 else count, deviations)
    return Estimate(value, float(low), float(high), "score")


def log_loss_estimate(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Log loss with the score interval of a mean whose variance grows with it, as Poisson's does.

    Variance, quantile and what the interval promises are as in `brier_estimate`.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        group: (N,) of any type; each image its own group if None.
        level: confidence level of the interval, in (0, 1).

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> found = log_loss_estimate([1, 1, 0, 0] * 5, [0.9, 0.6, 0.3, 0.1] * 5)
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.27, 0.113, 0.641)
    """
    labels, p = checked(label, probability)
    groups = group_numbers(group, len(labels))
    right, wrong = log_losses(labels, p), log_losses(1 - labels, p)
    promised = np.sqrt(p * (1 - p)) * np.abs(right - wrong)
    value, variance, deviations = _spread(right, promised, labels, groups, level)
    excess = deviations**2 * variance / value  # (value - mean)^2 = excess * mean at the ends
    half = np.sqrt(excess * value + excess**2 / 4)
    return Estimate(
        value,
        float(value**2 / (value + excess / 2 + half)),
        float(value + excess / 2 + half),
        "score",
    )


def _spread(
    loss: Floats,
    promised: Floats,
    label: NDArray[np.int64],
    group: NDArray[np.int64],
    level: float,
) -> tuple[float, float, float]:
    """Mean loss, its variance and how many standard deviations an interval reaches.

    Args:
        loss: (N,) float64, of each image.
        promised: (N,) float64, standard deviation of each loss if the probabilities are right.
        label: (N,) 0 or 1.
        group: (N,) int64.
        level: confidence level of the interval, in (0, 1).
    """
    of_groups = np.bincount(group, promised)  # images of a group are right or wrong together
    variance = max(
        clustered_variance(loss, label, group), float(np.square(of_groups).sum() / len(loss) ** 2)
    )
    freedom = max(1, len(np.unique(group)) - 1)
    deviations = -float(stdtrit(freedom, (1 - within_0_and_1(level, name="level")) / 2))
    return float(loss.mean()), variance, deviations


def expected_ece(
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    bins: int = BINS,
    count: int = 2000,
    seed: int = 0,
) -> float:
    """The calibration error that a calibrated model with these probabilities has by chance.

    Its mean over labels drawn from the probabilities (Bröcker & Smith, Weather and Forecasting 22,
    2007); images of a group are drawn together. No model reaches 0 on a finite test set.

    Args:
        probability: (N,) in [0, 1], of corrosion.
        group: (N,) of any type; each image its own group if None.
        bins: number of bins of equal width.
        count: number of draws.
        seed: seed of the draws.

    Raises:
        CorrosionError: bad arrays (as `checked`), groups or count.

    Example:
        >>> round(expected_ece(np.full(100, 0.5)), 2), round(expected_ece(np.full(10_000, 0.5)), 3)
        (0.04, 0.004)
    """
    p = np.asarray(probability, dtype=np.float64)
    _, p = checked(np.zeros(p.shape, np.int64), p)
    groups = group_numbers(group, len(p))
    in_bin = csr_array(
        (np.ones(len(p)), (np.arange(len(p)), bin_of(p, bins))), shape=(len(p), bins)
    )
    generator = np.random.default_rng(seed)
    portion, total = max(1, _CELLS // len(p)), 0.0
    for start in range(0, checked_count(count), portion):
        size = (min(portion, count - start), int(groups.max()) + 1)
        gaps = p - (generator.random(size)[:, groups] < p)
        total += np.abs(gaps @ in_bin).sum()
    return float(total / (count * len(p)))


def ece_estimate(
    value: float,
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    count: int = 2000,
    seed: int = 0,
) -> Estimate:
    """The expected calibration error without an interval, beside what is expected by chance.

    It is biased upwards by as much as chance gives, which no resample of the test set can tell.

    Args:
        value: expected calibration error of the test set.
        probability: (N,) in [0, 1], of corrosion.
        group: (N,) of any type; each image its own group if None.
        count: number of draws of `expected_ece`.
        seed: seed of the draws.

    Raises:
        CorrosionError: bad arrays (as `checked`).

    Example:
        >>> found = ece_estimate(0.1, np.full(100, 0.5))
        >>> found.method, round(found.expected, 2)
        ('undefined', 0.04)
    """
    expected = expected_ece(probability, group=group, count=count, seed=seed)
    return Estimate(value, np.nan, np.nan, "undefined", expected=expected)
