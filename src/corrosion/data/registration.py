"""How one photograph lies over another of the same place, or why that can't be told."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]

LEAST_OVERLAP = 0.2
"""Share of each photograph that the other one must show too."""

SIDE = 1024
"""Longest side at which points are looked for: more takes time and finds no others."""

_FEATURES = 4000
_RATIO = 0.75  # Lowe takes 0.8; fewer false matches are worth more here than all of the true ones
_REPROJECTION = 4.0  # pixels of the reduced photograph
_MATCHES = 8  # fewer are not worth a trial: a homography fits any four
_LEAST_SPREAD = 0.02  # share of the photograph between the points: a small cluster tells no tilt
_MOST_SCALE = 4.0  # by which one photograph may be larger, anywhere in it
_MOST_TILT = 6.0  # factor by which areas may be enlarged more at one corner than at another


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a photograph that can be found again in another one.

    Attributes:
        places: (N, 2) float32, their x and y in pixels of the photograph.
        descriptors: (N, 128) uint8, what SIFT says of their surroundings.
        shape: height and width of the photograph.
    """

    places: Places
    descriptors: NDArray[np.uint8]
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Registration:
    """How an old photograph lies over a new one.

    Attributes:
        homography: (3, 3) float64 that maps pixels (x, y, 1) of the old photograph to those of the
            new one; None where the two can't be aligned.
        inliers: number of matching points that agree with it, or with the best one that was tried.
        overlap: share of the photograph that the other one shows too, in [0, 1], the smaller one of
            the two shares; 0 where they can't be aligned.
        refused: why they can't be aligned, in a few words, as "7 matching points"; None if they
            are.
    """

    homography: NDArray[np.float64] | None
    inliers: int
    overlap: float
    refused: str | None

    def regions(
        self, old: tuple[int, int], new: tuple[int, int]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which pixels of each photograph the other one shows too.

        Args:
            old: height and width of the old photograph.
            new: height and width of the new photograph.

        Returns:
            Masks (H, W) bool of the old and of the new photograph; all True where they can't be
            aligned.
        """
        if self.homography is None:
            return np.ones(old, dtype=bool), np.ones(new, dtype=bool)
        return (
            _covered(np.linalg.inv(self.homography), new, old),
            _covered(self.homography, old, new),
        )


def register(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> Registration:
    """Find the homography from an old photograph to a new one, or refuse to.

    Args:
        old: (H, W, 3) uint8 RGB, upright.
        new: (H', W', 3) uint8 RGB, upright.

    Example:
        A picture of noise, and the same 12 pixels further right:

        >>> wide = np.random.default_rng(0).integers(0, 255, (160, 220, 3), dtype=np.uint8)
        >>> wide = cv2.GaussianBlur(wide, (0, 0), 2) * 3
        >>> found = register(wide[:, 12:], wide[:, :-12])
        >>> found.refused, found.homography.round()[:2, 2].tolist()
        (None, [12.0, 0.0])
        >>> register(wide, np.zeros_like(wide)).refused
        '0 matching points'
    """
    return register_points(find_points(old), find_points(new))


def find_points(image: NDArray[np.uint8], *, most: int = _FEATURES) -> Points:
    """Find SIFT points, in a photograph that is larger at `SIDE`.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
        most: number of points that are kept, the clearest ones.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, SIDE / max(grey.shape))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT_create(nfeatures=most)  # type: ignore[attr-defined]  # no stub has it
    found, descriptors = sift.detectAndCompute(grey, None)
    shape = (image.shape[0], image.shape[1])
    if descriptors is None:
        return Points(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8), shape)
    places = np.array([one.pt for one in found[:most]], dtype=np.float32)
    factors = np.array(shape[::-1]) / grey.shape[::-1]
    places = ((places + 0.5) * factors - 0.5).astype(np.float32)
    return Points(places, descriptors[:most].astype(np.uint8), shape)  # whole numbers already


def register_points(old: Points, new: Points) -> Registration:
    """Find the homography from the points of an old photograph to those of a new one.

    SIFT points (Lowe, International Journal of Computer Vision 2004) are matched where the nearest
    descriptor is clearly nearer than the second (section 7.1) and both points choose each other; a
    homography is fitted by RANSAC (Fischler & Bolles, Communications of the ACM 1981; Hartley &
    Zisserman, Multiple View Geometry in Computer Vision, 2004, algorithm 4.6). It is exact for flat
    surfaces, and for any scene from the same place.

    It is refused unless more than 8 + 0.3 n of the n matches in the common part agree with it
    (Brown & Lowe, International Journal of Computer Vision 2007, equation 13), their points spread
    over a part of both photographs, it mirrors and folds nothing, no place becomes 4 times larger
    or smaller, and each photograph shows a fifth of the other.

    Args:
        old: points of a photograph, as `find_points` gives them.
        new: those of another one.
    """
    matched = _matches(old, new)
    if len(matched[0]) < _MATCHES:
        return _refused(f"{len(matched[0])} matching points", len(matched[0]))
    homography, inside = cv2.findHomography(
        *matched,
        cv2.RANSAC,
        _REPROJECTION * max(1.0, max(new.shape) / SIDE),
        maxIters=5000,
        confidence=0.999,
    )
    if homography is None:
        return _refused("no homography fits", 0)
    agree = inside.ravel().astype(bool)
    inliers = int(agree.sum())
    if (reason := _implausible(homography, old.shape, new.shape)) is not None:
        return _refused(reason, inliers)
    found = Registration(homography, inliers, 0.0, None)
    regions = found.regions(old.shape, new.shape)
    overlap = float(min(region.mean() for region in regions))
    if overlap < LEAST_OVERLAP:
        return _refused(f"{100 * overlap:.0f} % in common", inliers)
    common = sum(_inside(matched[0], regions[0]) & _inside(matched[1], regions[1]))
    if inliers <= 8 + 0.3 * common:
        return _refused(f"{inliers} matching points", inliers)
    spread = min(
        cv2.contourArea(cv2.convexHull(side[agree])) / (image.shape[0] * image.shape[1])
        for side, image in zip(matched, (old, new), strict=True)
    )
    if spread < _LEAST_SPREAD:
        return _refused(f"{inliers} matching points in one spot", inliers)
    return Registration(homography, inliers, overlap, None)


def _refused(reason: str, inliers: int) -> Registration:
    return Registration(None, inliers, 0.0, reason)


def _matches(old: Points, new: Points) -> tuple[Places, Places]:
    """Places (M, 2) of matching points in both photographs, each place once."""
    if min(len(old.places), len(new.places)) < 2:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    there = _nearest(old.descriptors, new.descriptors)
    back = _nearest(new.descriptors, old.descriptors)
    pairs = [(one, other) for one, other in there.items() if back.get(other) == one]
    chosen = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    places = np.concatenate([old.places[chosen[:, 0]], new.places[chosen[:, 1]]], axis=1)
    # a point with two directions has two descriptors, but is one witness
    _, first = np.unique(places.round(), axis=0, return_index=True)
    places = places[np.sort(first)]
    return places[:, :2].copy(), places[:, 2:].copy()


def _nearest(queries: NDArray[np.uint8], targets: NDArray[np.uint8]) -> dict[int, int]:
    """The nearest target of each query whose second nearest is clearly further."""
    found = cv2.BFMatcher(cv2.NORM_L2).knnMatch(
        queries.astype(np.float32), targets.astype(np.float32), k=2
    )
    return {
        first.queryIdx: first.trainIdx
        for first, second in found
        if first.distance < _RATIO * second.distance
    }


def _implausible(
    homography: NDArray[np.float64], old: tuple[int, int], new: tuple[int, int]
) -> str | None:
    """Why no camera could have made one photograph's view of the other; None if one could."""
    if not np.isfinite(homography).all() or abs(np.linalg.det(homography)) < 1e-12:
        return "degenerate homography"
    enlarged = []
    for matrix, shape in ((homography, old), (np.linalg.inv(homography), new)):
        sign = np.sign((matrix @ _corners(shape)[0])[2])
        depth = (matrix @ _corners(shape).T)[2] * sign
        if depth.min() <= 0:  # a corner lies behind the camera
            return "implausible homography"
        # the factor of areas at a point: det(H) / w^3 (the determinant of the Jacobian)
        area = np.linalg.det(matrix) * sign / depth**3
        if area.min() <= 0:  # mirrored
            return "implausible homography"
        if area.max() / area.min() > _MOST_TILT**2:
            return "implausible homography"
        enlarged.append(np.sqrt(area))
    largest = max(float(np.median(scale)) for scale in enlarged)
    return "implausible homography" if largest > _MOST_SCALE else None


def _corners(shape: tuple[int, int]) -> NDArray[np.float64]:
    """The corners (4, 3) of a photograph, homogeneous."""
    height, width = shape
    return np.array(
        [[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]], dtype=float
    )


def _covered(
    homography: NDArray[np.floating], source: tuple[int, int], target: tuple[int, int]
) -> NDArray[np.bool_]:
    """The pixels (H, W) of the target that the source covers."""
    all_of_it = np.ones(source, dtype=np.uint8)
    return cv2.warpPerspective(all_of_it, homography, target[::-1], flags=cv2.INTER_NEAREST) > 0


def _inside(points: Places, region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which points (N, 2) lie in a region."""
    height, width = region.shape
    columns, rows = points.round().astype(int).T
    return region[rows.clip(0, height - 1), columns.clip(0, width - 1)]
