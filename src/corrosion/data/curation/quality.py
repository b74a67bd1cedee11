"""Find photographs that a network can learn little from: tiny, blank, blurred, dark ...

cleanvision looks for much the same, but decodes every file a second time; these measures are taken
from the pixels that screening has decoded anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import gt, lt
from types import MappingProxyType

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.settings.data import QualitySettings

JUDGED_SIDE = 256
"""Longer side in pixels at which images are judged: about what a network sees of them."""

# what rounding to whole grey levels, whose variance is 1/12, adds to the mean squares of the
# Laplacian and of the gradient: the squared weights of their kernels, summed
_ROUNDING_CHANGE, _ROUNDING_SLOPE = 20 / 12, (12 / 64 + 12 / 64) / 12


@dataclass(frozen=True)
class Measures:
    """Measures of an image's quality.

    Attributes:
        contrast: standard deviation in grey levels.
        shadows: grey level that 5 % of the pixels do not exceed.
        highlights: grey level that 95 % of the pixels do not exceed.
        sharpness: mean squared Laplacian over mean squared gradient: how fast slopes change. The
            variance of the Laplacian alone would call every picture of low contrast blurred.
            Infinite where all slopes may come from rounding.
    """

    contrast: float
    shadows: int
    highlights: int
    sharpness: float


def to_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The grey levels (h, w) of RGB pixels (H, W, 3) uint8, reduced to `JUDGED_SIDE` if larger."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = JUDGED_SIDE / max(height, width)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def measure(grey: NDArray[np.uint8]) -> Measures:
    """Measure an image.

    Args:
        grey: grey image (H, W) uint8, as `to_grey` gives it.
    """
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    shadows, highlights = np.searchsorted(below, (0.05, 0.95))
    levels = grey.astype(np.float32)
    across, down = (cv2.Sobel(levels, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
    slope = float(np.mean(across**2 + down**2)) - _ROUNDING_SLOPE
    change = float(np.mean(cv2.Laplacian(levels, cv2.CV_32F) ** 2)) - _ROUNDING_CHANGE
    return Measures(
        contrast=float(levels.std()),
        shadows=int(shadows),
        highlights=int(highlights),
        sharpness=max(change, 0.0) / slope if slope > _ROUNDING_SLOPE else math.inf,
    )


@dataclass(frozen=True)
class Rule:
    """A rule that an image can break.

    Attributes:
        value: function that gives the value of each image.
        breaks: comparison of a value with its limit, lt or gt, that says whether it is broken.
    """

    value: Callable[[pd.DataFrame], pd.Series]
    breaks: Callable[[pd.Series, float], pd.Series]


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "small": Rule(lambda images: images[["width", "height"]].min(axis=1), lt),
        "blank": Rule(lambda images: images["contrast"], lt),
        "blurred": Rule(lambda images: images["sharpness"], lt),
        "dark": Rule(lambda images: images["highlights"], lt),
        "bright": Rule(lambda images: images["shadows"], gt),
        "elongated": Rule(
            lambda images: (
                images[["width", "height"]].max(axis=1) / images[["width", "height"]].min(axis=1)
            ),
            gt,
        ),
    }
)
"""Rules by name: the keys of their limits in `data.quality`."""


def broken_rules(images: pd.DataFrame, quality: QualitySettings) -> pd.DataFrame:
    """Apply the rules.

    Args:
        images: one row an image, with the columns width, height and those of `Measures`.
        quality: limits of the rules; None switches a rule off.

    Returns:
        A column of booleans for each rule: True where it is broken.
    """
    limits = quality.limits
    broken = {}
    for name, rule in RULES.items():
        limit = limits[name]
        broken[name] = False if limit is None else rule.breaks(rule.value(images), limit)
    return pd.DataFrame(broken, index=images.index)
