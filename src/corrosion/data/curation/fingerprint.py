"""Recognise a picture by its pixels: exactly, and after resizing, recompression and turning.

The perceptual hash is pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash
Functions, 2010; imagehash.phash) with one change: bits are signs of the coefficients instead of
comparisons with their median. A flip then negates known coefficients and a transposition
transposes them, so one stored hash gives those of all eight orientations, for which imagehash
would have to transform every image eight times.
"""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

PLAIN = -1
"""Perceptual hash of an image without structure: it resembles nothing."""

HASH_BITS = 63
"""Number of bits of a perceptual hash."""

_SIDE = 32  # pixels of the picture that is transformed
_KEPT = 8  # lowest frequencies in each direction
_LEAST_CONTRAST = 1.0  # grey levels; below, signs are noise of the compression


def pixel_hash(pixels: NDArray[np.uint8]) -> int:
    """A hash of an image's size and pixels: equal for copies in whatever lossless file.

    Args:
        pixels: image (H, W, 3) uint8, contiguous.

    Returns:
        A signed integer of 64 bits, as databases and arrays hold it.
    """
    digest = hashlib.blake2b(np.array(pixels.shape, "<i8").tobytes(), digest_size=8)
    digest.update(pixels.data)
    return int.from_bytes(digest.digest(), "little", signed=True)


def perceptual_hash(grey: NDArray[np.uint8]) -> int:
    """The signs of the lowest frequencies of a picture, squeezed into a square.

    Args:
        grey: grey image (H, W) uint8; 256 pixels on the longer side are enough.

    Returns:
        An integer of 63 bits, or PLAIN. Bit 8 r + c - 1 tells whether the coefficient of r waves
        down and c waves across is positive.
    """
    square = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(square.astype(np.float32))[:_KEPT, :_KEPT].ravel()[1:]
    if np.sqrt(np.sum(waves**2)) < _LEAST_CONTRAST * _SIDE:  # Parseval: _SIDE * standard deviation
        return PLAIN
    return int.from_bytes(np.packbits(waves > 0, bitorder="little").tobytes(), "little")


def orientations(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The hashes of pictures that were flipped and turned.

    Args:
        hashes: (N,) uint64, as `perceptual_hash` gives them.

    Returns:
        (N, 8) uint64: unchanged first, then the other flips, quarter turns and transpositions.
    """
    turned = np.stack([hashes, _transposed(hashes)], axis=1)
    flips = np.array([0, _ODD_ROWS, _ODD_COLUMNS, _ODD_ROWS ^ _ODD_COLUMNS], np.uint64)
    return (turned[:, :, None] ^ flips).reshape(len(hashes), 8)


def _bit(row: int, column: int) -> int:
    return _KEPT * row + column - 1


def _mask(positions: list[tuple[int, int]]) -> int:
    return sum(1 << _bit(row, column) for row, column in positions)


_POSITIONS = [divmod(bit + 1, _KEPT) for bit in range(HASH_BITS)]
_ODD_ROWS = _mask([(row, column) for row, column in _POSITIONS if row % 2])
_ODD_COLUMNS = _mask([(row, column) for row, column in _POSITIONS if column % 2])


def _transposed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    result = np.zeros_like(hashes)
    for row, column in _POSITIONS:
        bit = (hashes >> np.uint64(_bit(row, column))) & np.uint64(1)
        result |= bit << np.uint64(_bit(column, row))
    return result
