"""Bootstrap resamples of a test set, as weights of its images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrosion.errors import CorrosionError
from corrosion.evaluation.metrics import Floats

_CELLS = 500_000  # weights held at a time: 4 MB, and a few times that in cumulative sums


def resamples(
    label: NDArray[np.int64],
    *,
    group: ArrayLike | None = None,
    count: int = 2000,
    seed: int = 0,
) -> Iterator[Floats]:
    """Draw stratified bootstrap resamples (Davison & Hinkley, 1997, section 3.2).

    Whole groups are drawn with replacement (images that are nearly the same tell the same story
    twice), within strata: groups of corroded images, of clean ones, of both. So every resample
    holds both classes if the test set does. A stratum of one group is in every resample.

    Args:
        label: (N,) 0 or 1.
        group: (N,) of any type; each image its own group if None.
        count: number of resamples.
        seed: seed of the generator; resamples don't depend on how they are portioned.

    Yields:
        (B, N) float64: how often each image is in each of the next B resamples.

    Raises:
        CorrosionError: `group` has another length, or `count` is not positive.

    Example:
        >>> [weights] = resamples(np.array([1, 1, 0, 0, 0]), count=3)
        >>> weights.shape, weights[:, :2].sum(axis=1).tolist()
        ((3, 5), [2.0, 2.0, 2.0])
    """
    checked_count(count)
    groups = group_numbers(group, len(label))
    size = int(groups.max()) + 1
    kind = np.bincount(groups, label, size).astype(bool) + 2 * np.bincount(
        groups, 1 - label, size
    ).astype(bool)
    strata = [np.flatnonzero(kind == which) for which in (1, 2, 3) if (kind == which).any()]
    generator = np.random.default_rng(seed)
    portion = max(1, _CELLS // len(label))
    for start in range(0, count, portion):
        drawn = np.empty((min(portion, count - start), size))
        for row in drawn:
            for stratum in strata:
                choice = generator.integers(len(stratum), size=len(stratum), dtype=np.int32)
                row[stratum] = np.bincount(choice, minlength=len(stratum))
        yield drawn[:, groups]


def checked_count(count: int) -> int:
    """A number of resamples.

    Raises:
        CorrosionError: it is not positive.

    Example:
        >>> checked_count(2000)
        2000
    """
    if count < 1:
        raise CorrosionError(f"resamples={count}: give at least 1.")
    return count


def group_numbers(group: ArrayLike | None, size: int) -> NDArray[np.int64]:
    """Groups (N,) of any type as numbers from 0 on; each image its own if None.

    Raises:
        CorrosionError: there is not one group an image.

    Example:
        >>> group_numbers(["b", "a", "b"], 3).tolist(), group_numbers(None, 2).tolist()
        ([1, 0, 1], [0, 1])
    """
    if group is None:
        return np.arange(size)
    groups = np.asarray(group)
    if groups.shape != (size,):
        raise CorrosionError(f"Give one group an image: {groups.shape} groups, {size} images.")
    return np.unique(groups, return_inverse=True)[1]
