"""What a probability means for an inspector."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier

log = logging.getLogger(__name__)

DETECTED, CLEAN = "corrosion detected", "no corrosion"
"""The decisions."""

REVIEW = "send to an inspector"
"""What a table says of a probability in the band."""


@dataclass(frozen=True)
class Rule:
    """How probabilities become decisions.

    Attributes:
        threshold: probability from which corrosion counts as detected.
        band: probabilities strictly between these go to an inspector; None for no such band.
    """

    threshold: float
    band: tuple[float, float] | None

    def decide(self, probability: float) -> str:
        """`DETECTED` or `CLEAN`."""
        return DETECTED if probability >= self.threshold else CLEAN

    def needs_review(self, probability: float) -> bool:
        """Whether an inspector shall look at the photograph, whatever the decision."""
        return self.band is not None and self.band[0] < probability < self.band[1]


def decision_rule(network: CorrosionClassifier, threshold: str | float | None = None) -> Rule:
    """The rule of a checkpoint.

    Args:
        network: with the thresholds and the band that training chose on validation.
        threshold: a probability in (0, 1), or part of the name of one of those thresholds, as
            "recall"; None for the checkpoint's own.

    Raises:
        CorrosionError: it is neither.
    """
    value = network.threshold if threshold is None else _threshold(network, threshold)
    if network.band is not None and not network.band[0] <= value <= network.band[1]:
        log.warning(
            "threshold %g lies outside the band %g to %g of this checkpoint, which was chosen "
            "around %g: between them decisions are less sure than they should be",
            value,
            *network.band,
            network.threshold,
        )
    return Rule(value, network.band)


def _threshold(network: CorrosionClassifier, threshold: str | float) -> float:
    try:
        value = float(threshold)
    except ValueError:
        return _named(network, str(threshold))
    if not 0 < value < 1:
        raise CorrosionError(f"threshold={threshold}: give a probability between 0 and 1.")
    return value


def _named(network: CorrosionClassifier, name: str) -> float:
    known = network.thresholds
    found = [value for rule, value in known.items() if name.casefold() in rule.casefold()]
    if len(found) != 1:
        names = ", ".join(f'"{rule}"' for rule in known) or "none"
        raise CorrosionError(
            f"threshold={name}: give a number, or words that one of this checkpoint's thresholds "
            f"alone has in its name: {names}."
        )
    return found[0]
