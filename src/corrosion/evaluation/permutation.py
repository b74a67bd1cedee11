"""Tests of two models that swap what they say of images."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.metrics import Floats, checked, decision_metrics, log_losses
from corrosion.evaluation.resampling import checked_count, group_numbers

_CELLS = 1_000_000  # swaps held at a time: 8 MB


def swap_tests(
    label: ArrayLike,
    probability_a: ArrayLike,
    probability_b: ArrayLike,
    *,
    thresholds: tuple[float, float] = (0.5, 0.5),
    group: ArrayLike | None = None,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, float]:
    """Two-sided p-values of the paired permutation test of decisions and losses.

    If two models are equally good, what they say of an image (or a group of images) might as well
    have come from the other one: the difference of a metric is set against those after random swaps
    (Pitman, 1937; Noreen, 1989). However few images decide, the test calls no more than the level's
    share of interchangeable models different, which the bootstrap does not hold on small sets.

    Args:
        label: (N,) 0 or 1.
        probability_a: (N,) in [0, 1], of corrosion by the first model.
        probability_b: (N,) by the second.
        thresholds: probability from which an image counts as corroded, of each model.
        group: (N,) of any type, swapped together; each image its own group if None.
        count: number of random swaps.
        seed: seed of the swaps.

    Returns:
        By metric: those of `decision_metrics`, brier and log_loss; at least 1 / (count + 1), NaN
        where a metric is undefined for a model.

    Raises:
        CorrosionError: bad arrays (as `checked`), groups or count.

    Example:
        >>> label, good = np.arange(40) % 2, 0.1 + 0.8 * (np.arange(40) % 2)
        >>> found = swap_tests(label, good, np.full(40, 0.5))
        >>> found["brier"] < 0.001, swap_tests(label, good, good)["brier"]
        (True, 1.0)
    """
    labels, a = checked(label, probability_a)
    b = checked(label, probability_b)[1]
    groups = group_numbers(group, len(labels))
    said = [
        _said(labels, score, threshold) for score, threshold in zip((a, b), thresholds, strict=True)
    ]
    totals = [one.sum(axis=0) for one in said]
    size = int(groups.max()) + 1
    change = np.stack([np.bincount(groups, one, size) for one in (said[1] - said[0]).T], axis=1)
    change = change[change.any(axis=1)]  # groups of which both say the same
    seen = _differences(*(total[None] for total in totals))
    as_large = dict.fromkeys(seen, 0)
    generator = np.random.default_rng(seed)
    portion = max(1, _CELLS // max(1, len(change)))
    for start in range(0, checked_count(count), portion):
        shape = (min(portion, count - start), len(change))
        moved = generator.integers(2, size=shape).astype(np.float64) @ change
        for name, drawn in _differences(totals[0] + moved, totals[1] - moved).items():
            # an undefined difference speaks against nothing
            as_large[name] += int((~(np.abs(drawn) < np.abs(seen[name]) - 1e-9)).sum())
    return {
        name: float("nan") if np.isnan(seen[name][0]) else (1 + as_large[name]) / (count + 1)
        for name in seen
    }


def _said(label: NDArray[np.int64], score: Floats, threshold: float) -> Floats:
    """What a model says of each image (N, 6): whether it is TP, FN, TN, FP, and its two losses."""
    decided, corroded = is_corroded(score, threshold), label == 1
    counts = (corroded & decided, corroded & ~decided, ~corroded & ~decided, ~corroded & decided)
    return np.stack([*counts, (score - label) ** 2, log_losses(label, score)], axis=1)


def _differences(a: Floats, b: Floats) -> dict[str, Floats]:
    """Differences (B,) of metrics from sums (B, 6) of what models say."""
    values = [
        decision_metrics(*one[:, :4].T) | {"brier": one[:, 4], "log_loss": one[:, 5]}
        for one in (a, b)
    ]
    return {name: values[0][name] - values[1][name] for name in values[0]}
