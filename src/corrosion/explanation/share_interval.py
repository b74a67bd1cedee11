"""How far a rusted share may be from the truth: split-conformal intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corrosion.errors import CorrosionError

LEVEL = 0.9
"""Share of the photographs whose true share an interval is to cover."""

LEAST = 9
"""Photographs with masks from which on an interval of `LEVEL` exists: with fewer it is [0, 1]."""

_OFFSET = 0.05  # errors do not vanish where hardly any rust, or nothing but rust, was found


@dataclass(frozen=True)
class ShareInterval:
    """Gives a rusted share its interval.

    Split-conformal prediction (Papadopoulos et al., ECML 2002; Lei et al., Journal of the American
    Statistical Association 2018, algorithm 2, with the scaled residuals of its section 5.2): on
    photographs with masks, the error of the share over sqrt(s (1 - s)) + 0.05, where s is the share
    that was found, has a quantile; a new photograph's interval reaches as many times its own
    sqrt(s (1 - s)) + 0.05 to both sides. It covers `LEVEL` of the photographs that are drawn as
    those with masks were, whatever the errors' distribution; of others nothing is promised.

    Attributes:
        scale: quantile of the scaled errors, at least 0.
        photographs: number of photographs it was taken from.
        own: whether these are the user's own.

    Example:
        >>> interval = ShareInterval(scale=0.5, photographs=20, own=True)
        >>> [round(end, 3) for end in interval.around(0.2)]
        [0.0, 0.425]
    """

    scale: float
    photographs: int
    own: bool

    def around(self, share: float) -> tuple[float, float]:
        """The interval of a share in [0, 1], within [0, 1]."""
        reach = self.scale * _spread(share)
        return max(0.0, share - reach), min(1.0, share + reach)

    @property
    def note(self) -> str:
        """The sentence that belongs beside the intervals."""
        if math.isinf(self.scale):
            return (
                f"Intervals of the share say nothing: {self.photographs} photographs of yours with "
                f"masks are too few, it takes {LEAST}."
            )
        if self.own:
            return (
                f"Intervals of the share hold for {LEVEL:.0%} of photographs like the "
                f"{self.photographs} of yours with masks."
            )
        return (
            f"Intervals of the share come from {self.photographs} photographs of others and may "
            f"not hold for yours: give some of yours with masks (share_truth)."
        )


FROM_OTHERS = ShareInterval(scale=0.697, photographs=67, own=False)
"""From the 67 `web` photographs with masks of docs/results.md, where its origin is told."""


def conformal_interval(found: Sequence[float], true: Sequence[float]) -> ShareInterval:
    """Take an interval from photographs whose true share is known.

    Args:
        found: N shares that masks of rust gave, each in [0, 1].
        true: N true shares of the same photographs.

    Returns:
        An interval for the user's photographs; it is [0, 1] where N is below `LEAST`.

    Raises:
        CorrosionError: there are none, or not as many of both.

    Example:
        >>> found = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
        >>> conformal_interval(found, [share + 0.05 for share in found]).photographs
        9
    """
    if not len(found) or len(found) != len(true):
        raise CorrosionError(f"found={len(found)}, true={len(true)}: give a share of each for all.")
    errors = sorted(
        abs(truth - share) / _spread(share) for share, truth in zip(found, true, strict=True)
    )
    rank = math.ceil(LEVEL * (len(errors) + 1))
    scale = errors[rank - 1] if rank <= len(errors) else math.inf
    return ShareInterval(scale, len(errors), own=True)


def _spread(share: float) -> float:
    return float(np.sqrt(share * (1 - share))) + _OFFSET
