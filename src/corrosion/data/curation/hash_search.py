"""Find pairs of similar perceptual hashes without comparing each with each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from corrosion.data.curation.fingerprint import orientations

MOST_DISTANCE = 11
"""Largest distance in bits; beyond it unrelated pictures are found, in minutes."""

_BANDS, _BAND_BITS = 4, 16
_CANDIDATES = 1 << 20  # compared at once: tens of megabytes


def similar_pairs(
    hashes: NDArray[np.uint64], max_distance: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """All pairs of hashes that differ in few bits in some orientation.

    Multi-index hashing (Norouzi, Punjani and Fleet, Fast Search in Hamming Space with Multi-Index
    Hashing, CVPR 2012): hashes that differ in at most d bits differ in at most d // 4 bits in one
    of their 4 bands. Each band is looked up in a table, with so many bits changed in every way.

    Args:
        hashes: (N,) uint64, all different.
        max_distance: largest number of bits in which a pair differs, 0 to `MOST_DISTANCE`.

    Returns:
        (M, 2) int64 positions, the smaller first, sorted; (M,) uint8 distances in bits, over the
        eight orientations the smallest.
    """
    found = [
        _verified(hashes, turned, rows, others, max_distance)
        for turned in orientations(hashes).T
        for rows, others in _candidates(hashes, turned, max_distance // _BANDS)
    ]
    if not found:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.uint8)
    keys, distances = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((distances, keys))
    keys, first = np.unique(keys[order], return_index=True)
    return np.stack(np.divmod(keys, len(hashes)), axis=1), distances[order][first]


def _candidates(
    hashes: NDArray[np.uint64], turned: NDArray[np.uint64], radius: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions in `turned` and in `hashes` that agree in a band but for `radius` bits."""
    for band in range(_BANDS):
        keys, wanted = (_band(values, band) for values in (hashes, turned))
        order = np.argsort(keys, kind="stable")
        bounds = np.searchsorted(keys[order], np.arange((1 << _BAND_BITS) + 1))
        for change in _changes(radius):
            starts, ends = bounds[wanted ^ change], bounds[(wanted ^ change) + 1]
            for rows in _portions(ends - starts):
                sizes = ends[rows] - starts[rows]
                which = np.repeat(np.arange(rows.start, rows.stop), sizes)
                offsets = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
                yield which, order[starts[which] + offsets]


def _band(hashes: NDArray[np.uint64], band: int) -> NDArray[np.int64]:
    shifted = hashes >> np.uint64(band * _BAND_BITS)
    return (shifted & np.uint64((1 << _BAND_BITS) - 1)).astype(np.int64)


def _changes(radius: int) -> list[int]:
    """Numbers of `_BAND_BITS` bits of which at most `radius` are set."""
    return [
        sum(1 << bit for bit in bits)
        for count in range(radius + 1)
        for bits in itertools.combinations(range(_BAND_BITS), count)
    ]


def _portions(sizes: NDArray[np.int64]) -> Iterator[slice]:
    """Ranges of rows with about `_CANDIDATES` candidates each."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _CANDIDATES, side="right")))
        yield slice(start, stop)
        start = stop


def _verified(
    hashes: NDArray[np.uint64],
    turned: NDArray[np.uint64],
    rows: NDArray[np.int64],
    others: NDArray[np.int64],
    max_distance: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Keys N * row + other of the candidates that are close enough, and their distances.

    A pair is found from either side, as turning back undoes turning: rows < others is enough.
    """
    later = rows < others
    rows, others = rows[later], others[later]
    distances = np.bitwise_count(turned[rows] ^ hashes[others])
    close = distances <= max_distance
    return rows[close] * len(hashes) + others[close], distances[close]
