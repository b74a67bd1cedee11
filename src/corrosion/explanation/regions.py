"""From a map to regions: a mask, boxes, and the share of the photograph they cover."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.explanation.explanation import Explanation
from corrosion.settings.explanation import OTSU
from corrosion.system.files import write_json

LEAST_SHARE = 0.001
"""Regions that cover a smaller share of the photograph are left out: specks of interpolation."""


@dataclass(frozen=True)
class Box:
    """A region's bounding box in pixels.

    Attributes:
        left, top: first column and first row.
        width, height: number of columns and of rows, at least 1.
        area: number of pixels of the region itself.
        strength: mean of the map in the region, (0, 1].
        outline: (column, row) of the corners of its outer edge, simplified to a pixel.
    """

    left: int
    top: int
    width: int
    height: int
    area: int
    strength: float
    outline: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Regions:
    """Where a map is above a level.

    Attributes:
        mask: (H, W) bool.
        boxes: boxes around its connected parts (diagonal neighbours count), the largest first.
        share: share of the photograph in the mask, in [0, 1].
        level: level of the map above which a pixel belongs to the mask; NaN for an empty map.
    """

    mask: NDArray[np.bool_]
    boxes: tuple[Box, ...]
    share: float
    level: float


def parse_rule(rule: str | float) -> str | float:
    """Check how a map is to be cut.

    Args:
        rule: "otsu", or a share of the map's maximum in (0, 1), as a number or its text.

    Raises:
        CorrosionError: neither of these.
    """
    if rule == OTSU:
        return OTSU
    try:
        share = float(rule)
    except ValueError:
        share = np.nan
    if not 0 < share < 1:
        raise CorrosionError(
            f"regions={rule}: give {OTSU}, or a share of the map's maximum between 0 and 1 as 0.5."
        )
    return share


def find_regions(
    explanation: Explanation, rule: str | float = OTSU, *, least_share: float = LEAST_SHARE
) -> Regions:
    """Cut a map into regions.

    Args:
        explanation: explanation whose map is cut, unless it is empty.
        rule: "otsu": the level that best separates high from low values (Otsu, IEEE Transactions
            on Systems, Man, and Cybernetics 1979); or a share of the map's maximum, as 0.5. Both
            ask how the map is spread, not how strong it is: an empty map has no regions.
        least_share: share of the photograph below which a region is left out.

    Raises:
        CorrosionError: the rule is unknown.

    Example:
        >>> values = np.zeros((40, 60), dtype=np.float32)
        >>> values[10:20, 30:50] = 0.8
        >>> found = Explanation(2.2, 0.9, "corrosion", values, raw_scale=1.0, empty=False)
        >>> regions = find_regions(found, 0.5)
        >>> [(box.left, box.top, box.width, box.height) for box in regions.boxes]
        [(30, 10, 20, 10)]
    """
    rule = parse_rule(rule)
    values = explanation.map
    level = np.nan if explanation.empty else cut_level(values, rule)
    if np.isnan(level):
        return Regions(np.zeros(values.shape, dtype=bool), (), 0.0, np.nan)
    # a tenth of the time of connected components: few pixels lie on an edge
    edges, nesting = cv2.findContours(
        (values > level).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    boxes = []
    mask = np.zeros(values.shape, dtype=bool)
    for index, edge in enumerate(edges):
        left, top, width, height = cv2.boundingRect(edge)
        if nesting[0][index][3] >= 0 or width * height < least_share * values.size:
            continue  # a hole, or a speck
        own = np.zeros((height, width), dtype=np.uint8)
        cv2.drawContours(
            own, edges, index, 1, cv2.FILLED, hierarchy=nesting, offset=(-left, -top)
        )  # but for its holes
        area = cv2.countNonZero(own)
        if area < least_share * values.size:
            continue
        inside = np.s_[top : top + height, left : left + width]
        mask[inside] |= own.astype(bool)
        strength = cv2.mean(values[inside], own)[0]
        boxes.append(Box(left, top, width, height, area, strength, _outline(edge)))
    boxes.sort(key=lambda box: (-box.area, box.top, box.left))
    share = sum(box.area for box in boxes) / values.size
    return Regions(mask, tuple(boxes), share, level)


def cut_level(values: NDArray[np.float32], rule: str | float = OTSU) -> float:
    """The level above which a pixel of a map belongs to its regions.

    Args:
        values: map (H, W) float32, at least 0.
        rule: rule of the level, as `find_regions` takes it.

    Returns:
        The level, in [0, maximum); NaN, which nothing is above, if the maximum is 0.

    Raises:
        CorrosionError: the rule is unknown.
    """
    rule = parse_rule(rule)
    peak = float(values.max())
    if peak <= 0:
        return np.nan
    return peak * (_otsu_share(values, peak) if isinstance(rule, str) else rule)


def _otsu_share(values: NDArray[np.float32], peak: float) -> float:
    """Otsu's threshold of values in [0, peak], as a share of the peak."""
    levels = cv2.convertScaleAbs(values, alpha=255 / peak)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    return (threshold + 0.5) / 255  # between the levels on either side


def _outline(edge: cv2.typing.MatLike) -> tuple[tuple[int, int], ...]:
    """Corners of the outer edge of a region, simplified to a pixel."""
    corners = cv2.approxPolyDP(edge, 1, True)[:, 0].tolist()
    if len(corners) < 3:  # a line of pixels: no polygon in COCO
        left, top, width, height = cv2.boundingRect(edge)
        right, bottom = left + width, top + height
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return tuple((column, row) for column, row in corners)


class CocoDetections:
    """Regions of photographs, gathered for a COCO file (https://cocodataset.org/#format-data)."""

    def __init__(self) -> None:
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories = list(CLASSES)

    def add(self, path: str, explanation: Explanation, regions: Regions) -> None:
        """Add a photograph.

        Args:
            path: path of its file.
            explanation: explanation whose target is the category; the `score` is the probability
                of its class, of kinds of corrosion that of corrosion.
            regions: regions of the explanation's map; their outlines become polygons.
        """
        height, width = regions.mask.shape
        image_id = len(self._images) + 1
        self._images.append({"id": image_id, "file_name": path, "width": width, "height": height})
        if explanation.target not in self._categories:
            self._categories.append(explanation.target)
        label = self._categories.index(explanation.target)
        probability = explanation.probability if label else 1 - explanation.probability
        for box in regions.boxes:
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": image_id,
                    "category_id": label,
                    "bbox": [box.left, box.top, box.width, box.height],
                    "area": box.area,
                    "segmentation": [[value for corner in box.outline for value in corner]],
                    "iscrowd": 0,
                    "score": probability,
                }
            )

    def write(self, path: Path) -> None:
        """Write what was added so far.

        Raises:
            CorrosionError: the folder can't be written.
        """
        categories = [{"id": label, "name": name} for label, name in enumerate(self._categories)]
        content = {"images": self._images, "annotations": self._annotations}
        write_json(path, {**content, "categories": categories})
