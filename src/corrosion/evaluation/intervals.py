"""Estimates with intervals: of shares of images, and of what resamples give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.metric_table import SHARES
from corrosion.evaluation.metrics import Floats, checked
from corrosion.evaluation.resampling import group_numbers

_TOGETHER = (
    0.2  # with less, simulated intervals of grouped images cover 0.90 (benchmarks/coverage.py)
)

Method = Literal[
    "wilson", "jeffreys", "logit", "exact", "score", "repeats", "bootstrap", "undefined"
]


@dataclass(frozen=True)
class Estimate:
    """A metric and its confidence interval.

    Attributes:
        value: value of the metric; NaN if undefined.
        low: lower end of the interval; NaN if the data can't tell.
        high: upper end, likewise.
        method: how the interval was made; "undefined" where its ends are NaN.
        expected: mean value of a calibrated model with the same probabilities, of a calibration
            error; None of other metrics.
    """

    value: float
    low: float
    high: float
    method: Method
    expected: float | None = None


def wilson(
    successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Wilson's score interval for proportions (Wilson, 1927; Brown, Cai & DasGupta, 2001).

    Args:
        successes: array of any shape, from 0 to `trials`; numbers of images, whole or effective.
        trials: array of the same shape.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        Lower and upper ends, in [0, 1] and of the same shape; NaN without trials.

    Raises:
        CorrosionError: `level` is not in (0, 1).

    Example:
        >>> low, high = wilson(395, 409)
        >>> round(float(low), 4), round(float(high), 4)
        (0.9434, 0.9795)
    """
    z = NormalDist().inv_cdf((1 + within_0_and_1(level, name="level")) / 2)
    successes, trials = np.asarray(successes, float), np.asarray(trials, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return wilson_ends(successes / trials, trials, z)


def wilson_ends(share: ArrayLike, trials: ArrayLike, deviations: float) -> tuple[Floats, Floats]:
    """Wilson's interval of shares that reaches this many standard deviations, as `wilson`.

    Example:
        >>> low, high = wilson_ends(0.5, 10, 1.96)
        >>> round(float(low), 3), round(float(high), 3)
        (0.237, 0.763)
    """
    share, trials = np.asarray(share, float), np.asarray(trials, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (share + deviations**2 / (2 * trials)) / (1 + deviations**2 / trials)
        half = np.sqrt(share * (1 - share) / trials + (deviations / (2 * trials)) ** 2)
        half *= deviations / (1 + deviations**2 / trials)
    # rounding would leave shares of 0 and 1 just outside
    low, high = np.minimum(centre - half, share), np.maximum(centre + half, share)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def within_0_and_1(value: float, *, name: str) -> float:
    """A confidence or a level strictly between 0 and 1.

    Raises:
        CorrosionError: it is not; the message calls it by `name`.

    Example:
        >>> within_0_and_1(95, name="level")
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: level=95: give a number between 0 and 1, as 0.95.
    """
    if not 0 < value < 1:
        raise CorrosionError(f"{name}={value}: give a number between 0 and 1, as 0.95.")
    return value


def proportion(
    success: ArrayLike, *, group: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """A share of images with Wilson's interval, wider where images come in groups.

    Images of one group are right or wrong together, so they count as fewer: as the number of
    images divided by the design effect of the groups (Rao & Scott, 1992), a fifth of which is that
    of groups whose images are all right or all wrong.

    Args:
        success: (n,) bool, one an image.
        group: (n,) of any type; each image its own group if None.
        level: confidence level of the intervals, in (0, 1).

    Raises:
        CorrosionError: as `wilson`, or there is not one group an image.

    Example:
        >>> share = proportion([True] * 9 + [False])
        >>> share.value, round(share.low, 3), round(share.high, 3)
        (0.9, 0.596, 0.982)
        >>> pairs = proportion([True] * 8 + [False] * 2, group=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
        >>> round(pairs.low, 3), round(pairs.high, 3)
        (0.355, 0.967)
    """
    successes = np.asarray(success, dtype=bool)
    effective = effective_size(successes, group_numbers(group, successes.size))
    share = float(successes.mean()) if successes.size else np.nan
    low, high = wilson(share * effective, effective, level=level)
    return Estimate(share, float(low), float(high), "wilson" if successes.size else "undefined")


def effective_size(success: NDArray[np.bool_], group: NDArray[np.int64]) -> float:
    """As how many single images the images of groups count, for their share of successes.

    Example:
        >>> round(effective_size(np.array([True, True, False, False]), np.array([0, 0, 1, 1])), 2)
        1.33
    """
    return success.size / _design_effect(success, group)


def _design_effect(success: NDArray[np.bool_], group: NDArray[np.int64]) -> float:
    """Variance of the share of successes with groups, over that with as many single images.

    `_TOGETHER` of it is that of groups which are all right or all wrong: few groups with an error
    tell too little of how far those of a group go together.
    """
    sizes = np.bincount(group)
    sizes = sizes[sizes > 0]
    if not success.size or sizes.max() == 1:
        return 1.0
    share = success.mean()
    together = float(np.square(sizes).sum() / success.size)  # if groups are all right or all wrong
    if len(sizes) == 1 or share in (0, 1):
        return together
    excess = np.bincount(group, success - share)
    variance = len(sizes) / (len(sizes) - 1) * np.square(excess).sum() / success.size**2
    own = max(1.0, float(variance / (share * (1 - share) / (success.size - 1))))
    return own + _TOGETHER * max(0.0, together - own)


def proportions(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float = 0.5,
    group: ArrayLike | None = None,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Accuracy, precision, recall and specificity with Wilson's intervals, as `proportion`.

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> proportions([1, 1, 0], [0.9, 0.2, 0.1])["recall"].value
        0.5
    """
    labels, scores = checked(label, probability)
    groups = group_numbers(group, len(labels))
    decided = is_corroded(scores, threshold)
    everything = np.ones(len(labels), dtype=bool)
    among: Mapping[str, NDArray[np.bool_]] = {
        "accuracy": everything,
        "precision": decided,
        "recall": labels == 1,
        "specificity": labels == 0,
    }
    right = decided == labels
    return {
        name: proportion(right[among[name]], group=groups[among[name]], level=level)
        for name in SHARES
    }


def bootstrap_estimate(value: float, drawn: Floats, *, level: float = 0.95) -> Estimate:
    """The percentile interval (Efron & Tibshirani, 1993) that resamples give a mean.

    Args:
        value: value of the statistic on the test set itself.
        drawn: (B,) float64, its values on the resamples.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        An undefined interval if `value` is NaN, a resample is, or all agree; else one that is
        stretched to contain `value`, which can only make it cover more.

    Example:
        >>> estimate = bootstrap_estimate(0.8, np.array([0.7, 0.8, 0.9]), level=0.5)
        >>> round(estimate.low, 3), round(estimate.high, 3), estimate.method
        (0.75, 0.85, 'bootstrap')
        >>> bootstrap_estimate(1.0, np.ones(3)).method
        'undefined'
    """
    differ = np.ptp(drawn) > 1e-12  # by more than rounding; NaN where one is undefined is False
    if np.isnan(value) or not differ:
        return Estimate(value, np.nan, np.nan, "undefined")
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(float(low), value), max(float(high), value), "bootstrap")
