"""Which photographs show the same picture: by their hashes, and by the points they share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.cache.features import FeatureCache, Features
from corrosion.data.curation.duplicates import Duplicates, find_duplicates
from corrosion.data.curation.same_view import MOST_POINTS, SIDE, View, see, shared
from corrosion.data.curation.words import NO_WORD, TABLES, likely_pairs, words_of
from corrosion.data.images import ImageError, content_hash, file_content, read_image
from corrosion.data.places import reading_threads
from corrosion.system.progress import progress

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_AUTOMATIC = 10_000
"""Photographs among which cropped ones are sought unasked: minutes once, and 300 MB."""

_LEAST_SHARED = 0.4  # of both: a turn of 15 degrees without its corners leaves 0.4 to 0.55
_FEW = 300  # photographs or pairs that are done too soon for a bar
_PORTION = 1000  # photographs or pairs that a run which is killed loses at most

# raise the number when words or shares change
_KEY = f"views-1-cv{cv2.__version__}-np{np.__version__}"


def find_same_pictures(
    records: pd.DataFrame,
    *,
    near_duplicates: int | None,
    cropped_duplicates: Literal["auto"] | bool = "auto",
) -> Duplicates:
    """Find copies, near-duplicates and, where it is wanted, versions that a hash misses.

    Versions are photographs that were cropped, turned by a few degrees or framed, and frames of
    which two fifths show the same from the same place. Candidates share rare words
    (`words.likely_pairs`), and each is verified (`same_view.shared`). Words and what was verified
    are kept in the cache by the content of the files, so that a second run reads no photograph.

    Args:
        records: records as `screening.screen` gives them, numbered from 0.
        near_duplicates: bits in which the hashes of near-duplicates may differ; None finds copies
            alone.
        cropped_duplicates: whether versions are sought; "auto" does among 10,000 pictures at most.
    """
    found = find_duplicates(
        records["pixel_hash"].to_numpy(),
        records["perceptual_hash"].to_numpy(),
        max_distance=near_duplicates,
    )
    first = np.unique(found.picture, return_index=True)[1]  # of each picture one photograph
    if near_duplicates is None or not cropped_duplicates or len(first) < 2:
        return found
    if cropped_duplicates == "auto" and len(first) > MOST_AUTOMATIC:
        log.info(
            "cropped or turned versions are not sought among %d pictures, more than %d: "
            "cropped_duplicates=true does",
            len(first),
            MOST_AUTOMATIC,
        )
        return found
    chosen = records.iloc[first]
    views = _Views(chosen["path"].tolist(), chosen["content_hash"].tolist())
    pairs = likely_pairs(views.words(), found.group[first])
    return found.with_versions(pairs[views.shared(pairs) >= _LEAST_SHARED])


class _Views:
    """Photographs, of which those are read that the cache doesn't tell all about.

    Args:
        paths: paths of N photographs.
        hashes: hashes of their content.
    """

    def __init__(self, paths: Sequence[str], hashes: Sequence[str]) -> None:
        self._paths, self._hashes = paths, hashes
        self._seen: dict[int, View] = {}

    def words(self) -> NDArray[np.int64]:
        """The words (N, W) of each photograph, none of one that has changed since."""
        found = self._known("words", list(enumerate(self._hashes)), self._words)
        nothing = _padded(np.zeros(0))
        return np.stack([found.get(one, nothing) for one in self._hashes]).astype(np.int64)

    def shared(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """The share (M,) that photographs (M, 2) have in common, 0 where one has changed since."""
        # which is laid over which must not depend on the order of the files
        ordered = [sorted(pair, key=self._hashes.__getitem__) for pair in pairs.tolist()]
        names = [self._hashes[one] + self._hashes[other] for one, other in ordered]
        found = self._known("shared", list(zip(ordered, names, strict=True)), self._shared)
        return np.array([found[name][0] if name in found else 0 for name in names], np.float32)

    def _known(
        self, name: str, asked: Sequence[tuple[T, str]], measure: Callable[[T], Features | None]
    ) -> dict[str, Features]:
        """From the cache, else measured in threads; a run that is killed loses one portion."""
        cache = FeatureCache(f"{_KEY}-{name}")
        known = cache.load()
        unknown = [one for one in asked if one[1] not in known]
        bar = progress(
            self._measured(unknown, measure), f"versions: {name}", total=len(unknown), fewest=_FEW
        )
        portion: dict[str, Features] = {}
        for done, (key, features) in enumerate(bar, start=1):
            if features is not None:
                portion[key] = features
            if portion and (done % _PORTION == 0 or done == len(unknown)):
                cache.save(list(portion), np.stack(list(portion.values())))
                known |= portion
                portion = {}
        return known

    def _measured(
        self, unknown: Sequence[tuple[T, str]], measure: Callable[[T], Features | None]
    ) -> Iterator[tuple[str, Features | None]]:
        def attempt(one: T) -> Features | None:
            try:
                return measure(one)
            except Exception as error:  # of an odd picture, OpenCV raises nearly anything
                log.warning("a photograph can't be searched for versions: %s", error)
                return None

        # OpenCV needs no lock of Python's
        with ThreadPoolExecutor(reading_threads(self._paths)) as pool:
            results = pool.map(attempt, [one for one, _ in unknown])
            yield from zip((key for _, key in unknown), results, strict=True)

    def _words(self, row: int) -> Features | None:
        view = self._view(row)
        return None if view is None else _padded(words_of(view.points.descriptors).ravel())

    def _shared(self, pair: Sequence[int]) -> Features | None:
        one, other = (self._view(row) for row in pair)
        if one is None or other is None:
            return None
        return np.array([shared(one, other)], np.float32)

    def _view(self, row: int) -> View | None:
        """A photograph, read once; None if it has changed since it was checked."""
        if row not in self._seen:
            try:
                content = file_content(self._paths[row])
                if content_hash(content) != self._hashes[row]:
                    return None
                image = read_image(self._paths[row], content=content, min_side=SIDE)
            except ImageError:
                return None
            self._seen[row] = see(image)
        return self._seen[row]


def _padded(words: NDArray[np.number]) -> Features:
    """As many words for each photograph; float32 holds whole numbers up to 2^24 exactly."""
    row = np.full(TABLES * MOST_POINTS, NO_WORD, np.float32)
    row[: len(words)] = words
    return row
