import numpy as np
import pytest
import torch
from torch import nn

from corrosion.explanation.faithfulness import deletion_insertion, pixel_order, road


class LeftHalf(nn.Module):
    """As certain of corrosion as the left half of a picture is white."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3, 1, 1))

    def predict_proba(self, images):
        return images[..., : images.shape[-1] // 2].mean(dim=(1, 2, 3))


WHITE = torch.ones(3, 10, 10)
LEFT = np.arange(10) < np.full((10, 1), 5)


def order(values):
    return pixel_order(values.astype(np.float32), np.random.default_rng(0))


def test_pixels_come_by_value_and_ties_at_random():
    values = np.array([[0.0, 1.0], [0.0, 2.0]])
    assert order(values)[:2].tolist() == [3, 1]
    firsts = {
        pixel_order(np.zeros((2, 2), np.float32), np.random.default_rng(seed))[0]
        for seed in range(40)
    }
    assert firsts == {0, 1, 2, 3}


def test_what_speaks_against_corrosion_goes_last_though_the_map_is_0_there_too():
    values = np.array([[0.0, 1.0], [0.0, 0.0]], dtype=np.float32)
    signed = np.array([[-2.0, 1.0], [-1.0, -3.0]], dtype=np.float32)
    for seed in range(5):
        assert pixel_order(values, np.random.default_rng(seed), signed).tolist() == [1, 2, 0, 3]


def test_deletion_is_the_area_under_the_falling_probability():
    """From 1 to 0 while the left half goes, then 0: a triangle of 1/4; the other way 3/4."""
    assert deletion_insertion(LeftHalf(), WHITE, order(LEFT))[0] == pytest.approx(0.25, abs=0.01)
    assert deletion_insertion(LeftHalf(), WHITE, order(~LEFT))[0] == pytest.approx(0.75, abs=0.01)


def test_deletion_to_the_blurred_image_leaves_what_blurring_leaves():
    """A white picture blurred is white: nothing is deleted."""
    assert deletion_insertion(LeftHalf(), WHITE, order(LEFT))[1] == pytest.approx(1)
    spots = torch.zeros(3, 20, 20)
    spots[:, ::2, ::2] = 1
    good, bad = (
        deletion_insertion(LeftHalf(), spots, order(values))[1]
        for values in (spots[0].numpy(), 1 - spots[0].numpy())
    )
    assert good < bad


def test_a_few_important_pixels_are_seen_to_go_first():
    """5 of 1000 pixels decide: in portions of a twentieth they would cost 0.025."""

    class Five(LeftHalf):
        def predict_proba(self, images):
            return images[:, 0, 0, :5].mean(dim=1)

    important = np.zeros((25, 40), dtype=np.float32)
    important[0, :5] = 1
    [deletion, *_] = deletion_insertion(Five(), torch.ones(3, 25, 40), order(important))
    assert deletion == pytest.approx(0.0025, abs=0.002)


def test_insertion_starts_from_the_blurred_image():
    """A white picture blurred is white: the probability is 1 all along."""
    assert deletion_insertion(LeftHalf(), WHITE, order(LEFT))[2] == pytest.approx(1)
    spots = torch.zeros(3, 20, 20)
    spots[:, ::2, ::2] = 1
    good, bad = (
        deletion_insertion(LeftHalf(), spots, order(values))[2]
        for values in (spots[0].numpy(), 1 - spots[0].numpy())
    )
    assert good > bad + 0.1


def test_road_rewards_the_pixels_that_matter():
    spots = torch.zeros(3, 20, 20)
    spots[:, 5:15, 2:8] = 1
    left_right, right = road(LeftHalf(), spots, order(spots[0].numpy()))
    left_wrong, wrong = road(LeftHalf(), spots, order(-spots[0].numpy()))
    assert right > 0.05
    assert right == pytest.approx(-wrong, abs=0.05)
    assert left_right < left_wrong
