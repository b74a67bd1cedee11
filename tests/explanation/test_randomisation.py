import numpy as np
import pytest
import torch

from corrosion.explanation.cam import activation_maps
from corrosion.explanation.randomisation import complexity, map_similarity, randomised
from corrosion.models.classifier import CorrosionClassifier


@pytest.fixture
def network():
    torch.manual_seed(1)
    return CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=96).eval()


IMAGES = torch.rand(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))


def test_a_map_of_other_weights_is_another_and_of_the_same_the_same(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    same = map_similarity(network, [network], IMAGES, method="gradcam")
    assert [one[0] for one in same] == pytest.approx([1] * 4)
    assert [one[1] for one in same] == pytest.approx([0] * 4)
    others = [randomised(network, IMAGES, seed=seed) for seed in range(3)]
    likeness = [one[0] for one in map_similarity(network, others, IMAGES, method="gradcam")]
    assert max(likeness) < 0.99
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_head_with_the_opposite_sign_is_no_other_map(network):
    """Its rank correlation is -1, which a signed measure would take for the best."""
    opposite = randomised(network, IMAGES)
    opposite.load_state_dict(network.state_dict())
    with torch.no_grad():
        opposite.head.logit.weight.neg_()
    for likeness, rise in map_similarity(network, [opposite], IMAGES, method="gradcam"):
        assert likeness == pytest.approx(1, abs=0.01)
        assert rise == pytest.approx(0, abs=0.05)


def test_several_random_networks_are_averaged(network):
    others = [randomised(network, IMAGES, seed=seed) for seed in range(2)]
    each = [map_similarity(network, [one], IMAGES, method="gradcam") for one in others]
    both = map_similarity(network, others, IMAGES, method="gradcam")
    assert np.allclose(both, np.mean(each, axis=0))


def test_features_of_a_random_network_keep_their_size(network):
    """With the trained statistics, or none, they shrink from layer to layer."""
    other = randomised(network, IMAGES, seed=5)
    with torch.inference_mode():
        features = other.forward_features(IMAGES)
    assert 0.1 < float(features.std()) < 10
    assert not other.training
    assert not any(module.training for module in other.modules())
    raw = activation_maps(other, IMAGES, method="gradcam").raw
    assert float(raw.abs().amax()) > 1e-4


def test_the_seed_decides_and_the_generator_of_the_program_is_left_alone(network):
    state = torch.get_rng_state()
    first, again, another = (randomised(network, IMAGES, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    weights = [one.head.dense.weight for one in (first, again, another)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_disorder_is_more_complex_than_order():
    generator = np.random.default_rng(0)
    spot = np.zeros((32, 32))
    spot[8:12, 8:12] = 1
    assert complexity(np.ones((4, 4))) == 0
    assert complexity(spot) < complexity(generator.random((32, 32)))
