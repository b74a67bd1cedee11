import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.explanation.cam import activation_maps
from corrosion.export.graph import InspectionGraph
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.logistic_head import LogisticFit, set_logistic
from corrosion.models.mask_network import MaskNetwork
from corrosion.models.training_distance import TrainingDistance
from corrosion.models.tta import VIEWS

BACKBONES = ("test_resnet.r160_in1k", "test_vit.r160_in1k", "test_efficientnet.r160_in1k")


def classifier(backbone=BACKBONES[0], **settings):
    return CorrosionClassifier(backbone, image_size=64, **settings).eval()


def pictures(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=generator)


def check_equal(network, images):
    found, known = InspectionGraph(network)(images), activation_maps(network, images)
    expected = {
        "probability": known.probability,
        "logit": known.logit,
        "map": known.scaled(),
        "map_scale": known.scale,
    }
    if known.distance is not None:
        expected["unlike_training"] = known.distance
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-5)


@settings(max_examples=25)
@given(
    st.sampled_from(BACKBONES),
    st.sampled_from(sorted(VIEWS)),
    st.floats(0.1, 10),
    st.integers(2, 24),
    st.sampled_from(["mean", "rms"]),
    st.booleans(),
    st.integers(0, 1000),
)
def test_the_closed_form_gives_what_pytorch_grad_cam_gives(
    backbone, tta, temperature, units, pooling, logistic, seed
):
    torch.manual_seed(seed)
    network = classifier(
        backbone, tta=tta, temperature=temperature, dense_units=units, pooling=pooling
    )
    if logistic:  # as a linear probe leaves the head
        weight = np.random.default_rng(seed).normal(size=network.backbone.num_features)
        set_logistic(network.head, LogisticFit(weight, 0.1, 1.0, 0.5))
    else:
        torch.nn.init.normal_(network.head.dense.bias)
    reference = torch.rand(5, network.backbone.num_features)
    told_by = "rms" if pooling == "mean" else "mean"
    network.training_distance = TrainingDistance(reference, limit=0.7, pooling=told_by)
    check_equal(network, pictures(3, seed))


def test_nothing_for_corrosion_gives_an_empty_map():
    network = classifier(dense_units=4)
    with torch.no_grad():
        network.head.dense.bias.fill_(-1e6)  # no hidden unit is active
    found = InspectionGraph(network)(pictures(2, 0))
    assert found["map"].abs().max() == 0
    assert found["map_scale"].abs().max() == 0


def test_the_mask_is_the_mean_of_the_image_and_its_mirror():
    network = classifier()
    network.mask_network = MaskNetwork(network.backbone, network.mean, network.std).eval()
    images = pictures(2, 1)
    found = InspectionGraph(network)(images)["mask"]
    with torch.inference_mode():
        masks = network.mask_network
        known = (masks(images).sigmoid() + masks(images.flip(3)).sigmoid().flip(2)) / 2
    torch.testing.assert_close(found, known, atol=1e-5, rtol=1e-5)


def test_the_network_stays_as_it_is():
    network = classifier().train()
    InspectionGraph(network)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.head.parameters())


@pytest.mark.parametrize("distance", [True, False])
def test_outputs_are_those_that_the_checkpoint_has(distance):
    network = classifier()
    if distance:
        network.training_distance = TrainingDistance(torch.rand(3, network.backbone.num_features))
    graph = InspectionGraph(network)
    assert tuple(graph(pictures(1, 0))) == graph.names
    assert ("unlike_training" in graph.names) == distance
