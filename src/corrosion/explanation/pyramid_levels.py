"""The levels of a photograph that fine maps are made of: copies of it at several resolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corrosion.data.geometry import Window
from corrosion.models.classifier import CorrosionClassifier

FACTORS = (1.0, 1.43, 2.0, 2.86)
"""Scales of the levels: 224, 320, 448 and 640 pixels for a network of 224."""

VIEW_FACTORS = (1.0, 1.43, 2.0)
"""Those for networks of fixed size, which see a level in many views."""

MAX_SIDE = 1280
"""Longest side of a level in pixels, unless the network's own input is larger: bounds memory."""

_MULTIPLE = 32  # sides that the strides of nearly all networks divide: no cell is cut off


@dataclass(frozen=True)
class Level:
    """A copy of the photograph, and what the network sees of it at once.

    Attributes:
        height: height of the whole copy in pixels.
        width: width of the whole copy in pixels.
        views: parts of it of one size, which together cover all of it.
    """

    height: int
    width: int
    views: tuple[Window, ...]


def pyramid_levels(
    network: CorrosionClassifier,
    height: int,
    width: int,
    *,
    factors: Sequence[float] | None = None,
) -> list[Level]:
    """The levels of a photograph, each different, the coarsest first.

    The first has the scale at which the network is trained: the longest side is the network's
    `image_size` where photographs are padded, the shortest where they are cropped, both where they
    are stretched. The whole photograph is seen, without padding, in one view whose sides are
    rounded to multiples of 32 pixels. Networks that take one size only (vision transformers) see a
    level in square views of that size, which overlap by half or more; its shortest side is the
    network's at first.

    Args:
        network: a network, whose `image_size` and `resize` matter.
        height: height of the photograph in pixels, at least 1.
        width: width of the photograph in pixels, at least 1.
        factors: scales of the levels, above 0; `FACTORS` or `VIEW_FACTORS` by default.

    Example:
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=224)
        >>> [(level.height, level.width) for level in pyramid_levels(network, 2400, 4000)]
        [(128, 224), (192, 320), (256, 448), (384, 640)]
    """
    size, fixed = network.image_size, _takes_one_size(network)
    short, long = min(height, width), max(height, width)
    of_side = short if fixed or network.resize == "crop" else long
    most = max(MAX_SIDE, size)
    found: dict[tuple[int, int], Level] = {}
    for factor in factors or (VIEW_FACTORS if fixed else FACTORS):
        scale = min(factor * size / of_side, most / long)
        sides = [side * scale for side in (height, width)]
        if network.resize == "stretch" and not fixed:
            sides = [min(factor * size, most)] * 2
        if fixed:
            rows, columns = (max(size, round(side)) for side in sides)
            views = tuple(
                Window(top, left, size, size)
                for top in _starts(rows, size)
                for left in _starts(columns, size)
            )
        else:
            rows, columns = (max(1, round(side / _MULTIPLE)) * _MULTIPLE for side in sides)
            views = (Window(0, 0, rows, columns),)
        found.setdefault((rows, columns), Level(rows, columns, views))
    return list(found.values())


def _takes_one_size(network: CorrosionClassifier) -> bool:
    known = getattr(network.backbone, "pretrained_cfg", None) or {}
    return bool(known.get("fixed_input_size", False))


def _starts(length: int, size: int) -> list[int]:
    """Where views of `size` begin that cover `length`, each half of one further at most."""
    count = 1 + math.ceil((length - size) / (size / 2))
    return [round(start) for start in np.linspace(0, length - size, count)]
