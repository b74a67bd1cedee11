"""Figures restated for another share of corroded photographs than that of the test set.

Recall and specificity are taken to be the same where fewer photographs are corroded; precision, the
negative predictive value, false alarms and costs are not (Bayes' rule). Their intervals combine
those of recall and specificity, which come of different images and so are independent, by the
method of variance estimates recovery: for ratios Donner & Zou (Statistical Methods in Medical
Research 21, 2012), for sums Zou & Donner (Statistics in Medicine 27, 2008).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from corrosion.errors import CorrosionError
from corrosion.evaluation.choices import ThresholdResult
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metrics import Confusion
from corrosion.evaluation.thresholds import Threshold

_PER = 100  # photographs

_UNDEFINED = Estimate(math.nan, math.nan, math.nan, "undefined")


@dataclass(frozen=True)
class AtPrevalence:
    """What a threshold does where another share of the photographs is corroded.

    Attributes:
        threshold: the threshold.
        precision: share of the alarms that are right (positive predictive value).
        npv: share of the cleared photographs that are sound (negative predictive value).
        false_alarms: sound photographs called corroded, of 100 photographs.
        missed: corroded photographs called sound, of 100 photographs.
        cost: cost of both, of 100 photographs; None without costs.
    """

    threshold: Threshold
    precision: Estimate
    npv: Estimate
    false_alarms: Estimate
    missed: Estimate
    cost: Estimate | None


def check_prevalence(prevalence: float, counts: Confusion) -> None:
    """Make sure that figures can be restated.

    Args:
        prevalence: share of corroded photographs, in (0, 1).
        counts: of the test set.

    Raises:
        CorrosionError: `prevalence` is out of its range, or the test set lacks a class.
    """
    if not 0 < prevalence < 1:
        raise CorrosionError(f"prevalence={prevalence}: give a share above 0 and below 1, as 0.05.")
    if not (counts.tp + counts.fn and counts.tn + counts.fp):
        raise CorrosionError(
            f"prevalence={prevalence:g}: figures are restated from recall and specificity, and so "
            f"need test images of both classes."
        )


def at_prevalence(
    results: Iterable[ThresholdResult],
    *,
    prevalence: float,
    costs: tuple[float, float] | None = None,
) -> tuple[AtPrevalence, ...]:
    """Restate what thresholds do on the test set.

    Args:
        results: of which recall and specificity on the test set are looked at.
        prevalence: share of corroded photographs, in (0, 1).
        costs: costs of a missed corrosion and of a false alarm.

    Returns:
        One a threshold; undefined where recall or specificity is.

    Example:
        >>> recall = Estimate(0.95, 0.90, 0.98, "wilson")
        >>> specificity = Estimate(0.90, 0.84, 0.94, "wilson")
        >>> tested = {"recall": recall, "specificity": specificity}
        >>> result = ThresholdResult(Threshold("in use", 0.5), {}, tested)
        >>> [found] = at_prevalence([result], prevalence=0.05)
        >>> one = found.precision
        >>> round(one.value, 3), round(one.low, 3), round(one.high, 3)
        (0.333, 0.237, 0.455)
        >>> round(found.false_alarms.value, 1)
        9.5
    """
    return tuple(
        AtPrevalence(
            one.threshold,
            *_restated(one.test["recall"], one.test["specificity"], prevalence, costs),
        )
        for one in results
    )


def _restated(
    recall: Estimate,
    specificity: Estimate,
    prevalence: float,
    costs: tuple[float, float] | None,
) -> tuple[Estimate, Estimate, Estimate, Estimate, Estimate | None]:
    if math.isnan(recall.value + specificity.value):
        return _UNDEFINED, _UNDEFINED, _UNDEFINED, _UNDEFINED, costs and _UNDEFINED
    odds = prevalence / (1 - prevalence)
    missing, alarming = _complement(recall), _complement(specificity)
    alarms = _times(alarming, _PER * (1 - prevalence))
    misses = _times(missing, _PER * prevalence)
    cost = None
    if costs is not None:
        cost = _sum(_times(misses, costs[0]), _times(alarms, costs[1]))
    return (
        _share(_times(_ratio(recall, alarming), odds)),
        _share(_times(_ratio(specificity, missing), 1 / odds)),
        alarms,
        misses,
        cost,
    )


def _complement(one: Estimate) -> Estimate:
    return Estimate(1 - one.value, 1 - one.high, 1 - one.low, one.method)


def _times(one: Estimate, factor: float) -> Estimate:
    return Estimate(one.value * factor, one.low * factor, one.high * factor, one.method)


def _share(odds: Estimate) -> Estimate:
    """The probability of odds."""
    value, low, high = (
        1.0 if math.isinf(one) else one / (1 + one) for one in (odds.value, odds.low, odds.high)
    )
    return Estimate(value, low, high, odds.method)


def _sum(one: Estimate, other: Estimate) -> Estimate:
    value = one.value + other.value
    low = value - math.hypot(one.value - one.low, other.value - other.low)
    high = value + math.hypot(one.high - one.value, other.high - other.value)
    return Estimate(value, low, high, one.method)


def _ratio(one: Estimate, other: Estimate) -> Estimate:
    """One over the other, not below 0; infinite or undefined where the other is 0."""
    product = one.value * other.value
    # the ends are roots of a x^2 - 2 product x + c, in the form that bears other.value = 0
    a, c = other.high * (2 * other.value - other.high), one.low * (2 * one.value - one.low)
    root = product + math.sqrt(max(0.0, product**2 - a * c))
    low = c / root if root > 0 else 0.0
    a, c = other.low * (2 * other.value - other.low), one.high * (2 * one.value - one.high)
    root = product + math.sqrt(max(0.0, product**2 - a * c))
    high = root / a if a > 0 else math.inf
    if_zero = math.inf if one.value > 0 else math.nan
    value = one.value / other.value if other.value > 0 else if_zero
    return Estimate(value, max(0.0, low), high, one.method)
