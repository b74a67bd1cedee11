"""Seconds to find near-duplicates among many images, over comparing each with each.

    python benchmarks/near_duplicates.py [--images 100000] [--distance 6]

Hashes are random but for a tenth of the images, which are versions of others: in one of eight
orientations, with 0 to 6 bits changed. Comparing each with each is timed on 2,000 of them and
grows with the square. Prints the seconds of both, their ratio, and the share of the planted
versions within the distance that was found, which must be 1.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from corrosion.data.curation.duplicates import Duplicates, find_duplicates
from corrosion.data.curation.fingerprint import HASH_BITS, orientations

_COMPARED = 2_000
_MOST_CHANGED = 6


def main() -> None:
    options = parse()
    hashes, origin, changed = make_hashes(options.images)
    started = time.perf_counter()
    found = find_duplicates(
        np.arange(len(hashes)), hashes.astype(np.int64), max_distance=options.distance
    )
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    compare_each_with_each(hashes[:_COMPARED], options.distance)
    growth = (len(hashes) / _COMPARED) ** 2
    slow = (time.perf_counter() - started) * growth
    versions = np.flatnonzero((origin >= 0) & (changed <= options.distance))
    grouped = (found.group[versions] == found.group[origin[versions]]).mean()
    print(
        f"{len(hashes):,} hashes, {options.distance} of {HASH_BITS} bits: {seconds:.1f} s; each "
        f"with each {slow:,.0f} s (from {_COMPARED:,} hashes), {slow / seconds:.0f} times as long"
    )
    print(f"{found.near_pairs():,} pairs; {grouped:.4f} of {len(versions):,} versions found")
    print(f"largest group: {largest_group(found)} images")


def make_hashes(
    images: int,
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Hashes; which hash each is a version of (-1: of none); how many bits it changed."""
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**HASH_BITS, images, dtype=np.uint64)
    count = images // 10
    origin, changed = np.full(images, -1), np.zeros(images, np.int64)
    versions = np.arange(images - count, images)
    origin[versions] = generator.integers(0, images - count, count)
    changed[versions] = generator.integers(0, _MOST_CHANGED + 1, count)
    turned = orientations(hashes[origin[versions]])[
        np.arange(count), generator.integers(0, 8, count)
    ]
    bits = generator.permuted(np.tile(np.arange(HASH_BITS), (count, 1)), axis=1)
    masks = np.uint64(1) << bits[:, :_MOST_CHANGED].astype(np.uint64)
    masks[np.arange(_MOST_CHANGED) >= changed[versions, None]] = 0
    hashes[versions] = turned ^ np.bitwise_or.reduce(masks, axis=1)
    return hashes, origin, changed


def compare_each_with_each(hashes: NDArray[np.uint64], distance: int) -> int:
    pairs = 0
    for turned in orientations(hashes).T:
        distances = np.bitwise_count(turned[:, None] ^ hashes)
        pairs += int(np.count_nonzero(distances <= distance))
    return pairs


def largest_group(found: Duplicates) -> int:
    return int(np.bincount(found.group).max())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--distance", type=int, default=6, help="bits")
    return parser.parse_args()


if __name__ == "__main__":
    main()
