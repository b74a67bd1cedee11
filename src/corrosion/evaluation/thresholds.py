"""Thresholds chosen on validation. Chosen on the test set they would flatter its metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from corrosion.errors import CorrosionError
from corrosion.evaluation.guarantees import (
    effective_images,
    images_needed,
    upper_bound,
)
from corrosion.evaluation.intervals import within_0_and_1
from corrosion.evaluation.metrics import Floats, checked, decision_metrics
from corrosion.evaluation.resampling import group_numbers

MIN_RECALL = 0.98
"""Recall that a threshold shall reach by default: missing corrosion costs more than a second
look."""


@dataclass(frozen=True)
class Threshold:
    """A threshold and the rule it follows.

    Attributes:
        rule: what it is for, in words.
        value: an image counts as corroded if its probability is at least this; one just above 1
            means "never".
        note: why it does not promise what was asked for; None where it does, or nothing was.
    """

    rule: str
    value: float
    note: str | None = None


def sweep(label: ArrayLike, probability: ArrayLike) -> pd.DataFrame:
    """Counts and metrics of decisions at every threshold that makes a difference.

    Thresholds lie midway between neighbouring probabilities, so that images like those of the
    validation set fall on the same side; the first calls all images corroded, the last none.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.

    Returns:
        One row a threshold, rising: threshold, tp, fn, tn, fp, and the metrics of
        `decision_metrics`.

    Raises:
        CorrosionError: bad arrays (as `checked`).

    Example:
        >>> table = sweep([1, 0, 1], [0.9, 0.5, 0.3])
        >>> table[["threshold", "tp", "fp"]].to_numpy().round(2).tolist()
        [[0.15, 2.0, 1.0], [0.4, 1.0, 1.0], [0.7, 1.0, 0.0], [0.95, 0.0, 0.0]]
    """
    labels, scores = checked(label, probability)
    distinct, position = np.unique(scores, return_inverse=True)
    fn = np.concatenate([[0.0], np.bincount(position, labels).cumsum()])
    tn = np.concatenate([[0.0], np.bincount(position, 1 - labels).cumsum()])
    counts = {"tp": fn[-1] - fn, "fn": fn, "tn": tn, "fp": tn[-1] - tn}
    return pd.DataFrame(
        {
            "threshold": _between(distinct),
            **{name: count.astype(np.int64) for name, count in counts.items()},
            **decision_metrics(**counts),
        }
    )


def _between(distinct: Floats) -> Floats:
    """Thresholds (k + 1,) around rising probabilities (k,)."""
    bounded = np.concatenate([[0.0], distinct, [1.0]])
    middle = (bounded[:-1] + bounded[1:]) / 2
    middle[:-1] = np.where(middle[:-1] > bounded[:-2], middle[:-1], distinct)  # neighbouring floats
    if distinct[-1] == 1:
        middle[-1] = np.nextafter(1.0, 2.0)
    return middle


def best_f1(label: ArrayLike, probability: ArrayLike) -> Threshold:
    """The threshold with the highest F1 on validation; the lowest of equal ones.

    Raises:
        CorrosionError: no corroded image, or bad arrays (as `checked`).

    Example:
        >>> best_f1([1, 0, 1, 0], [0.9, 0.5, 0.3, 0.1])
        Threshold(rule='best F1', value=0.2, note=None)
    """
    table = _with_corrosion(sweep(label, probability))
    best = int(table["f1"].to_numpy().argmax())
    return Threshold("best F1", float(table["threshold"].iloc[best]))


def at_least_recall(
    label: ArrayLike,
    probability: ArrayLike,
    recall: float,
    *,
    confidence: float | None = None,
    group: ArrayLike | None = None,
) -> Threshold:
    """The highest threshold, so the fewest false alarms, with this recall.

    Without a confidence it is the recall on validation, and on other images is less about every
    second time. With one, the recall is promised: it is a binomial tolerance bound (Wilks, 1941),
    which asks nothing of the probabilities, only that corroded images are independent and like
    those to come. Too few images promise no such recall; the threshold then has the highest that
    can be promised, below all their corroded images, and says so in its note.

    Args:
        label: (N,) 0 or 1, of validation images.
        probability: (N,) in [0, 1], of corrosion.
        recall: recall to reach, in (0, 1].
        confidence: in (0, 1), that the true recall is no lower; None looks at validation only.
        group: (N,) of any type: images that are not independent, which count as fewer where there
            is a confidence (`effective_images`); each its own if None.

    Raises:
        CorrosionError: `recall` is not in (0, 1], `confidence` not in (0, 1), no corroded image, or
            bad arrays (as `checked`).

    Example:
        >>> at_least_recall([1, 0, 1, 0], [0.9, 0.5, 0.3, 0.1], 0.98).rule
        'recall at least 0.98 on validation'
        >>> at_least_recall([1, 0, 1, 0], [0.9, 0.5, 0.3, 0.1], 0.3, confidence=0.9)
        Threshold(rule='recall at least 0.3, confidence 0.9', value=0.2, note=None)
    """
    if not 0 < recall <= 1:
        raise CorrosionError(f"min_recall={recall}: a recall to reach lies above 0 and up to 1.")
    table = _with_corrosion(sweep(label, probability))
    if confidence is None:
        reaching = table.loc[table["recall"] >= recall - 1e-12, "threshold"]
        return Threshold(f"recall at least {recall:g} on validation", float(reaching.iloc[-1]))
    corroded = np.asarray(label) == 1
    groups = group_numbers(group, len(corroded))[corroded]
    worth = effective_images(groups, len(groups))[-1]
    missed = (1 - table["recall"].to_numpy()) * worth
    lowest = 1 - upper_bound(missed, worth, confidence=confidence)
    promised = np.flatnonzero(lowest >= recall - 1e-12)
    if promised.size:
        rule = f"recall at least {recall:g}, confidence {confidence:g}"
        return Threshold(rule, float(table["threshold"].iloc[promised[-1]]))
    best = np.floor(lowest[0] * 1000) / 1000
    needed = images_needed(1 - recall, confidence=within_0_and_1(confidence, name="confidence"))
    takes = f"it takes {needed}" if np.isfinite(needed) else "no number does"
    return Threshold(
        f"recall at least {best:g}, confidence {confidence:g}",
        float(table["threshold"][table["fn"] == 0].iloc[-1]),
        f"A recall of {recall:g} can't be promised with confidence {confidence:g} by {worth:.0f} "
        f"independent corroded validation images: {takes}. The threshold taken instead promises "
        f"{best:g}, the highest that they can; label more corroded photographs for more.",
    )


def lowest_cost(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    false_negative: float,
    false_positive: float,
    prevalence: float | None = None,
) -> Threshold:
    """The threshold with the lowest cost of errors on validation; the lowest of equal ones.

    (With perfectly calibrated probabilities it would be FP / (FP + FN): Elkan, IJCAI 2001.)

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        false_negative: cost of a corroded image called clean.
        false_positive: cost of a clean image called corroded.
        prevalence: share of corroded images among those to come, in (0, 1), where it is not that of
            validation; needs both classes.

    Raises:
        CorrosionError: a cost is not a positive number, or bad arrays (as `checked`).

    Example:
        >>> label, probability = [1, 0, 1, 0], [0.9, 0.5, 0.3, 0.1]
        >>> lowest_cost(label, probability, false_negative=1, false_positive=5).value
        0.7
    """
    if not (0 < false_negative < np.inf and 0 < false_positive < np.inf):
        raise CorrosionError(
            f"costs {false_negative:g} {false_positive:g}: give two numbers above 0, of a missed "
            f"corrosion and of a false alarm."
        )
    table = sweep(label, probability)
    missed, alarms, of = table["fn"], table["fp"], ""
    if prevalence is not None:
        missed = prevalence * (1 - table["recall"])
        alarms = (1 - prevalence) * (1 - table["specificity"])
        of = f", {prevalence:.4g} corroded"
    cost = (false_negative * missed + false_positive * alarms).round(12)
    best = int(cost.to_numpy().argmin())
    rule = f"lowest cost (missed {false_negative:g}, false alarm {false_positive:g}{of})"
    return Threshold(rule, float(table["threshold"].iloc[best]))


def candidates(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    min_recall: float = MIN_RECALL,
    costs: tuple[float, float] | None = None,
    confidence: float | None = None,
    prevalence: float | None = None,
    group: ArrayLike | None = None,
) -> tuple[Threshold, ...]:
    """All thresholds that can be chosen on validation.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        min_recall: recall that one of them shall reach, in (0, 1].
        costs: costs of a missed corrosion and of a false alarm; None leaves that threshold out.
        confidence: confidence of that recall, in (0, 1); None for the recall on validation.
        prevalence: share of corroded images among those to come, which costs depend on; None for
            that of validation.
        group: (N,) of any type: images that are not independent; each its own if None.

    Raises:
        CorrosionError: a value is out of its range, no image is corroded, or bad arrays (as
            `checked`).

    Example:
        >>> [one.rule for one in candidates([1, 0], [0.9, 0.2], costs=(20, 1))]
        ['best F1', 'recall at least 0.98 on validation', 'lowest cost (missed 20, false alarm 1)']
    """
    chosen = [
        best_f1(label, probability),
        at_least_recall(label, probability, min_recall, confidence=confidence, group=group),
    ]
    if costs is not None:
        missed, alarm = costs
        chosen.append(
            lowest_cost(
                label,
                probability,
                false_negative=missed,
                false_positive=alarm,
                prevalence=prevalence,
            )
        )
    return tuple(chosen)


def _with_corrosion(table: pd.DataFrame) -> pd.DataFrame:
    if table["tp"].iloc[0] == 0:
        raise CorrosionError("No validation image shows corrosion: no threshold can be chosen.")
    return table
