"""Group images that show the same picture: copies, and near-duplicates that exports make."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from corrosion.data.curation.fingerprint import PLAIN, orientations
from corrosion.data.curation.hash_search import similar_pairs


@dataclass(frozen=True)
class Duplicates:
    """Which of N images show the same of P distinct pictures, or nearly the same.

    Attributes:
        copy: (N,) int64 from 0; images with the same decoded pixels have the same number.
        picture: (N,) int64 from 0 to P - 1; images with the same pixels or the same perceptual
            hash in some orientation have the same number.
        pairs: (M, 2) int64, pictures whose hashes differ in few bits.
        versions: (V, 2) int64, pictures that show the same without their hashes telling it: one was
            cropped, turned a little or framed. The other class may be right for a crop.
        group: (N,) int64 from 0; images that are linked through any number of such pairs.
    """

    copy: NDArray[np.int64]
    picture: NDArray[np.int64]
    pairs: NDArray[np.int64]
    versions: NDArray[np.int64]
    group: NDArray[np.int64]

    def seen_in(self, others: NDArray[np.bool_], *, versions: bool = True) -> NDArray[np.bool_]:
        """Which images have a copy or near-duplicate among others.

        Args:
            others: (N,), True for the others; an image that is one of them has itself.
            versions: whether cropped, turned and framed versions count as near-duplicates.

        Returns:
            (N,), True where there is one.
        """
        shown = np.bincount(self.picture[others], minlength=self._pictures) > 0
        near = shown.copy()
        first, second = (self._all_pairs if versions else self.pairs).T
        near[first[shown[second]]] = True
        near[second[shown[first]]] = True
        return near[self.picture]

    def with_versions(self, versions: NDArray[np.int64]) -> Duplicates:
        """The same with pairs of pictures of which one is a version of the other.

        Args:
            versions: (V, 2) int64, numbers of pictures as in `picture`; no pair is in `pairs`.
        """
        linked = _linked(self.picture, np.concatenate([self.pairs, versions]))
        return replace(self, versions=versions, group=linked)

    def copies(self) -> int:
        """The number of images with the same pixels as another one, the originals not counted."""
        return len(self.copy) - len(np.unique(self.copy))

    def near_pairs(self) -> int:
        """The number of pairs of images that are near-duplicates, copies not counted."""
        ones = np.zeros(len(self.picture), np.int64)
        return self._pairs_within(ones) - _pairs_of_equals(self.copy)

    def pairs_across(self, parts: NDArray[np.int64]) -> int:
        """The number of pairs of copies or near-duplicates whose images lie in different parts.

        Args:
            parts: (N,) int64 from 0, the source, the label or the split of each image.
        """
        return self._pairs_within(np.zeros_like(parts)) - self._pairs_within(parts)

    def _pairs_within(self, parts: NDArray[np.int64]) -> int:
        """Pairs of images of one part that show the same picture or nearly the same."""
        count = int(parts.max(initial=0)) + 1
        images = csr_array(
            (np.ones(len(parts), np.int64), (self.picture, parts)), shape=(self._pictures, count)
        )  # of each picture in each part
        same = (images.data * (images.data - 1)).sum() // 2
        first, second = self._all_pairs.T
        near = images[first].multiply(images[second]).sum()
        return int(same + near)

    @property
    def _all_pairs(self) -> NDArray[np.int64]:
        return np.concatenate([self.pairs, self.versions])

    @property
    def _pictures(self) -> int:
        return int(self.picture.max(initial=-1)) + 1


def find_duplicates(
    pixel_hashes: NDArray[np.int64],
    perceptual_hashes: NDArray[np.int64],
    *,
    max_distance: int | None,
) -> Duplicates:
    """Find copies and near-duplicates in about linear time.

    Images without structure, whose perceptual hash is PLAIN, are compared by their pixels alone:
    two blank walls are no leak.

    Args:
        pixel_hashes: (N,) int64, hashes of the decoded pixels (`fingerprint.pixel_hash`).
        perceptual_hashes: (N,) int64, hashes of the pictures (`fingerprint.perceptual_hash`).
        max_distance: number of bits in which near-duplicates may differ, 0 to `MOST_DISTANCE`; None
            finds copies alone.
    """
    copy = _codes(pixel_hashes)
    none = np.zeros((0, 2), np.int64)
    if max_distance is None:
        return Duplicates(copy, copy, none, none, group=copy)
    plain = perceptual_hashes == PLAIN
    # of the eight orientations the smallest hash: equal pictures, however turned, become one
    upright = orientations(perceptual_hashes.astype(np.uint64)).min(axis=1)
    picture = np.empty_like(copy)
    hashes, picture[~plain] = np.unique(upright[~plain], return_inverse=True)
    picture[plain] = len(hashes) + _codes(pixel_hashes[plain])
    pairs, _ = similar_pairs(hashes, max_distance)
    return Duplicates(copy, picture, pairs, none, group=_linked(picture, pairs))


def _linked(picture: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    count = int(picture.max(initial=-1)) + 1
    edges = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(count, count))
    return _codes(connected_components(edges, directed=False)[1][picture])


def _pairs_of_equals(codes: NDArray[np.int64]) -> int:
    counts = np.bincount(codes)
    return int((counts * (counts - 1)).sum() // 2)


def _codes(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return pd.factorize(values)[0].astype(np.int64)
