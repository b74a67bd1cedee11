"""Scaling of photographs without torch, to the same pixels.

torch scales uint8 images with its bilinear antialiasing kernel in integers (ATen's
UpSampleKernel.cpp and UpSampleKernelAVXAntialias.h, after Pillow-SIMD): weights of 16 bits, one
pass along the rows and one along the columns, each rounded to 8 bits. The same integers are
computed here, so that a runtime without torch shows the network what training has shown it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

_BITS = 15  # weights fit into int16
_PRECISION = 22  # their largest number of bits behind the point
_EXACT = 16  # bits behind the point up to which float32 holds 255 times their sum
_BLOCK = 16  # outputs that are computed at once: their windows overlap, so little is wasted
_ROWS = 512  # rows in memory as floats at once


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
            _transposed(_down_columns(_transposed(image[start : start + _ROWS]), width))
            for start in range(0, len(image), _ROWS)
        ]
        image = np.concatenate(parts)
    if len(image) != height:
        image = _down_columns(image, height)
    return np.ascontiguousarray(image)


def _transposed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (H, W, 3) as (W, H, 3), contiguous; several times as fast as NumPy copies it."""
    return cv2.transpose(image).astype(np.uint8, copy=False)


def _down_columns(image: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """Scale (H, W, 3) to (height, W, 3)."""
    length, width = image.shape[:2]
    blocks, precision = _blocks(length, height)
    # floats hold these integers exactly, and are multiplied much faster than integers
    dtype = np.float32 if precision <= _EXACT else np.float64
    pixels = image.reshape(length, -1).astype(dtype)
    found = np.empty((height, pixels.shape[1]), dtype=dtype)
    for number, (first, weights) in enumerate(blocks):
        start = number * _BLOCK
        part = pixels[first : first + weights.shape[1]]
        np.matmul(weights.astype(dtype), part, out=found[start : start + len(weights)])
    found *= 0.5**precision
    found += 0.5
    np.minimum(found, 255, out=found)
    return found.astype(np.uint8).reshape(height, width, 3)


@lru_cache(maxsize=64)
def _blocks(length: int, outputs: int) -> tuple[list[tuple[int, NDArray[np.float64]]], int]:
    """Weights of `length` pixels in the outputs, block by block, and their bits behind the point.

    A block is the first pixel that counts, and whole numbers (outputs of the block, pixels).
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
        block = np.zeros((len(some), end - begin))
        for row, output in enumerate(some):
            place = starts[output] - begin
            for offset, value in enumerate(weights[output]):
                block[row, place + offset] = math.floor(0.5 + value * 2**precision)
        found.append((begin, block))
    return found, precision
