import numpy as np
import pytest
import torch
from torch import nn

from corrosion.explanation.faithfulness import (
    deletion_insertion,
    map_similarity,
    pixel_order,
    randomised,
    road,
)
from corrosion.models.classifier import CorrosionClassifier


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


def test_deletion_is_the_area_under_the_falling_probability():
    """From 1 to 0 while the left half goes, then 0: a triangle of 1/4; the other way 3/4."""
    assert deletion_insertion(LeftHalf(), WHITE, order(LEFT))[0] == pytest.approx(0.25)
    assert deletion_insertion(LeftHalf(), WHITE, order(~LEFT))[0] == pytest.approx(0.75)


def test_insertion_starts_from_the_blurred_image():
    """A white picture blurred is white: the probability is 1 all along."""
    assert deletion_insertion(LeftHalf(), WHITE, order(LEFT))[1] == pytest.approx(1)
    spots = torch.zeros(3, 20, 20)
    spots[:, ::2, ::2] = 1
    good, bad = (
        deletion_insertion(LeftHalf(), spots, order(values))[1]
        for values in (spots[0].numpy(), 1 - spots[0].numpy())
    )
    assert good > bad + 0.1


def test_road_rewards_the_pixels_that_matter():
    spots = torch.zeros(3, 20, 20)
    spots[:, 5:15, 2:8] = 1
    right = road(LeftHalf(), spots, order(spots[0].numpy()))
    wrong = road(LeftHalf(), spots, order(-spots[0].numpy()))
    assert right > 0.05
    assert right == pytest.approx(-wrong, abs=0.05)


def test_a_map_of_other_weights_is_another_and_of_the_same_the_same():
    torch.manual_seed(1)
    network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=96).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = torch.rand(3, 3, 96, 96)
    assert map_similarity(network, network, images, method="gradcam") == pytest.approx([1, 1, 1])
    other = randomised(network)
    assert max(map_similarity(network, other, images, method="gradcam")) < 0.99
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
