import numpy as np
import pytest

from corrosion.errors import CorrosionError
from corrosion.selection.choice import FACTOR, choose_diverse


@pytest.fixture
def heaps():
    """Features of 5 heaps of 20 photographs, far apart from each other."""
    centres = 100 * np.eye(5, 8)
    return np.repeat(centres, 20, axis=0) + np.random.default_rng(0).normal(size=(100, 8))


def test_without_a_trained_network_every_heap_gives_one(heaps):
    choice = choose_diverse(heaps, 5)
    assert sorted(choice.rows // 20) == [0, 1, 2, 3, 4]
    assert choice.stands_for.tolist() == [20] * 5


def test_the_one_nearest_to_the_middle_of_its_heap_stands_for_it(heaps):
    for row in choose_diverse(heaps, 5).rows:
        heap = heaps[row // 20 * 20 :][:20]
        distances = np.linalg.norm(heap - heap.mean(axis=0), axis=1)
        assert distances.argmin() == row % 20


def test_only_the_most_uncertain_are_chosen(heaps):
    probability = np.full(100, 0.99)
    probability[40:60] = 0.5
    chosen = choose_diverse(heaps, 20 // FACTOR, probability=probability).rows
    assert set(chosen // 20) == {2}


def test_among_uncertain_ones_those_are_chosen_that_differ(heaps):
    probability = np.tile([0.5, 0.999, 0.001, 0.999, 0.001], 20)
    chosen = choose_diverse(heaps, 5, probability=probability).rows
    assert sorted(chosen // 20) == [0, 1, 2, 3, 4]
    assert (chosen % 5 == 0).all()


def test_the_heap_whose_photographs_are_most_uncertain_comes_first(heaps):
    probability = np.repeat([0.9, 0.8, 0.55, 0.9, 0.9], 20)
    choice = choose_diverse(heaps, 25, probability=probability)
    assert choice.rows[0] // 20 == 2


def test_all_are_taken_where_there_are_no_more(heaps):
    assert sorted(choose_diverse(heaps[:3], 3).rows) == [0, 1, 2]
    choice = choose_diverse(heaps[:3], 20, probability=np.array([0.9, 0.5, 0.4]))
    assert choice.rows.tolist() == [1, 2, 0]
    assert choice.stands_for.tolist() == [1, 1, 1]


@pytest.mark.parametrize("certain", [False, True])
def test_photographs_that_look_the_same_to_the_network_are_still_different(certain):
    probability = np.ones(30) if certain else None
    choice = choose_diverse(np.ones((30, 4)), 5, probability=probability)
    assert len(set(choice.rows)) == 5


def test_the_same_seed_chooses_the_same(heaps):
    noise = np.random.default_rng(1).normal(size=(200, 8))
    first, again, other = (choose_diverse(noise, 10, seed=seed).rows for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_damaged_features_and_probabilities_are_refused(heaps):
    with pytest.raises(CorrosionError, match="not finite"):
        choose_diverse(np.where(heaps > 100, np.nan, heaps), 2)
    with pytest.raises(CorrosionError, match="not finite"):
        choose_diverse(heaps, 2, probability=np.full(100, np.nan))
