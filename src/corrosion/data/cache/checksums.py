"""Checksums of the rows of cached arrays, each with the key that it is kept under.

A row that was flipped, zeroed, cut or put in another's place does not fit its checksum. CRC-32
finds every change of up to 32 bits in a row, and all but one in four thousand million of others.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def checksum(key: bytes, row: NDArray[Any]) -> int:
    """The checksum of a row.

    Args:
        key: what the row is kept under.
        row: of any shape, contiguous.

    Returns:
        A number in [0, 2^32).

    Example:
        >>> row = np.arange(4, dtype=np.uint8)
        >>> checksum(b"a", row) == checksum(b"b", row)
        False
    """
    return zlib.crc32(row.data, zlib.crc32(key.rstrip(b"\0")))


def checksums(keys: Sequence[bytes] | NDArray[np.bytes_], rows: NDArray[Any]) -> NDArray[np.uint32]:
    """The checksums (N,) of rows (N, ...), contiguous, under N keys."""
    found = (checksum(bytes(key), row) for key, row in zip(keys, rows, strict=True))
    return np.fromiter(found, np.uint32, len(rows))
