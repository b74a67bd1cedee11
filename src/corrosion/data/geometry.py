"""Where a photograph's pixels come to lie in the network's square input, and where they came from.

Everything in whole pixels: resizing an image and taking a map back to the photograph follow the
same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
"""Values (H, W) of the pixels of an image, mostly in [0, 1]."""

Mask = NDArray[np.bool_]
"""Which pixels (H, W) of an image are meant."""

Pixels = NDArray[np.uint8]
"""An image (H, W, 3), RGB."""


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: rows top to top + height, columns left to left + width.

    Example:
        >>> Window(top=1, left=0, height=1, width=2).cut(np.arange(6).reshape(2, 3))
        array([[3, 4]])
    """

    top: int
    left: int
    height: int
    width: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The part of an image (H, W, ...) in the window, as a view."""
        rows = slice(self.top, self.top + self.height)
        return image[rows, self.left : self.left + self.width]


@dataclass(frozen=True)
class Placement:
    """How a photograph is laid into a square.

    Attributes:
        size: side of the square in pixels.
        source: part of the photograph that the network sees.
        target: part of the square in which it lies, scaled to fit; the rest is filled.
    """

    size: int
    source: Window
    target: Window


def place(height: int, width: int, size: int, mode: str) -> Placement:
    """Lay a photograph of height x width pixels into a square of side `size`.

    Args:
        height: height of the photograph in pixels, at least 1.
        width: width of the photograph in pixels, at least 1.
        size: side of the square in pixels.
        mode: mode of resizing, as `corrosion.data.resizing.build_resize` takes it.

    Example:
        A photograph of 300 x 600 pixels fills half of the square; 56 rows above and below it are
        padding:

        >>> place(300, 600, 224, "pad").target
        Window(top=56, left=0, height=112, width=224)
        >>> place(300, 600, 224, "crop").source
        Window(top=0, left=150, height=300, width=300)
    """
    whole, square = Window(0, 0, height, width), Window(0, 0, size, size)
    if mode == "stretch":
        return Placement(size, whole, square)
    if mode == "crop":
        side = min(height, width)
        centre = Window((height - side) // 2, (width - side) // 2, side, side)
        return Placement(size, centre, square)
    scale = size / max(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    return Placement(size, whole, Window(top, left, inner_height, inner_width))


@dataclass(frozen=True)
class Grid:
    """Where the cells of a map lie along an axis of the network's input.

    Attributes:
        start: place of the centre of the first cell, in pixels from the edge of the input; the
            centre of the first pixel is at 0.5.
        step: distance between the centres of neighbouring cells in pixels, above 0.
    """

    start: float
    step: float

    @classmethod
    def even(cls, size: int, cells: int) -> Grid:
        """Cells that divide `size` pixels evenly.

        Example:
            >>> Grid.even(224, 7)
            Grid(start=16.0, step=32.0)
        """
        return cls(size / cells / 2, size / cells)

    def weights(self, places: NDArray[np.floating], cells: int) -> Map:
        """Weights of a line of cells at each place, bilinear, even beyond the last ones.

        Args:
            places: (n,) places in pixels from the edge of the input.
            cells: number of cells of the line, at least 1.

        Returns:
            (n, cells) float32; each row adds up to 1.

        Example:
            >>> Grid(start=1, step=2).weights(np.array([0.0, 1.5, 9.0]), 2).tolist()
            [[1.0, 0.0], [0.75, 0.25], [0.0, 1.0]]
        """
        position = np.clip((places - self.start) / self.step, 0, cells - 1)
        distance = np.abs(position[:, None] - np.arange(cells))
        return np.maximum(1 - distance, 0).astype(np.float32)


def to_photograph(square: Map, placement: Placement, height: int, width: int) -> Map:
    """Lay a map over the whole photograph, undoing padding, cropping and scaling in one step.

    Bilinear between the centres of the map's cells, even beyond the last ones (as
    `torch.nn.functional.interpolate` without `align_corners`).

    Args:
        square: (h, w) float32, over the square input, of any resolution.
        placement: place of the photograph in the square, from `Resize.place`.
        height: height of the photograph in pixels.
        width: width of the photograph in pixels.

    Returns:
        (height, width) float32; 0 where cropping kept the network from looking.

    Example:
        >>> square = np.array([[0, 1], [0, 1]], dtype=np.float32)
        >>> to_photograph(square, place(2, 4, 4, "pad"), 2, 4)[0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    source, target = placement.source, placement.target
    rows = _weights(source.height, target.top, target.height, placement.size, square.shape[0])
    columns = _weights(source.width, target.left, target.width, placement.size, square.shape[1])
    seen = (rows @ square @ columns.T).astype(np.float32, copy=False)
    if seen.shape == (height, width):
        return seen
    photograph = np.zeros((height, width), dtype=np.float32)
    source.cut(photograph)[:] = seen
    return photograph


def _weights(pixels: int, start: int, length: int, size: int, cells: int) -> Map:
    """Weights (pixels, cells) of a line of cells in each pixel, along one axis.

    `pixels` pixels lie on [start, start + length) of a square of `size`, which `cells` cells span.
    """
    in_square = start + (np.arange(pixels) + 0.5) * length / pixels
    return Grid.even(size, cells).weights(in_square, cells)


def shrink_to(image: NDArray[Any], max_side: int | None) -> NDArray[Any]:
    """Shrink an image (H, W, ...) to a longest side of `max_side`; smaller ones are left alone."""
    height, width = image.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return image
    scale = max_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
