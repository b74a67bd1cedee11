"""How much the network's evidence and the colour of rust say together, faint rust included.

A mask outlines rust that is there to be seen. Where rust has just begun, a faint yellow over all of
a part, it outlines nothing, and the rusted share stays 0. The index sums up what an outline leaves
out. It is no share: it compares two photographs of one place, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import Map, Pixels
from corrosion.explanation.baselines import cielab
from corrosion.explanation.rust_mask import Evidence
from corrosion.explanation.rust_score import reduced

Region = NDArray[np.bool_]
_BLUR = 3  # pixels there: standard deviation of the blur, against noise
_HUE = np.radians(60)  # angle in CIELAB: first rust is more yellow than the rust that masks outline
_UNIT = 50.0  # chroma of saturated rust
_EDGE = 0.02  # share of the shorter side: what lies so near the edges tells the ground
_NEAR = 12.0  # distance in CIELAB within which a pixel is like the ground
_PLAIN = 0.8  # share of the pixels at the edges that must be like it
_LIGHT, _NEUTRAL = 60.0, 15.0  # least lightness, and largest chroma, of a ground that tells colours


@dataclass(frozen=True, eq=False)
class Ground:
    """A plain, light ground that something was photographed on.

    Attributes:
        colour: (3,) float64, its RGB in [0, 255].
        part: (H, W) bool, all of the photograph but the ground.
    """

    colour: NDArray[np.float64]
    part: Region


def plain_ground(image: Pixels) -> Ground | None:
    """Find the ground of a specimen that lies on white or light grey.

    A ground is plain if four fifths of the pixels at the photograph's edges are within a distance
    of 12 in CIELAB of their median, which is light (L* of 60 or more) and neutral (a chroma of 15
    or less). It is all that is like this median and connected with the edges.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        None where there is no such ground.

    Example:
        >>> sheet = np.full((100, 100, 3), 230, dtype=np.uint8)
        >>> sheet[30:60, 20:80] = (120, 60, 30)
        >>> plain_ground(sheet).part.mean().round(2).item()
        0.23
        >>> plain_ground(np.full((100, 100, 3), (120, 60, 30), dtype=np.uint8)) is None
        True
    """
    small = reduced(image)
    lab = cv2.GaussianBlur(cielab(small), (0, 0), _BLUR)
    edge = np.ones(small.shape[:2], dtype=bool)
    width = max(1, round(_EDGE * min(edge.shape)))
    edge[width:-width, width:-width] = False
    median = np.median(lab[edge], axis=0)
    like = np.linalg.norm(lab - median, axis=2) < _NEAR
    if like[edge].mean() < _PLAIN or median[0] < _LIGHT or np.hypot(*median[1:]) > _NEUTRAL:
        return None
    _, labels = cv2.connectedComponents(like.astype(np.uint8), connectivity=4)
    away = np.isin(labels, np.unique(labels[edge & like])) & like
    if away.all():
        return None
    colour = np.median(small[away], axis=0).astype(np.float64)
    part = cv2.resize((~away).astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return Ground(colour, part.astype(bool))


def rust_indices(
    evidence: tuple[Evidence, Evidence],
    images: tuple[Pixels, Pixels],
    regions: tuple[Region, Region],
) -> tuple[float, float]:
    """The `rust_index` of both photographs of a pair.

    Both are measured alike: without their grounds, and by their light, only if both have one.

    Args:
        evidence: what `corrosion.explanation.rust_mask.rust_evidence` says of each.
        images: (H, W, 3) uint8 RGB each.
        regions: (H, W) bool each, the parts that are compared.
    """
    old, new = (plain_ground(image) for image in images)
    grounds = (old, new) if old is not None and new is not None else (None, None)
    before, after = (
        rust_index(image, seen, region, ground)
        for image, seen, region, ground in zip(images, evidence, regions, grounds, strict=True)
    )
    return before, after


def rust_index(
    image: Pixels,
    evidence: Evidence,
    region: Region,
    ground: Ground | None = None,
) -> float:
    """The mean of the network's evidence times the colour of rust.

    The colour is the part of CIELAB's (a*, b*) that points to a hue of 60 degrees, over 50, within
    [0, 1]. On a ground, colours are those under a light in which the ground is grey (white balance
    by a known white; von Kries, 1902), and the ground itself does not count.

    Args:
        image: (H, W, 3) uint8 RGB.
        evidence: what a network says of it.
        region: (H, W) bool, the part that counts.
        ground: what it lies on; None for nothing in particular.

    Returns:
        The mean in [0, 1]; 0 where nothing of the region is left.
    """
    seen = evidence.map
    if ground is not None:
        region = region & ground.part
        balance = ground.colour.mean() / np.maximum(ground.colour, 1)
        image = np.clip(image * balance.astype(np.float32), 0, 255).astype(np.uint8)
    small = reduced(image)
    size = small.shape[1::-1]
    lab = cv2.GaussianBlur(cielab(small), (0, 0), _BLUR)
    towards = lab[..., 1] * np.cos(_HUE) + lab[..., 2] * np.sin(_HUE)
    colour: Map = np.clip(towards / _UNIT, 0, 1).astype(np.float32)
    counts = cv2.resize(region.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    if not counts.any():
        return 0.0
    evident = cv2.resize(seen, size, interpolation=cv2.INTER_LINEAR)
    return float((evident * colour)[counts].mean())
