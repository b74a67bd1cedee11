"""Thresholds chosen on validation. Chosen on the test set they would flatter its metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.evaluation.metrics import Floats, checked, decision_metrics

if TYPE_CHECKING:
    from corrosion.models.classifier import CorrosionClassifier

log = logging.getLogger(__name__)

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
    """

    rule: str
    value: float


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
        Threshold(rule='best F1', value=0.2)
    """
    table = _with_corrosion(sweep(label, probability))
    best = int(table["f1"].to_numpy().argmax())
    return Threshold("best F1", float(table["threshold"].iloc[best]))


def at_least_recall(label: ArrayLike, probability: ArrayLike, recall: float) -> Threshold:
    """The highest threshold, so the fewest false alarms, with this recall on validation.

    Recall on other images scatters about that on validation: look at its interval on the test
    set before relying on it.

    Raises:
        CorrosionError: `recall` is not in (0, 1], no corroded image, or bad arrays (as `checked`).

    Example:
        >>> at_least_recall([1, 0, 1, 0], [0.9, 0.5, 0.3, 0.1], 0.98)
        Threshold(rule='recall at least 0.98', value=0.2)
    """
    if not 0 < recall <= 1:
        raise CorrosionError(f"min_recall={recall}: a recall to reach lies above 0 and up to 1.")
    table = _with_corrosion(sweep(label, probability))
    reaching = table.loc[table["recall"] >= recall - 1e-12, "threshold"]
    return Threshold(f"recall at least {recall:g}", float(reaching.iloc[-1]))


def lowest_cost(
    label: ArrayLike, probability: ArrayLike, *, false_negative: float, false_positive: float
) -> Threshold:
    """The threshold with the lowest cost of errors on validation; the lowest of equal ones.

    (With perfectly calibrated probabilities it would be FP / (FP + FN): Elkan, IJCAI 2001.)

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        false_negative: cost of a corroded image called clean.
        false_positive: cost of a clean image called corroded.

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
    cost = false_negative * table["fn"] + false_positive * table["fp"]
    best = int(cost.to_numpy().argmin())
    rule = f"lowest cost (missed {false_negative:g}, false alarm {false_positive:g})"
    return Threshold(rule, float(table["threshold"].iloc[best]))


def candidates(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    min_recall: float = MIN_RECALL,
    costs: tuple[float, float] | None = None,
) -> tuple[Threshold, ...]:
    """All thresholds that can be chosen on validation.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        min_recall: recall that one of them shall reach, in (0, 1].
        costs: costs of a missed corrosion and of a false alarm; None leaves that threshold out.

    Raises:
        CorrosionError: a value is out of its range, no image is corroded, or bad arrays (as
            `checked`).

    Example:
        >>> [one.rule for one in candidates([1, 0], [0.9, 0.2], costs=(20, 1))]
        ['best F1', 'recall at least 0.98', 'lowest cost (missed 20, false alarm 1)']
    """
    chosen = [best_f1(label, probability), at_least_recall(label, probability, min_recall)]
    if costs is not None:
        missed, alarm = costs
        chosen.append(lowest_cost(label, probability, false_negative=missed, false_positive=alarm))
    return tuple(chosen)


def find_threshold(threshold: str | float, known: Mapping[str, float]) -> float:
    """The number that a threshold given by a user stands for.

    Args:
        threshold: a probability in (0, 1), as a number or as text, or words of the name of one of
            the known thresholds, in upper or lower case.
        known: thresholds chosen on validation, by the name of their rule.

    Raises:
        CorrosionError: a number out of its range, or words that no name or several have.

    Example:
        >>> known = {"best F1": 0.41, "recall at least 0.98": 0.27}
        >>> find_threshold("recall", known), find_threshold(0.5, known)
        (0.27, 0.5)
    """
    try:
        value = float(threshold)
    except ValueError:
        return _named(str(threshold), known)
    if not 0 < value < 1:
        raise CorrosionError(f"threshold={threshold}: give a probability between 0 and 1.")
    return value


def decision_rule(network: CorrosionClassifier, threshold: str | float | None = None) -> Rule:
    """The rule of a checkpoint.

    Args:
        network: a network with the thresholds and the band that training chose on validation.
        threshold: a probability in (0, 1), or words of the name of one of those thresholds, as
            "recall"; None for the network's own.

    Raises:
        CorrosionError: it is neither.

    Example:
        >>> model = corrosion.load_model("outputs/RUN")  # doctest: +SKIP
        >>> decision_rule(model, "recall")  # doctest: +SKIP
        Rule(threshold=0.27, band=(0.12, 0.81))
    """
    value = network.threshold
    if threshold is not None:
        value = find_threshold(threshold, network.thresholds)
    if network.band is not None and not network.band[0] <= value <= network.band[1]:
        # a threshold that training has chosen is meant so; any other may be a slip
        level = logging.INFO if value in network.thresholds.values() else logging.WARNING
        log.log(level, "%s", _decisions_unseen(value, network.band, network.threshold))
    return Rule(value, network.band)


def _decisions_unseen(value: float, band: tuple[float, float], usual: float) -> str:
    """Which decisions another threshold changes without asking an inspector."""
    below = value < band[0]
    first, last = (value, band[0]) if below else (band[1], value)
    return (
        f"At the threshold {value:.3g} photographs with a probability of {first:.3g} to {last:.3g} "
        f"count as {'corroded' if below else 'free of corrosion'}, and no inspector is asked about "
        f"them: the probabilities for an inspector, {band[0]:.3g} to {band[1]:.3g}, were chosen "
        f"for the threshold {usual:.3g}. Expect "
        f"{'more false alarms than usual' if below else 'missed corrosion'} among these "
        f"photographs, and have them looked at too."
    )


def _named(name: str, known: Mapping[str, float]) -> float:
    found = [value for rule, value in known.items() if name.casefold() in rule.casefold()]
    if len(found) != 1:
        names = ", ".join(f'"{rule}"' for rule in known) or "none"
        raise CorrosionError(
            f"threshold={name}: give a number, or words that one of the thresholds chosen on "
            f"validation alone has in its name: {names}."
        )
    return found[0]


def _with_corrosion(table: pd.DataFrame) -> pd.DataFrame:
    if table["tp"].iloc[0] == 0:
        raise CorrosionError("No validation image shows corrosion: no threshold can be chosen.")
    return table
