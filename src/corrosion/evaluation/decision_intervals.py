"""Intervals of what decisions are worth: F1, balanced accuracy, Cohen's kappa, MCC."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.intervals import Estimate, effective_size, proportion, within_0_and_1
from corrosion.evaluation.metrics import Floats, checked, decision_metrics
from corrosion.evaluation.resampling import group_numbers

_QUANTILES = (np.arange(60) + 0.5) / 60

_OF_BOTH_SHARES = ("kappa", "mcc", "balanced_accuracy")


def decision_estimates(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float = 0.5,
    group: ArrayLike | None = None,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """F1, balanced accuracy, Cohen's kappa and MCC with intervals, also where no decision is wrong.

    F1 is 2 F* / (1 + F*), and F* = TP / (TP + FP + FN) is a share of images, with Wilson's interval
    (Lam et al., 2023). The others are functions of recall and specificity where the shares of the
    classes are given: their intervals hold the middle of what they are worth under Jeffreys' priors
    for both (Brown, Cai & DasGupta, Statistical Science 16, 2001). Images of one group count as
    fewer, as in `corrosion.evaluation.intervals.proportion`.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded.
        group: (N,) of any type; each image its own group if None.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        An estimate for each of f1, kappa, mcc and balanced_accuracy.

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> found = decision_estimates([1, 1, 0, 0] * 5, [0.9, 0.6, 0.3, 0.1] * 5)
        >>> {name: (one.value, round(one.low, 2)) for name, one in found.items() if name != "mcc"}
        {'f1': (1.0, 0.84), 'kappa': (1.0, 0.7), 'balanced_accuracy': (1.0, 0.85)}
    """
    labels, scores = checked(label, probability)
    groups = group_numbers(group, len(labels))
    decided = is_corroded(scores, threshold)
    corroded = labels == 1
    found = {"f1": _f1(corroded, decided, groups, level)}
    if corroded.all() or not corroded.any():
        nothing = Estimate(np.nan, np.nan, np.nan, "undefined")
        return found | dict.fromkeys(_OF_BOTH_SHARES, nothing)
    prevalence = float(corroded.mean())
    of_classes = [
        _jeffreys(right, groups[side])
        for right, side in ((decided[corroded], corroded), (~decided[~corroded], ~corroded))
    ]
    (recall, recalls), (specificity, specificities) = of_classes
    values = _of_shares(np.array(recall), np.array(specificity), prevalence)
    likely = _of_shares(recalls[:, None], specificities[None], prevalence)
    tail = (1 - within_0_and_1(level, name="level")) / 2
    for name in _OF_BOTH_SHARES:
        value, (low, high) = float(values[name]), np.quantile(likely[name], (tail, 1 - tail))
        # without an error of a kind the middle leaves out what was seen
        found[name] = Estimate(value, min(float(low), value), max(float(high), value), "jeffreys")
    return found


def _f1(
    corroded: NDArray[np.bool_],
    decided: NDArray[np.bool_],
    group: NDArray[np.int64],
    level: float,
) -> Estimate:
    counted = corroded | decided
    share = proportion((corroded & decided)[counted], group=group[counted], level=level)
    value, low, high = (2 * one / (1 + one) for one in (share.value, share.low, share.high))
    return Estimate(value, low, high, share.method)


def _jeffreys(right: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[float, Floats]:
    """A share and equally likely values (Q,) of it."""
    from scipy.special import betaincinv

    share, size = float(right.mean()), effective_size(right, group)
    likely = betaincinv(share * size + 0.5, (1 - share) * size + 0.5, _QUANTILES)
    return share, np.asarray(likely, dtype=np.float64)


def _of_shares(recall: Floats, specificity: Floats, prevalence: float) -> dict[str, Floats]:
    """Metrics (of any shape) of recall and specificity."""
    return decision_metrics(
        tp=prevalence * recall,
        fn=prevalence * (1 - recall),
        tn=(1 - prevalence) * specificity,
        fp=(1 - prevalence) * (1 - specificity),
    )
