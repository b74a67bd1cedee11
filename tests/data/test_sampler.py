from collections import Counter

import pytest
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper

from corrosion.data.sampler import Draw, EpochSampler


def draws(sampler: EpochSampler, epoch: int) -> list[Draw]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_image_is_drawn_once_an_epoch():
    sampler = EpochSampler(50, seed=0)
    assert len(sampler) == 50
    assert sorted(draw.index for draw in sampler) == list(range(50))


def test_expand_draws_each_image_in_that_many_versions():
    sampler = EpochSampler(50, seed=0, expand=3)
    assert len(sampler) == 150
    assert set(Counter(draw.index for draw in sampler).values()) == {3}
    assert len({draw.seed for draw in sampler}) == 150


def test_an_epoch_depends_on_seed_and_epoch_alone():
    used = EpochSampler(50, seed=3)
    for epoch in range(4):
        draws(used, epoch)
    assert draws(used, 2) == draws(EpochSampler(50, seed=3), 2)


def test_epochs_and_seeds_differ_in_order_and_in_augmentation():
    epochs = [draws(EpochSampler(50, seed=seed), epoch) for seed in (0, 1) for epoch in range(3)]
    assert len({tuple(draw.index for draw in epoch) for epoch in epochs}) == 6
    assert len({draw.seed for epoch in epochs for draw in epoch}) == 6 * 50


@pytest.mark.parametrize("length", [50, 51])
def test_lightning_deals_the_draws_of_an_epoch_out_among_devices(length):
    ranks = [
        DistributedSamplerWrapper(
            EpochSampler(length, seed=0), num_replicas=2, rank=rank, shuffle=False
        )
        for rank in (0, 1)
    ]
    for epoch in (0, 4):
        for rank in ranks:
            rank.set_epoch(epoch)
        first, second = (list(rank) for rank in ranks)
        assert len(first) == len(second)
        assert set(first) | set(second) == set(draws(EpochSampler(length, seed=0), epoch))
