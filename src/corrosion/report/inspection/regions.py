"""Where rust lies in a photograph, as polygons of its mask or as boxes: for tools that label."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from corrosion.data.images import ImageError, read_image
from corrosion.report.inspection.finding import Box, Finding
from corrosion.report.inspection.findings import Inspection

log = logging.getLogger(__name__)

_LEAST = 1e-4  # share of the photograph below which a region of a mask is left out
_MOST = 100  # regions of a photograph, the largest: those after them are specks
_DEVIATION = (
    1e-3  # of the photograph's longer side, by which a polygon may leave the mask's outline
)

Point = tuple[float, float]
"""(x, y) in pixels of the photograph."""


@dataclass(frozen=True)
class Region:
    """A place in a photograph.

    Attributes:
        box: (left, top, width, height) in pixels.
        polygon: corners in pixels; empty where only the box is known.
        area: pixels that it covers.
    """

    box: Box
    polygon: tuple[Point, ...]
    area: float


@dataclass(frozen=True)
class Labelled:
    """A photograph for a tool that labels.

    Attributes:
        finding: what was found.
        width: width in pixels, as displayed.
        height: height in pixels.
        regions: where rust is seen, the largest first; empty where nothing was detected, or no
            place was asked for.
    """

    finding: Finding
    width: int
    height: int
    regions: tuple[Region, ...]


def labelled_photographs(inspection: Inspection, *, what: str) -> Iterator[Labelled]:
    """The photographs that a tool can open, with their regions; a line in the log of the others.

    Frames of videos are left out, which such tools can't open, and so is what could not be read.

    Args:
        inspection: what was found.
        what: what is made of them, for the log.
    """
    left_out = 0
    for one in inspection.findings:
        if one.frame is not None or not one.width or not one.height or one.decision is None:
            left_out += 1
            continue
        yield Labelled(one, one.width, one.height, _regions(inspection.folder, one))
    if left_out:
        log.warning(
            "%d of %d photographs and frames are not in %s: frames of videos, and what could not "
            "be read",
            left_out,
            len(inspection.findings),
            what,
        )


def _regions(folder: Path, one: Finding) -> tuple[Region, ...]:
    if not one.detected:
        return ()
    if one.mask is not None:
        try:
            mask = read_image(folder / one.mask).max(axis=2) > 127
        except ImageError as error:
            log.warning("%s: no polygons, for its mask can't be read (%s)", one.path, error)
        else:
            if mask.shape == (one.height, one.width):
                return mask_regions(mask)
    return tuple(Region(box, (), float(box[2] * box[3])) for box in one.boxes)


def mask_regions(mask: np.ndarray) -> tuple[Region, ...]:
    """The regions of a mask as polygons, the largest first.

    Holes are filled, which polygons of these formats can't have; specks under 0.01 % of the
    photograph are left out, and outlines are simplified by a thousandth of its longer side.

    Args:
        mask: (H, W), where there is rust.

    Example:
        >>> mask = np.zeros((20, 30), dtype=bool)
        >>> mask[5:10, 6:16] = True
        >>> [(one.box, one.area) for one in mask_regions(mask)]
        [((6, 5, 10, 5), 50.0)]
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    regions = [_region(one, mask.shape) for one in found]
    kept = [one for one in regions if one.area >= _LEAST * mask.size]
    return tuple(sorted(kept, key=lambda one: -one.area)[:_MOST])


def _region(contour: np.ndarray, shape: Sequence[int]) -> Region:
    left, top, width, height = (int(one) for one in cv2.boundingRect(contour))
    filled = np.zeros((height, width), dtype=np.uint8)
    cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED, offset=(-left, -top))
    corners = cv2.approxPolyDP(contour, _DEVIATION * max(shape), closed=True)[:, 0]
    polygon = tuple((float(x), float(y)) for x, y in corners) if len(corners) > 2 else ()
    return Region((left, top, width, height), polygon, float(filled.sum()))
