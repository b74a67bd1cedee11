"""Which training image comes when, and with which random seed it is augmented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import DistributedSampler


class Draw(NamedTuple):
    """One training sample.

    Attributes:
        index: row of the image.
        seed: seed of its augmentation.
    """

    index: int  # type: ignore[assignment]  # tuple.index gives way
    seed: int


class EpochSampler(DistributedSampler[Draw]):
    """Every image `repeats` times an epoch, shuffled, each with a seed of its own.

    Order and seeds depend on `seed` and the epoch alone. A worker is told the seed with the image,
    so that it does not matter how many workers there are, nor which of them gets which image.
    Several training processes are dealt the draws in turn; the first ones are drawn again where
    the last round is short of some.

    Lightning calls `set_epoch` before every epoch.

    Args:
        length: number of images.
        seed: seed of the orders and of the seeds drawn, 0 or more.
        repeats: number of versions of each image in an epoch, at least 1.
        processes: number of processes that share the draws.
        rank: rank of this process among them, from 0.

    Example:
        >>> sampler = EpochSampler(3, seed=0)
        >>> sorted(draw.index for draw in sampler)
        [0, 1, 2]
        >>> sampler.set_epoch(1)
        >>> second = list(sampler)
        >>> list(sampler) == second  # the same whenever the epoch is drawn again
        True
    """

    def __init__(
        self, length: int, *, seed: int, repeats: int = 1, processes: int = 1, rank: int = 0
    ) -> None:
        super().__init__(range(length * repeats), num_replicas=processes, rank=rank, seed=seed)  # type: ignore[arg-type]
        self._images = length
        self._resumed = (0, 0)

    def resume(self, epoch: int, start: int) -> None:
        """Go on within an epoch, for a training that was stopped there.

        Args:
            epoch: number of the epoch that the next iteration yields, from 0.
            start: number of draws of this process that came before, and are left out.
        """
        self.set_epoch(epoch)
        self._resumed = (epoch, start)

    def __iter__(self) -> Iterator[Draw]:
        generator = np.random.default_rng((self.seed, self.epoch))
        count = len(self.dataset)  # type: ignore[arg-type]
        order = generator.permutation(count)
        seeds = generator.integers(2**63, size=count)
        epoch, start = self._resumed
        first = start if epoch == self.epoch else 0
        dealt = np.arange(self.rank, self.total_size, self.num_replicas)[first:] % count
        for position, seed in zip(order[dealt], seeds[dealt], strict=True):
            yield Draw(int(position) % self._images, int(seed))
