"""Tests of models that were trained several times: would other trainings say the same?

A test of two checkpoints takes them as given. What is said of the models behind them, of a backbone
or a recipe, must count that another seed or another training set gives another network (Bouthillier
et al., Accounting for Variance in Machine Learning Benchmarks, MLSys 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import gamma, norm
from scipy.stats import t as student

from corrosion.evaluation.areas import ROUNDING
from corrosion.evaluation.intervals import within_0_and_1
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.pair_tests import PERMUTATION, PairTest
from corrosion.evaluation.significance import bootstrap_p

ENOUGH_RUNS = 3
"""Seeds, or folds, of each model from which something is said of the models themselves."""

POWER = 0.8
"""Chance with which a difference called detectable is found."""


@dataclass(frozen=True)
class Spread:
    """How far a difference of means over runs would scatter.

    Attributes:
        variance: of the difference, with other images and other runs.
        freedom: degrees of freedom with which it is known, infinity for a known one.
    """

    variance: float
    freedom: float


def spread_of_seeds(
    values: tuple[Floats, Floats], covariance: Floats, *, images: float = np.inf
) -> Spread:
    """The variance of the difference of two models' means over seeds, on one test set.

    Runs are to a model what readers are to a modality: other ones could have judged the same images
    (Obuchowski & Rockette, 1995; readers nested in modalities and their degrees of freedom: Hillis,
    Statistics in Medicine 26, 2007, and 33, 2014). The scatter of the runs counts what is theirs;
    the covariance of different runs, which other images would move together, what is the images'.
    Never less than the variance of these very runs on other images.

    Args:
        values: the metric of each run, (R,) of the first model and (S,) of the second, two each.
        covariance: (R + S, R + S), of the runs' metrics on other images.
        images: independent images of the rarer class, by which the covariance is known.

    Example:
        >>> values = np.array([0.90, 0.92, 0.94]), np.array([0.80, 0.82, 0.84])
        >>> found = spread_of_seeds(values, np.zeros((6, 6)))
        >>> round(found.variance, 6), round(found.freedom, 6)
        (0.000267, 4.0)
    """
    first, second = map(len, values)
    own = [float(one.var(ddof=1)) / len(one) for one in values]
    weight = np.repeat([1 / first, -1 / second], [first, second])
    of_these = float(weight @ covariance @ weight)
    a, b = covariance[:first, :first], covariance[first:, first:]
    shared = _between(a) + _between(b) - 2 * float(covariance[:first, first:].mean())
    shared = max(0.0, shared)
    variance = max(sum(own) + shared, of_these)
    unsure = own[0] ** 2 / (first - 1) + own[1] ** 2 / (second - 1)
    unsure += max(shared, variance - sum(own)) ** 2 / max(images - 1, 1)
    return Spread(variance, variance**2 / unsure if unsure > 0 else np.inf)


def _between(covariance: Floats) -> float:
    """Mean covariance of two different runs."""
    count = len(covariance)
    return float(covariance.sum() - np.trace(covariance)) / (count * (count - 1))


def spread_of_folds(differences: Floats, ratio: float) -> Spread:
    """The variance of the mean difference of two models over folds.

    Corrected for training sets that overlap: Nadeau & Bengio, Inference for the Generalization
    Error, Machine Learning 52, 2003.

    Args:
        differences: (K,) of the metric in each fold, two at least.
        ratio: test images of a fold over its training images.

    Example:
        >>> found = spread_of_folds(np.array([0.01, 0.02, 0.03, 0.02, 0.02]), 0.25)
        >>> round(found.variance, 9), found.freedom
        (2.25e-05, 4.0)
    """
    count = len(differences)
    return Spread((1 / count + ratio) * float(np.var(differences, ddof=1)), float(count - 1))


def student_test(difference: float, spread: Spread, *, name: str, level: float = 0.95) -> PairTest:
    """Student's t test of a difference with its interval.

    Args:
        difference: of two models; NaN where the metric is undefined.
        spread: its variance.
        name: of the test.
        level: confidence level of the interval, in (0, 1).

    Example:
        >>> found = student_test(0.1, Spread(0.000267, 4), name="t")
        >>> round(found.p_value, 4), [round(end, 3) for end in found.interval]
        (0.0036, [0.055, 0.145])
    """
    chance = (1 - within_0_and_1(level, name="level")) / 2
    if not np.isfinite(difference + spread.variance):
        return PairTest(name, np.nan, interval=(np.nan, np.nan))
    if spread.variance < ROUNDING**2:
        equal = abs(difference) < ROUNDING
        return PairTest(name, 1.0 if equal else np.nan, interval=(difference, difference))
    deviation = np.sqrt(spread.variance)
    half = float(student.isf(chance, spread.freedom) * deviation)
    p_value = float(2 * student.sf(abs(difference) / deviation, spread.freedom))
    ends = (difference - half, difference + half)
    return PairTest(name, p_value, interval=ends, freedom=spread.freedom)


def compare_seeds(
    values: tuple[Floats, Floats],
    drawn: tuple[Floats, Floats],
    *,
    images: float = np.inf,
    level: float = 0.95,
) -> PairTest:
    """Test two models by their runs on the same test images.

    With `ENOUGH_RUNS` of each it speaks of the models (`spread_of_seeds`), with fewer of these
    checkpoints alone: the bootstrap of the images.

    Args:
        values: the metric of each run, (R,) and (S,).
        drawn: the same on B resamples of the images, (R, B) and (S, B).
        images: independent images of the rarer class.
        level: confidence level of the interval, in (0, 1).
    """
    difference = float(values[0].mean() - values[1].mean())
    if min(map(len, values)) < ENOUGH_RUNS:
        change = drawn[0].mean(axis=0) - drawn[1].mean(axis=0)
        return PairTest("paired bootstrap", bootstrap_p(change))
    spread = spread_of_seeds(values, np.cov(np.concatenate(drawn)), images=images)
    found = student_test(difference, spread, name="t of runs and images", level=level)
    return found.of_models()


def detectable(
    found: PairTest, interval: tuple[float, float], *, level: float, pairs: int, images: int
) -> float:
    """The least true difference that a comparison of this size finds with a chance of `POWER`.

    That of a test whose interval is as wide as this one; in McNemar's test also no less than gives
    as many images that only one model gets right as it takes for a p-value below its level.

    Args:
        found: the test.
        interval: of the difference.
        level: confidence level of the interval, in (0, 1).
        pairs: number of pairs among which Holm's correction shares the level.
        images: number of independent images.

    Returns:
        NaN where the images say nothing of how far the difference would scatter, and of permutation
        tests, whose intervals don't tell it.

    Example:
        >>> test = PairTest("DeLong", 0.5)
        >>> round(detectable(test, (-0.02, 0.04), level=0.95, pairs=1, images=100), 4)
        0.0429
        >>> test = PairTest("McNemar mid-p", 0.5, exact=0.6)
        >>> round(detectable(test, (0, 0.01), level=0.95, pairs=1, images=100), 4)
        0.0672
    """
    half = (interval[1] - interval[0]) / 2
    if found.test == PERMUTATION or not half > 0:
        return float("nan")
    known = np.isinf(found.freedom)

    def reach(chance: float) -> float:
        return float(norm.isf(chance) if known else student.isf(chance, found.freedom))

    chance = (1 - level) / 2
    least = half / reach(chance) * (reach(chance / pairs) + reach(1 - POWER))
    if np.isnan(found.exact):
        return least
    # k images that only one model gets right have a mid-p of 1 / 2^k
    needed = np.ceil(np.log2(pairs / (1 - level)))
    return max(least, float(gamma.ppf(POWER, needed)) / images)
