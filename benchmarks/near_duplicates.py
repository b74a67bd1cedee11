"""How many near-duplicates are found, and in how many seconds.

    python benchmarks/near_duplicates.py [--images 100000] [--distance 10]
    python benchmarks/near_duplicates.py --photographs PHOTOS [--planted 200] [--sheet sheet.png]

The first searches hashes that are random but for a tenth of the images, which are versions of
others: in one of eight orientations, with 0 to 10 bits changed. Comparing each with each is timed
on 2,000 of them and grows with the square. Prints the seconds of both, their ratio, and the share
of the planted versions within the distance that was found, which must be 1.

The second makes a version of each of 200 photographs, one kind at a time, and seeks it among all:
by hashes that differ in 6 bits at most, in 10, and with `data.cropped_duplicates` too. Prints the
share of the versions that come into the group of their original, how many pairs are found among the
photographs alone, and the seconds of the search, at first and from the cache. The sheet shows the
pairs beyond 6 bits, to tell by eye which are true.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.curation.duplicates import Duplicates, find_duplicates
from corrosion.data.curation.fingerprint import HASH_BITS, orientations
from corrosion.data.curation.pictures import find_same_pictures
from corrosion.data.curation.screening import screen
from corrosion.data.file_search import find_inputs
from corrosion.data.images import read_image

Image = NDArray[np.uint8]

_COMPARED = 2_000
_MOST_CHANGED = 10
_SEARCHES: Mapping[str, tuple[int, bool]] = {
    "6 bits": (6, False),
    "10 bits": (10, False),
    "10 bits and points": (10, True),
}
_THUMB = 150  # pixels of a picture on the sheet
_COLUMNS = 5


def main() -> None:
    options = parse()
    if options.photographs is None:
        search_hashes(options)
    else:
        find_versions(options)


def search_hashes(options: argparse.Namespace) -> None:
    """Print the seconds of a search among random hashes."""
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


def find_versions(options: argparse.Namespace) -> None:
    """Print the shares that each search finds."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CORROSION_CACHE"] = str(Path(folder, "cache"))  # so that the first is a first
        paths = find_inputs([options.photographs], recursive=True, videos=False)
        records = screen(pd.DataFrame({"path": [str(path) for path in paths]})).records
        found = measure_photographs(records)
        if options.sheet:
            write_sheet(records, found["6 bits"], found["10 bits and points"], options.sheet)
        chosen = np.random.default_rng(0).permutation(len(records))[: options.planted]
        print("| version | " + " | ".join(_SEARCHES) + " |\n| --- |" + " --- |" * len(_SEARCHES))
        for name in VERSIONS:
            planted = plant(records, chosen, name, Path(folder, name))
            shares = [f"{share_found(records, chosen, planted, one):.3f}" for one in _SEARCHES]
            print(f"| {name} | " + " | ".join(shares) + " |", flush=True)


def crop(image: Image, share: float, generator: np.random.Generator) -> Image:
    """Cut a share off the height and off the width, anywhere."""
    cut = [round(share * side) for side in image.shape[:2]]
    top, left = (int(generator.integers(0, most + 1)) for most in cut)
    return image[top : image.shape[0] - cut[0] + top, left : image.shape[1] - cut[1] + left]


def turn(image: Image, degrees: float) -> Image:
    """Turn, and enlarge until no corner is empty."""
    height, width = image.shape[:2]
    angle, ratio = np.deg2rad(degrees), max(width / height, height / width)
    scale = np.cos(angle) + np.sin(angle) * ratio
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    return cv2.warpAffine(image, matrix, (width, height)).astype(np.uint8, copy=False)


def letterbox(image: Image) -> Image:
    """Black bars above and below, or at the sides, until it is square; an eighth if it is."""
    height, width = image.shape[:2]
    bar = abs(width - height) // 2 or height // 8
    bars = (bar, bar, 0, 0) if width >= height else (0, 0, bar, bar)
    return cv2.copyMakeBorder(image, *bars, cv2.BORDER_CONSTANT).astype(np.uint8, copy=False)


def half(image: Image) -> Image:
    """Half the side."""
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8)


VERSIONS: Mapping[str, tuple[Callable[[Image, np.random.Generator], Image], int]] = {
    "5 % cropped": (lambda image, generator: crop(image, 0.05, generator), 90),
    "10 % cropped": (lambda image, generator: crop(image, 0.1, generator), 90),
    "20 % cropped": (lambda image, generator: crop(image, 0.2, generator), 90),
    "turned by 2 degrees": (lambda image, _: turn(image, 2), 90),
    "turned by 5 degrees": (lambda image, _: turn(image, 5), 90),
    "turned by 15 degrees": (lambda image, _: turn(image, 15), 90),
    "letterbox": (lambda image, _: letterbox(image), 90),
    "JPEG of quality 30": (lambda image, _: image, 30),
    "half the side": (lambda image, _: half(image), 90),
}
"""How each is made, and the quality of the JPEG it is written to."""


def measure_photographs(records: pd.DataFrame) -> dict[str, Duplicates]:
    """What each search finds among the photographs alone, and its seconds."""
    found = {}
    for name in _SEARCHES:
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            found[name] = search(records, name)
            seconds.append(time.perf_counter() - started)
        print(
            f"{name}: {found[name].near_pairs()} pairs among {len(records)} photographs, "
            f"{seconds[0]:.1f} s at first, {seconds[1]:.1f} s again"
        )
    return found


def search(records: pd.DataFrame, name: str) -> Duplicates:
    bits, cropped = _SEARCHES[name]
    return find_same_pictures(records, near_duplicates=bits, cropped_duplicates=cropped)


def plant(
    records: pd.DataFrame, chosen: NDArray[np.int64], name: str, folder: Path
) -> pd.DataFrame:
    """Records of versions of the chosen photographs."""
    folder.mkdir()
    change, quality = VERSIONS[name]
    paths = []
    for row in chosen:
        image = change(read_image(records["path"][row]), np.random.default_rng(row))
        paths.append(str(folder / f"{row}.jpg"))
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(paths[-1], bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return screen(pd.DataFrame({"path": paths})).records


def share_found(
    records: pd.DataFrame, chosen: NDArray[np.int64], planted: pd.DataFrame, name: str
) -> float:
    """The share of versions in the group of their original."""
    group = search(pd.concat([records, planted], ignore_index=True), name).group
    return float((group[chosen] == group[len(records) :]).mean())


def write_sheet(records: pd.DataFrame, before: Duplicates, after: Duplicates, path: Path) -> None:
    """The pairs that the last search finds beyond the first, beside each other."""
    first = np.unique(after.picture, return_index=True)[1]
    known = set(map(tuple, before.pairs.tolist()))
    pairs = [*after.pairs.tolist(), *after.versions.tolist()]
    tiles = [
        np.hstack([thumb(records["path"][first[one]]) for one in pair])
        for pair in pairs
        if tuple(pair) not in known
    ]
    print(f"{len(tiles)} pairs beyond 6 bits: {path}")
    if tiles:
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _COLUMNS)
        lines = [np.hstack(tiles[at : at + _COLUMNS]) for at in range(0, len(tiles), _COLUMNS)]
        cv2.imwrite(str(path), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))


def thumb(path: str) -> Image:
    image = read_image(path)
    scale = (_THUMB - 4) / max(image.shape)
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    down, across = (_THUMB - side for side in image.shape[:2])
    return cv2.copyMakeBorder(image, 0, down, 0, across, cv2.BORDER_CONSTANT).astype(np.uint8)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--distance", type=int, default=10, help="bits")
    parser.add_argument(
        "--photographs", type=Path, help="folder of photographs to make versions of"
    )
    parser.add_argument("--planted", type=int, default=200, help="photographs with a version")
    parser.add_argument("--sheet", type=Path, help="PNG to write the pairs to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
