"""What a probability decides: that corrosion is detected, and that an inspector shall look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DETECTED, CLEAN = "corrosion detected", "no corrosion"
"""The decisions."""

REVIEW = "send to an inspector"
"""What a table says of a probability in the band, and of a photograph unlike the training's."""


def is_corroded(probability: Any, threshold: float) -> Any:
    """Whether probabilities of corrosion count as corroded: from the threshold on they do.

    Args:
        probability: a float, or an array, tensor or column of any shape; NaN does not count.
        threshold: probability from which an image counts as corroded.

    Returns:
        bool, or an array, tensor or column of bool of the same shape.

    Example:
        >>> is_corroded(0.5, 0.5), is_corroded(0.49, 0.5)
        (True, False)
        >>> import numpy as np
        >>> is_corroded(np.array([0.2, 0.7]), 0.5)
        array([False,  True])
    """
    return probability >= threshold


def needs_review(probability: Any, band: tuple[float, float]) -> Any:
    """Whether probabilities of corrosion lie strictly inside the band that an inspector looks at.

    Args:
        probability: a float, or an array, tensor or column of any shape.
        band: lower and upper end of the band, in [0, 1].

    Returns:
        bool, or an array, tensor or column of bool of the same shape.

    Example:
        >>> needs_review(0.5, (0.4, 0.6)), needs_review(0.6, (0.4, 0.6))
        (True, False)
    """
    low, high = band
    return (probability > low) & (probability < high)


def is_unlike(distance: Any) -> Any:
    """Whether photographs are unlike all that a network was trained on.

    Args:
        distance: distance to the nearest training photograph over its limit, as
            `CorrosionClassifier.unlike_training` gives it, a float, or an array, tensor or column
            of any shape; NaN, for unknown, is not unlike.

    Returns:
        bool, or an array, tensor or column of bool of the same shape.

    Example:
        >>> is_unlike(1.01), is_unlike(1.0), is_unlike(float("nan"))
        (True, False, False)
    """
    return distance > 1


def decide(probability: float, threshold: float) -> str:
    """What a probability of corrosion means at a threshold: `DETECTED` or `CLEAN`.

    Example:
        >>> decide(0.5, 0.5), decide(0.49, 0.5)
        ('corrosion detected', 'no corrosion')
    """
    return DETECTED if is_corroded(probability, threshold) else CLEAN


def who_decides(band: tuple[float, float]) -> str:
    """Who decides by probabilities alone, the network or an inspector, as a clause.

    Photographs unlike those of the training go to an inspector whatever the band.

    Args:
        band: lower and upper end of the band that `needs_review` takes.

    Example:
        >>> who_decides((0.12, 0.81)), who_decides((0.5, 0.5)), who_decides((0, 1))
        ('an inspector decides from 0.12 to 0.81', 'the network decides all by itself', \
'an inspector decides all')
    """
    low, high = band
    if low >= high:
        return "the network decides all by itself"
    if low <= 0 and high >= 1:
        return "an inspector decides all"
    return f"an inspector decides from {low:.3g} to {high:.3g}"


@dataclass(frozen=True)
class Rule:
    """How probabilities and distances to the training photographs become decisions.

    Attributes:
        threshold: probability from which corrosion counts as detected.
        band: probabilities strictly between these go to an inspector; None for no such band.

    Example:
        >>> rule = Rule(0.5, band=(0.4, 0.6))
        >>> rule.decide(0.55), rule.needs_review(0.55)
        ('corrosion detected', True)
        >>> rule.needs_review(0.99), rule.needs_review(0.99, unlike_training=1.2)
        (False, True)
    """

    threshold: float
    band: tuple[float, float] | None

    @property
    def in_words(self) -> str:
        """From where on corrosion is detected, and who decides, as a clause.

        Example:
            >>> Rule(0.4, band=(0.1, 0.8)).in_words
            'corrosion is detected from a probability of 0.4; an inspector decides from 0.1 to 0.8'
            >>> Rule(0.5, band=(0.5, 0.5)).in_words
            'corrosion is detected from a probability of 0.5; the network decides all by itself'
        """
        detected = f"corrosion is detected from a probability of {self.threshold:.3g}"
        return detected if self.band is None else f"{detected}; {who_decides(self.band)}"

    def decide(self, probability: float) -> str:
        """`DETECTED` or `CLEAN`."""
        return decide(probability, self.threshold)

    def needs_review(self, probability: float, unlike_training: float | None = None) -> bool:
        """Whether an inspector shall look at the photograph, whatever the decision.

        Args:
            probability: probability of corrosion, in [0, 1].
            unlike_training: distance for `is_unlike`; None where it is not known.
        """
        if unlike_training is not None and is_unlike(unlike_training):
            return True
        return self.band is not None and needs_review(probability, self.band)
