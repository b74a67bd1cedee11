from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.sampler import Draw, EpochSampler


def draws(sampler: EpochSampler, epoch: int) -> list[Draw]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_image_is_drawn_once_an_epoch():
    sampler = EpochSampler(50, seed=0)
    assert len(sampler) == 50
    assert sorted(draw.index for draw in sampler) == list(range(50))


def test_repeats_draws_each_image_in_that_many_versions():
    sampler = EpochSampler(50, seed=0, repeats=3)
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


@given(st.integers(2, 60), st.integers(1, 5), st.integers(0, 9))
def test_processes_share_the_draws_of_an_epoch(length, processes, epoch):
    whole = draws(EpochSampler(length, seed=0), epoch)
    shares = [
        draws(EpochSampler(length, seed=0, processes=processes, rank=rank), epoch)
        for rank in range(processes)
    ]
    assert len({len(share) for share in shares}) == 1
    dealt = [draw for turn in zip(*shares, strict=True) for draw in turn]
    assert dealt[:length] == whole
    assert len(dealt) - length < processes
    assert set(dealt) == set(whole)


@given(st.integers(0, 25), st.integers(0, 3))
def test_a_resumed_epoch_leaves_out_what_came_before(start, epoch):
    sampler, whole = (EpochSampler(50, seed=0, processes=2, rank=1) for _ in range(2))
    sampler.resume(epoch, start)
    assert len(sampler) == 25
    assert list(sampler) == draws(whole, epoch)[start:]
    assert draws(sampler, epoch + 1) == draws(whole, epoch + 1)
