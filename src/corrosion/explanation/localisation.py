"""Whether a map lies where the corrosion is, judged by masks.

Every measure takes a map (H, W) and a mask (H, W) of one photograph and is best at 1. Three cases
are the same for all:

- An empty mask: NaN. There is nothing to find.
- An empty map (nothing above 0): it points nowhere and finds nothing: 0; its average precision is
  the mask's share of the photograph, as of any map that ranks no pixel above another.
- A constant map above 0 says "everywhere": it gets what a guess would, the mask's share (for the
  pointing game: of the mask with its margin).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from sklearn.metrics import average_precision_score

from corrosion.data.geometry import Map, Mask
from corrosion.errors import CorrosionError
from corrosion.explanation.regions import OTSU, cut_level

TOLERANCE = 0.03
"""Margin of the pointing game as a share of the longer side: the published 15 pixels of 500."""


def pointing_game(values: Map, mask: Mask, *, tolerance: float = TOLERANCE) -> float:
    """Whether the maximum lies in the mask, or within a margin of it.

    Zhang et al., Top-Down Neural Attention by Excitation Backprop, IJCV 2018, section 4.2. If
    several pixels share the maximum, the share of them that hit: what picking one at random would
    score on average.

    Args:
        values: map (H, W) float, at least 0.
        mask: mask (H, W) bool, True where there is corrosion.
        tolerance: width of the margin, as a share of the longer side; 0 or more.

    Returns:
        0 (miss) to 1 (hit); NaN without a mask.

    Raises:
        CorrosionError: map and mask differ in shape, or the map has values below 0 or NaN.
    """
    _check(values, mask)
    if not mask.any():
        return np.nan
    peak = values.max()
    if peak <= 0:
        return 0.0
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near = distance <= tolerance * max(mask.shape)
    return float(near[values == peak].mean())


def energy_inside(values: Map, mask: Mask) -> float:
    """The share of the map's sum that lies in the mask.

    The energy-based pointing game of Wang et al., Score-CAM, CVPR Workshops 2020, section 4.3.

    Args:
        values: map (H, W) float, at least 0.
        mask: mask (H, W) bool, True where there is corrosion.

    Returns:
        The share, in [0, 1]; NaN where the mask is empty.

    Raises:
        CorrosionError: as for `pointing_game`.
    """
    _check(values, mask)
    if not mask.any():
        return np.nan
    total = values.sum(dtype=np.float64)
    return float(values[mask].sum(dtype=np.float64) / total) if total > 0 else 0.0


def iou(values: Map, mask: Mask, *, rule: str | float = OTSU) -> float:
    """Intersection over union (Jaccard, 1912) of the mask and the map above a level.

    Args:
        values: map (H, W) float, at least 0.
        mask: mask (H, W) bool, True where there is corrosion.
        rule: rule of the level, as `corrosion.explanation.regions.cut_level` takes it.

    Returns:
        The share, in [0, 1]; NaN where the mask is empty.

    Raises:
        CorrosionError: as for `pointing_game`, or the rule is unknown.
    """
    _check(values, mask)
    if not mask.any():
        return np.nan
    found = values > cut_level(values, rule)
    return float((found & mask).sum() / (found | mask).sum())


def pixel_average_precision(values: Map, mask: Mask) -> float:
    """Average precision of the map as a score of each pixel, sum of (R_n - R_(n-1)) P_n.

    As scikit-learn defines it: without interpolation; pixels of one value count at once. Unlike
    the other measures it only asks for the order of the pixels.

    Args:
        values: map (H, W) float, at least 0.
        mask: mask (H, W) bool, True where there is corrosion.

    Returns:
        (0, 1], around the mask's share of the photograph for a random map; NaN without a mask.

    Raises:
        CorrosionError: as for `pointing_game`.
    """
    _check(values, mask)
    if not mask.any():
        return np.nan
    return float(average_precision_score(mask.ravel(), values.ravel()))


LOCALISATION: Mapping[str, Callable[[Map, Mask], float]] = MappingProxyType(
    {
        "pointing": pointing_game,
        "energy": energy_inside,
        "iou": iou,
        "ap": pixel_average_precision,
    }
)
"""The measures by name; for all of them, more is better."""


def _check(values: Map, mask: Mask) -> None:
    if values.shape != mask.shape or values.ndim != 2:
        raise CorrosionError(f"A map {values.shape} can't be judged by a mask {mask.shape}.")
    if not values.min() >= 0:
        raise CorrosionError("A map to be judged has no values below 0 and no NaN.")
