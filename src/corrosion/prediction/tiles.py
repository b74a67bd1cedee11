"""Tiles of a large photograph: where they lie, and what many of them together say.

The network sees a photograph of 4,000 pixels at a tenth of its size, where rust of 30 pixels is a
speck of three. Tiles keep the photograph's own pixels. They overlap, so that what is cut by the
edge of one lies within another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrosion.data.geometry import Map, Window
from corrosion.settings.prediction import TileRuleName

Blending = tuple[tuple[slice, Map], ...]
"""Of each tile along an axis the pixels that it lies over, and its weights there."""

LEAST_SIDE = 32
"""Pixels of a tile's side at the least, as --tile-size says."""

_EDGE = 1e-3  # pixels: tiles that only touch share what lies exactly between them


@dataclass(frozen=True)
class TileGrid:
    """The tiles of one photograph: squares in rows and columns that together cover all of it.

    Attributes:
        height: height of the photograph in pixels.
        width: width of the photograph in pixels.
        side: side of the tiles in pixels.
        tops: first rows of the rows of tiles, rising.
        lefts: first columns of the columns of tiles, rising.
    """

    height: int
    width: int
    side: int
    tops: tuple[int, ...]
    lefts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The tiles, row after row."""
        return tuple(
            Window(top, left, self.side, self.side) for top in self.tops for left in self.lefts
        )

    def blending(self, height: int, width: int) -> tuple[Blending, Blending]:
        """Weights with which tiles are put together on a grid over the whole photograph.

        A tile counts most in its middle and least at its edge, so that no seam is seen. The weight
        of a tile at a pixel is the product of that of its row of tiles and that of its column; at
        each pixel the weights of all tiles add up to 1.

        Args:
            height: height of the grid; the photograph's own, or less.
            width: width of the grid.

        Returns:
            Of each row of tiles and of each column the pixels that it lies over, and its weights
            there, float32 in [0, 1].

        Example:
            >>> rows, columns = Tiling(4, overlap=0.5).grid(4, 6).blending(4, 6)
            >>> [(place.start, weights.round(2).tolist()) for place, weights in columns]
            [(0, [1.0, 1.0, 0.75, 0.25]), (2, [0.25, 0.75, 1.0, 1.0])]
        """
        return (
            _blending(self.tops, self.side, self.height, height),
            _blending(self.lefts, self.side, self.width, width),
        )


@dataclass(frozen=True)
class Tiling:
    """How photographs are cut into tiles.

    Attributes:
        size: side of a tile in pixels of the photograph, at least 1; that of a photograph whose
            shorter side is less is its shorter side.
        overlap: least share of a tile's side that it has in common with the next, in [0, 1).
    """

    size: int
    overlap: float = 0.25

    def grid(self, height: int, width: int) -> TileGrid | None:
        """The tiles of a photograph; None where one tile holds all of it.

        A photograph less than `LEAST_SIDE` pixels high or wide is seen as a whole: tiles of it
        would show nothing, and there would be tens of thousands.

        Args:
            height: height of the photograph in pixels, at least 1.
            width: width of the photograph in pixels, at least 1.

        Example:
            >>> grid = Tiling(224).grid(3000, 4000)
            >>> len(grid), grid.windows[1]
            (432, Window(top=0, left=164, height=224, width=224))
            >>> Tiling(224).grid(200, 224) is None
            True
        """
        if max(height, width) <= self.size or min(height, width) < min(self.size, LEAST_SIDE):
            return None
        side = min(self.size, height, width)
        tops, lefts = self._starts(height, side), self._starts(width, side)
        return TileGrid(height, width, side, tops, lefts)

    def _starts(self, length: int, side: int) -> tuple[int, ...]:
        step = max(1.0, side * (1 - self.overlap))
        count = 1 + math.ceil((length - side) / step)
        return tuple(round(start) for start in np.linspace(0, length - side, count))


@dataclass(frozen=True)
class TileRule:
    """How many tiles must be corroded for the photograph to be.

    Attributes:
        name: "max" (one is enough), "kth" (`k` of them) or "share" (a share of them).
        k: number of tiles of "kth", at least 1.
        share: share of the tiles of "share", in (0, 1].
    """

    name: TileRuleName = "max"
    k: int = 3
    share: float = 0.01

    def needed(self, tiles: int) -> int:
        """How many of so many tiles must be corroded.

        Example:
            >>> [TileRule(name, k=3, share=0.02).needed(432) for name in ("max", "kth", "share")]
            [1, 3, 9]
            >>> TileRule("kth", k=3).needed(2)
            2
        """
        if self.name == "max":
            return 1
        wanted = self.k if self.name == "kth" else math.ceil(self.share * tiles - 1e-9)
        return min(max(wanted, 1), tiles)

    def score(self, values: ArrayLike) -> float:
        """What tiles say together: at thresholds up to this, as many as are needed are corroded.

        Args:
            values: (T,) probabilities or logits of the tiles, at least one.

        Example:
            >>> TileRule("kth", k=2).score([0.1, 0.9, 0.4])
            0.4
        """
        ordered: NDArray[np.float64] = np.sort(np.asarray(values, dtype=np.float64))
        return float(ordered[-self.needed(len(ordered))])

    def __str__(self) -> str:
        if self.name == "max":
            return "one corroded tile"
        if self.name == "kth":
            return f"{self.k} corroded tiles"
        return f"{self.share:.3g} of the tiles corroded"


def _blending(starts: tuple[int, ...], side: int, length: int, pixels: int) -> Blending:
    """Weights of tiles along an axis of `length`, which `pixels` pixels lie over."""
    places = (np.arange(pixels) + 0.5) * length / pixels
    total = np.zeros(pixels)
    found = []
    for start in starts:
        there = slice(*np.searchsorted(places, (start, start + side)).tolist())
        distance = np.abs(places[there] - (start + side / 2))
        weights = side / 2 - distance + _EDGE
        total[there] += weights
        found.append((there, weights))
    return tuple((there, (one / total[there]).astype(np.float32)) for there, one in found)
