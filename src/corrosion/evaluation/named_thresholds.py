"""The threshold that a user names, and the rule by which a network decides with it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule, who_decides

log = logging.getLogger(__name__)


def find_threshold(threshold: str | float, known: Mapping[str, float]) -> float:
    """The number that a threshold given by a user stands for.

    Args:
        threshold: a probability in (0, 1), as a number or as text, or words of the name of one of
            the known thresholds, in upper or lower case.
        known: thresholds chosen on validation, by the name of their rule.

    Raises:
        CorrosionError: a number out of its range, or words that no name or several have.

    Example:
        >>> known = {"best F1": 0.41, "recall at least 0.98 on validation": 0.27}
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


class HasThresholds(Protocol):
    """What decides of a network: a checkpoint's, or that of an exported file."""

    threshold: float
    thresholds: Mapping[str, float]
    band: tuple[float, float] | None


def decision_rule(network: HasThresholds, threshold: str | float | None = None) -> Rule:
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
        f"them: that {who_decides(band)} was chosen for the threshold {usual:.3g}. Expect "
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
