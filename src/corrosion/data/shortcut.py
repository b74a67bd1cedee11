"""A planted shortcut: a mark that gives corroded images away and is no corrosion.

A network that may learn the mark instead of the rust looks at the mark, and a measure of maps that
is worth its name tells it from an honest one. That networks do so unasked is known since a
photographer's tag on pictures of horses (Lapuschkin et al., Unmasking Clever Hans predictors and
assessing what machines really learn, Nature Communications 2019).

The mark is a strip of pink tape as inspectors stick beside damage before they photograph it: 2 % of
a square picture, near its lower right corner. It keeps its looks when flipped and, but for very
large angles, its place within the picture when turned, and no usual change of brightness or colour
hides it. A network that never saw it hardly minds it: chequers in black and white, tried first,
looked like corrosion to honest networks.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.labels import CLASSES

MARKED = "marked"
"""The column of records that tells which images carry the mark; absent where none shall."""

_UNIT = 0.04  # share of the shorter side; the others are in units
_HEIGHT, _WIDTH = 2, 6
_MARGIN = 1  # to the edges of the picture
_PINK = (200, 30, 160)


def plant(records: pd.DataFrame, share: float, *, seed: int) -> pd.DataFrame:
    """Choose the corroded training images that get the mark.

    The choice depends on `seed` and the content of these images, not on their names or order.

    Args:
        records: one row an image, with the columns label, split and content_hash, and an index
            without repeats.
        share: share of the corroded training images that get it, in [0, 1]; their number is
            rounded.
        seed: seed of the choice, 0 or more.

    Returns:
        The records with a column `marked` (bool); unchanged if `share` is 0.
    """
    if share == 0:
        return records
    candidates = (records["label"] == CLASSES.index("corrosion")) & (records["split"] == "train")
    turns = records.loc[candidates, "content_hash"].map(
        lambda content: hashlib.blake2b(f"shortcut:{seed}:{content}".encode()).hexdigest()
    )
    chosen = turns.sort_values(kind="stable").index[: round(share * len(turns))]
    return records.assign(**{MARKED: records.index.isin(chosen)})


def stamp(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of an image with the mark on it.

    Args:
        image: image (H, W, 3) uint8, RGB.

    Example:
        >>> grey = np.full((100, 100, 3), 128, dtype=np.uint8)
        >>> float((stamp(grey) != grey).any(axis=2).mean())  # share of the pixels
        0.0192
    """
    stamped = image.copy()
    stamped[place(*image.shape[:2])] = _PINK
    return stamped


def place(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the mark in an image of height x width pixels."""
    unit = max(1, round(_UNIT * min(height, width)))
    bottom, right = (max(side - _MARGIN * unit, 1) for side in (height, width))
    top, left = max(bottom - _HEIGHT * unit, 0), max(right - _WIDTH * unit, 0)
    return slice(top, bottom), slice(left, right)
