"""Tell whether one photograph is a version of another: cut out, turned a little, or framed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.registration import Points, find_points, register_points

SIDE = 256
"""Longest side at which photographs are compared; versions of 320 px are found as well as at it."""

MOST_POINTS = 200
"""Points of a photograph: more cost time, and find hardly any more versions."""

_SMALL = 64  # longest side of the picture whose brightness is compared
_LEAST_CORRELATION = 0.75  # versions have 0.78 at the least, pictures under one caption 0.61


@dataclass(frozen=True, eq=False)
class View:
    """What is compared of a photograph: some 30 KB.

    Attributes:
        points: at most `MOST_POINTS` points, in the photograph reduced to `SIDE`.
        small: grey picture (h, w) uint8, with a longest side of 64.
    """

    points: Points
    small: NDArray[np.uint8]


def see(image: NDArray[np.uint8]) -> View:
    """Reduce a photograph to what is compared of it.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
    """
    reduced = _reduced(image, SIDE)
    points = find_points(reduced, most=MOST_POINTS)
    return View(points, cv2.cvtColor(_reduced(reduced, _SMALL), cv2.COLOR_RGB2GRAY))


def shared(one: View, other: View) -> float:
    """The share of both photographs that they have in common, the smaller one; 0 if none.

    Points must agree on how one lies over the other (`registration.register_points`), and there
    the brightness must be alike too: a correlation of 0.75. A publisher's caption below two
    pictures gives points that agree, but brightness that does not. Exposure and contrast may
    differ, as long as they leave enough points; a mirrored version is not recognised.

    Args:
        one: a photograph, as `see` gives it.
        other: another one.

    Returns:
        A share in [0, 1].

    Example:
        A picture, and its left three quarters:

        >>> noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
        >>> wide = cv2.resize(noise, (250, 200), interpolation=cv2.INTER_CUBIC)
        >>> round(shared(see(wide), see(wide[:, :188])), 1)
        0.8
        >>> shared(see(wide), see(255 - wide))
        0.0
    """
    found = register_points(one.points, other.points)
    if found.homography is None:
        return 0.0
    homography = _to_small(other) @ found.homography @ np.linalg.inv(_to_small(one))
    size = other.small.shape[::-1]
    laid = cv2.warpPerspective(one.small, homography, size)
    whole = cv2.warpPerspective(np.full_like(one.small, 255), homography, size)
    common = whole == 255
    if _correlation(laid[common], other.small[common]) < _LEAST_CORRELATION:
        return 0.0
    return found.overlap


def _reduced(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _to_small(view: View) -> NDArray[np.float64]:
    """From pixels in which points lie to those of the small picture."""
    down, across = np.array(view.small.shape) / view.points.shape
    return np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])


def _correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    if not len(one) or min(one.std(), other.std()) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
