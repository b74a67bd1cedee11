import numpy as np
import pytest

from corrosion.errors import CorrosionError
from corrosion.evaluation import resampling
from corrosion.evaluation.resampling import resamples

LABEL = np.array([1, 1, 1, 0, 0, 0, 0, 0])


def drawn(*arguments, **settings):
    return np.concatenate(list(resamples(*arguments, **settings)))


def test_a_resample_keeps_the_number_of_images_of_each_class():
    weight = drawn(LABEL, count=50)
    assert weight.shape == (50, 8)
    assert (weight[:, LABEL == 1].sum(axis=1) == 3).all()
    assert (weight[:, LABEL == 0].sum(axis=1) == 5).all()
    assert len(np.unique(weight, axis=0)) > 25


def test_each_image_is_drawn_once_on_average():
    assert drawn(LABEL, count=4000).mean(axis=0) == pytest.approx(1, abs=0.07)


def test_images_of_a_group_are_drawn_together():
    group = np.array(["a", "a", "b", "c", "c", "d", "d", "a"])
    weight = drawn(LABEL, group=group, count=50)
    for name in "abcd":
        assert (np.ptp(weight[:, group == name], axis=1) == 0).all()
    # a holds both classes, b is the only corroded one, c and d change places
    assert (weight[:, group == "a"] == 1).all()
    assert set(weight[:, 3]) == {0, 1, 2}


def test_resamples_depend_on_the_seed_and_not_on_portions(monkeypatch):
    whole = drawn(LABEL, count=20, seed=3)
    monkeypatch.setattr(resampling, "_CELLS", 24)
    assert len(list(resamples(LABEL, count=20, seed=3))) == 7
    assert np.array_equal(drawn(LABEL, count=20, seed=3), whole)
    assert not np.array_equal(drawn(LABEL, count=20, seed=4), whole)


def test_bad_groups_and_counts_are_refused():
    with pytest.raises(CorrosionError, match="2,.* 8 images"):
        drawn(LABEL, group=[1, 2])
    with pytest.raises(CorrosionError, match="resamples=0"):
        drawn(LABEL, count=0)
