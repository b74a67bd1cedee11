"""Scaling of photographs without torch, to the same pixels.

torch scales uint8 images with its bilinear antialiasing kernel in integers (ATen's
UpSampleKernel.cpp and UpSampleKernelAVXAntialias.h, after Pillow-SIMD): weights of 16 bits, one
pass along the rows and one along the columns, each rounded to 8 bits. The same integers are
computed here, so that a runtime without torch shows the network what training has shown it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_BITS = 15  # weights fit into int16
_PRECISION = 22  # their largest number of bits behind the point
_BLOCK = 16  # outputs that are computed at once: their windows overlap, so little is wasted
_ROWS = 512  # rows in memory as float64 at once


def scaled(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Scale an image (H, W, 3) uint8 to (height, width, 3), as `torch.nn.functional.interpolate`.

    Equal to its mode "bilinear" with `antialias`, bit by bit.

    Args:
        image: (H, W, 3) uint8.
        height: new height in pixels, at least 1.
        width: new width in pixels, at least 1.

    Example:
        >>> stripes = np.zeros((1, 8, 3), dtype=np.uint8)
        >>> stripes[:, ::2] = 200
        >>> scaled(stripes, 1, 4)[0, :, 0].tolist()
        [114, 100, 100, 86]
    """
    if image.shape[1] != width:
        parts = [
            _along_rows(image[start : start + _ROWS], width)
            for start in range(0, len(image), _ROWS)
        ]
        image = np.concatenate(parts)
    if len(image) != height:
        image = _along_rows(image.transpose(1, 0, 2), height).transpose(1, 0, 2)
    return np.ascontiguousarray(image)


def _along_rows(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Scale (H, W, 3) to (H, width, 3)."""
    rows, length = image.shape[:2]
    # floats of 64 bits hold these integers exactly, and are multiplied much faster than integers
    planes = image.transpose(2, 0, 1).astype(np.float64).reshape(3 * rows, length)
    found = np.empty((3 * rows, width), dtype=np.float64)
    blocks, precision = _blocks(length, width)
    for number, (first, weights) in enumerate(blocks):
        start = number * _BLOCK
        part = planes[:, first : first + len(weights)]
        np.matmul(part, weights, out=found[:, start : start + weights.shape[1]])
    found *= 0.5**precision
    levels = np.minimum(np.floor(found + 0.5), 255).astype(np.uint8)
    return levels.reshape(3, rows, width).transpose(1, 2, 0)


@lru_cache(maxsize=64)
def _blocks(length: int, outputs: int) -> tuple[list[tuple[int, NDArray[np.float64]]], int]:
    """Weights of `length` pixels in the outputs, block by block, and their bits behind the point.

    A block is the first pixel that counts, and whole numbers (pixels, outputs of the block).
    """
    scale = length / outputs
    support = max(1.0, scale)
    inverse = 1 / support
    starts, weights = [], []
    for output in range(outputs):
        centre = scale * (output + 0.5)
        start = max(int(centre - support + 0.5), 0)
        stop = min(int(centre + support + 0.5), length)
        # in torch's order of operations, on which the last bit depends
        tent = [
            max(0.0, 1 - abs((x + start - centre + 0.5) * inverse)) for x in range(stop - start)
        ]
        total = sum(tent)
        starts.append(start)
        weights.append([value / total for value in tent])
    largest, precision = max(map(max, weights)), 0
    while precision < _PRECISION and int(0.5 + largest * 2 ** (precision + 1)) < 2**_BITS:
        precision += 1
    found = []
    for first in range(0, outputs, _BLOCK):
        some = range(first, min(first + _BLOCK, outputs))
        begin = starts[some[0]]
        end = max(starts[output] + len(weights[output]) for output in some)
        block = np.zeros((end - begin, len(some)))
        for column, output in enumerate(some):
            place = starts[output] - begin
            for offset, value in enumerate(weights[output]):
                block[place + offset, column] = math.floor(0.5 + value * 2**precision)
        found.append((begin, block))
    return found, precision
