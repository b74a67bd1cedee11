"""From a map over the network's square input back to the photograph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import Placement

Map = NDArray[np.float32]


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
        >>> from corrosion.data.geometry import place
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
    position = np.clip(in_square * cells / size - 0.5, 0, cells - 1)
    distance = np.abs(position[:, None] - np.arange(cells))
    return np.maximum(1 - distance, 0).astype(np.float32)
