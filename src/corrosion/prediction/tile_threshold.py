"""The threshold of photographs in tiles, which is not the one of whole photographs.

A sound photograph of 200 tiles has 200 chances of a false alarm: at the threshold of whole
photographs nearly every one would be called corroded. So the threshold rises with the number of
tiles, and is chosen on the tiles of sound validation photographs:

1. Where enough of them have as many tiles as the photograph at hand (up to twice as many), their
   scores are what is compared with: the threshold is a quantile of these, as in split conformal
   prediction (Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World, 2005), and at most
   the given share of sound photographs like them are called corroded.
2. Where they are smaller, single tiles are compared. If a share q of sound tiles is called
   corroded, then so are q T of T tiles on average, and k of them at once in at most q T / k of the
   photographs (Markov's inequality), however much tiles of one photograph depend on each other. The
   threshold is the quantile of sound tiles at which this is the given share.
3. Where that lies beyond the highest of the sound tiles, the tail of their logits is taken to be
   exponential above its highest tenth (peaks over threshold, Pickands, Annals of Statistics 1975,
   with shape 0): right for tails that fall so, and more careful than need be for normal ones. It is
   a guess about what no validation photograph has shown, and said to be one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from corrosion.errors import CorrosionError
from corrosion.prediction.tiles import TileRule

Floats = NDArray[np.float64]

Basis = Literal["photographs", "tiles", "beyond validation", "given"]
"""What a threshold rests on: sound photographs with as many tiles; sound tiles; the tail beyond the
highest of them; or the user."""

FEWEST_SOUND = 10
"""Sound validation photographs without which no threshold is chosen."""

_TAIL_SHARE, _FEWEST_IN_TAIL = 0.1, 5


@dataclass(frozen=True)
class TileThreshold:
    """Probability from which a tile counts as corroded.

    Attributes:
        value: in (0, 1], or just above 1 for "never".
        basis: what it rests on.
    """

    value: float
    basis: Basis


@dataclass(frozen=True)
class GivenThreshold:
    """One threshold for all photographs, which the user has chosen.

    Attributes:
        value: probability from which a tile counts as corroded, in (0, 1).
    """

    value: float

    def at(self, tiles: int) -> TileThreshold:
        """The threshold, whatever the number of tiles."""
        return TileThreshold(self.value, "given")


@dataclass(frozen=True, eq=False)
class ChosenThreshold:
    """Thresholds by the number of tiles, from sound validation photographs.

    Attributes:
        sound: calibrated logits (T,) of the tiles of each sound validation photograph, at least
            `FEWEST_SOUND` photographs.
        rule: how many tiles must be corroded.
        false_alarms: share of sound photographs that may be called corroded, in (0, 1).

    Raises:
        CorrosionError: there are fewer photographs.

    Example:
        Ten photographs of ten tiles are too few to tell a photograph in twenty, but their hundred
        tiles tell one tile in fifty; beyond these it is a guess:

        >>> sound = tuple(np.arange(10.0) / 10 + photograph for photograph in range(10))
        >>> chosen = ChosenThreshold(sound, TileRule(), false_alarms=0.2)
        >>> [chosen.at(tiles).basis for tiles in (10, 20, 10_000)]
        ['photographs', 'tiles', 'beyond validation']
        >>> [round(chosen.at(tiles).value, 4) for tiles in (10, 10_000)]
        [0.9999, 1.0]
    """

    sound: tuple[Floats, ...]
    rule: TileRule
    false_alarms: float

    def __post_init__(self) -> None:
        if len(self.sound) < FEWEST_SOUND:
            raise too_few(len(self.sound))

    def at(self, tiles: int) -> TileThreshold:
        """The threshold of photographs with so many tiles, at least 1."""
        # with many more tiles they would have more false alarms, and the threshold be too high
        alike = [self.rule.score(one) for one in self.sound if tiles <= len(one) <= 2 * tiles]
        # as many of them as may be called corroded if the photograph at hand is one more of them
        allowed = math.floor(self.false_alarms * (len(alike) + 1))
        if allowed >= 1:
            return TileThreshold(_above(np.sort(alike)[-allowed]), "photographs")
        pooled = np.sort(np.concatenate(self.sound))
        share = self.false_alarms * self.rule.needed(tiles) / tiles
        allowed = math.floor(share * (len(pooled) + 1))
        if allowed >= 1:
            return TileThreshold(_above(pooled[-allowed]), "tiles")
        return TileThreshold(_above(max(_tail(pooled, share), pooled[-1])), "beyond validation")


TileThresholds = GivenThreshold | ChosenThreshold
"""What says from which probability a tile of a photograph counts as corroded."""


def too_few(sound: int) -> CorrosionError:
    """The error of a validation with fewer than `FEWEST_SOUND` sound photographs."""
    return CorrosionError(
        f"tiles: {sound} sound validation photographs are too few to choose a threshold on: give "
        f"at least {FEWEST_SOUND} (tile_validation), better as large as those you predict, or a "
        f"threshold of your own as a number."
    )


def _above(logit: float) -> float:
    """The probability just above that of a logit."""
    return float(np.nextafter(expit(logit), 2.0))


def _tail(ordered: Floats, share: float) -> float:
    """The logit that so small a share of the tail of rising logits exceeds."""
    count = min(max(_FEWEST_IN_TAIL, math.ceil(_TAIL_SHARE * len(ordered))), len(ordered) - 1)
    start = ordered[-count - 1]
    excess = float(np.mean(ordered[-count:] - start))
    return float(start + excess * math.log(count / len(ordered) / share))
