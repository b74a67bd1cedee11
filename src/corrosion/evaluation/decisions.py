"""What a probability means for an inspector."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corrosion.evaluation.thresholds import find_threshold

if TYPE_CHECKING:
    from corrosion.models.classifier import CorrosionClassifier

log = logging.getLogger(__name__)

DETECTED, CLEAN = "corrosion detected", "no corrosion"
"""The decisions."""

REVIEW = "send to an inspector"
"""What a table says of a probability in the band."""


def decide(probability: float, threshold: float) -> str:
    """What a probability of corrosion means at a threshold: `DETECTED` or `CLEAN`.

    Example:
        >>> decide(0.5, 0.5), decide(0.49, 0.5)
        ('corrosion detected', 'no corrosion')
    """
    return DETECTED if probability >= threshold else CLEAN


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
        return decide(probability, self.threshold)

    def needs_review(self, probability: float) -> bool:
        """Whether an inspector shall look at the photograph, whatever the decision."""
        return self.band is not None and self.band[0] < probability < self.band[1]


def decision_rule(network: CorrosionClassifier, threshold: str | float | None = None) -> Rule:
    """The rule of a checkpoint.

    Args:
        network: a network with the thresholds and the band that training chose on validation.
        threshold: a probability in (0, 1), or words of the name of one of those thresholds, as
            "recall"; None for the network's own.

    Raises:
        CorrosionError: it is neither.
    """
    value = network.threshold
    if threshold is not None:
        value = find_threshold(threshold, network.thresholds)
    if network.band is not None and not network.band[0] <= value <= network.band[1]:
        log.warning(
            "threshold %g lies outside the band %g to %g of this checkpoint, which was chosen "
            "around %g: between them decisions are less sure than they should be",
            value,
            *network.band,
            network.threshold,
        )
    return Rule(value, network.band)
