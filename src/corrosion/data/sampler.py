"""Which training image comes when, and with which random seed it is augmented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler


class Draw(NamedTuple):
    """One training sample: the row of the image, and the seed of its augmentation."""

    index: int  # type: ignore[assignment]  # tuple.index gives way
    seed: int


class EpochSampler(Sampler[Draw]):
    """Every image `expand` times an epoch, shuffled, each with a seed of its own.

    Order and seeds depend on `seed` and the epoch alone. A worker is told the seed with the image,
    so that it does not matter how many workers there are, nor which of them gets which image.

    Lightning calls `set_epoch` and, on several devices, deals the draws out among them.

    Args:
        length: number of images.
        seed: 0 or more.
        expand: versions of each image in an epoch.
    """

    def __init__(self, length: int, *, seed: int, expand: int = 1) -> None:
        self._images = length
        self._seed = seed
        self._expand = expand
        self._epoch = 0
        self._resumed = (0, 0)

    def resume(self, epoch: int, start: int) -> None:
        """Go on within an epoch.

        Args:
            epoch: from 0; it is the one the next iteration yields.
            start: number of its draws that came before, and are left out.
        """
        self._epoch = epoch
        self._resumed = (epoch, start)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, whose draws the next iteration yields."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._images * self._expand

    def __iter__(self) -> Iterator[Draw]:
        generator = np.random.default_rng((self._seed, self._epoch))
        order = generator.permutation(len(self))
        seeds = generator.integers(2**63, size=len(self))
        epoch, start = self._resumed
        if epoch == self._epoch:
            order, seeds = order[start:], seeds[start:]
        for position, seed in zip(order, seeds, strict=True):
            yield Draw(int(position) % self._images, int(seed))
