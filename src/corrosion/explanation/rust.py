"""From a mask of rust to what an inspector notes: the rusted share and the regions it lies in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.errors import CorrosionError

Mask = NDArray[np.bool_] | NDArray[np.uint8]

SPECK_SHARE = 1e-5
"""A region that covers a smaller share of the surface is a speck: it is counted, but not listed.

It is a tenth of the smallest share that ASTM D610 tells from none (0.01 %), and relative to the
surface, so that the same photograph in another size has the same regions: 10 pixels of a million.
"""


@dataclass(frozen=True)
class RustRegion:
    """A connected region of rust.

    Attributes:
        left: first column of its bounding box in the photograph.
        top: first row of its bounding box.
        width: number of columns, at least 1.
        height: number of rows, at least 1.
        share: share of the surface that the region covers, in (0, 1].
        box_share: share of the surface that lies in the bounding box, in [share, 1].
    """

    left: int
    top: int
    width: int
    height: int
    share: float
    box_share: float


@dataclass(frozen=True)
class RustMeasure:
    """How much of a surface is rusted, and in which regions.

    All shares are of the surface, so they do not change with the size of the photograph or with
    what it shows beside the surface.

    Attributes:
        share: rusted share, in [0, 1], with every pixel of the mask, specks too.
        surface_share: share of the photograph that is surface, in (0, 1].
        regions: regions that are no specks, the largest first; diagonal neighbours are connected.
        specks: number of regions that are smaller than `SPECK_SHARE`.
        speck_share: share that the specks cover together, in [0, share].
    """

    share: float
    surface_share: float
    regions: tuple[RustRegion, ...]
    specks: int
    speck_share: float

    @property
    def largest(self) -> RustRegion | None:
        """The largest region; None where there is no rust, or nothing but specks."""
        return self.regions[0] if self.regions else None


def measure_rust(mask: Mask, surface: Mask | None = None) -> RustMeasure:
    """Measure the rusted share of a surface and the regions of the rust.

    Specks count in the share, since rust may consist of them (pinpoint rusting), but are not
    listed as regions, since single pixels of noise would be most of the list. Regions are
    8-connected components (Rosenfeld and Pfaltz, Journal of the ACM 1966) of the rust on the
    surface: what connects them beside the surface does not count.

    Args:
        mask: mask (H, W) of the rust, bool, or uint8 in which every value but 0 is rust.
        surface: mask (H, W) of the surface that is judged, as the metal without its background,
            of the same kinds; the whole photograph by default. Rust beside it is left out.

    Raises:
        CorrosionError: a mask is not (H, W) or of another dtype, the two differ in shape, or the
            surface is empty.

    Example:
        >>> mask = np.zeros((100, 200), dtype=bool)
        >>> mask[10:20, 30:50] = True
        >>> rust = measure_rust(mask)
        >>> rust.share, len(rust.regions), (rust.largest.left, rust.largest.top)
        (0.01, 1, (30, 10))
        >>> metal = np.zeros_like(mask)
        >>> metal[:50, :100] = True
        >>> measure_rust(mask, metal).share
        0.04
    """
    rust = _checked("mask", mask)
    if surface is None:
        ground = np.ones_like(rust)
    else:
        ground = _checked("surface", surface)
        if ground.shape != rust.shape:
            raise CorrosionError(
                f"surface={_size(ground)}: the mask of the rust has {_size(rust)} pixels; give "
                f"both in the photograph's size."
            )
        rust = rust & ground
    area = cv2.countNonZero(ground) if ground.size else 0
    if not area:
        raise CorrosionError(
            f"surface={_size(ground)}: no pixel of it is surface, and a share of nothing has no "
            f"value. Leave the photograph out, or measure it without a surface."
        )
    # not by outlines as maps are cut: rust may be thousands of pinpoints, which this counts at once
    _, _, stats, _ = cv2.connectedComponentsWithStats(rust, connectivity=8, ltype=cv2.CV_32S)
    left, top, width, height, pixels = stats[1:].T  # the first is the background
    listed = pixels >= SPECK_SHARE * area
    sums = cv2.integral(ground, sdepth=cv2.CV_32S)
    right, bottom = left + width, top + height
    boxed = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    order = np.lexsort((left, top, -pixels))
    regions = tuple(
        RustRegion(
            left=int(left[index]),
            top=int(top[index]),
            width=int(width[index]),
            height=int(height[index]),
            share=int(pixels[index]) / area,
            box_share=int(boxed[index]) / area,
        )
        for index in order[listed[order]]
    )
    return RustMeasure(
        share=int(pixels.sum()) / area,
        surface_share=area / ground.size,
        regions=regions,
        specks=int((~listed).sum()),
        speck_share=int(pixels[~listed].sum()) / area,
    )


def _checked(name: str, mask: Mask) -> NDArray[np.uint8]:
    """A mask as uint8 of 0 and 1."""
    if mask.ndim != 2 or mask.dtype not in (np.bool_, np.uint8):
        raise CorrosionError(
            f"{name}={mask.dtype} {mask.shape}: give a mask (H, W) of bool or uint8; a map of "
            f"probabilities becomes one by a threshold."
        )
    return (mask != 0).astype(np.uint8)


def _size(mask: NDArray[np.uint8]) -> str:
    height, width = mask.shape
    return f"{width} x {height}"
