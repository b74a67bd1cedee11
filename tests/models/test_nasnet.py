import copy

import pytest
import timm
import torch
from timm.models._manipulate import group_parameters
from torch import nn

from corrosion.models.nasnet import NASNet

CHANNELS = [32, 44, 264, 528, 1056]
REDUCTIONS = [2, 4, 8, 16, 32]


def tiny(**kwargs: object) -> NASNet:
    """The same graph, a few channels wide."""
    torch.manual_seed(0)
    return NASNet(**{"num_classes": 3, "num_features": 96, "num_cells": 1, "stem_chs": 4} | kwargs)


@pytest.fixture(scope="module")
def mobile() -> nn.Module:
    return timm.create_model("nasnetmobile").eval()


def test_has_as_many_parameters_and_statistics_as_keras(mobile):
    counted = [value for key, value in mobile.state_dict().items() if "num_batches" not in key]
    assert sum(value.numel() for value in counted) == 5_326_716


def test_default_cfg_describes_keras_input(mobile):
    cfg = mobile.default_cfg
    assert cfg["input_size"] == (3, 224, 224)
    assert cfg["mean"] == cfg["std"] == (0.5, 0.5, 0.5)  # x / 127.5 - 1 of pixels in [0, 255]
    assert mobile.get_submodule(cfg["first_conv"]).in_channels == 3
    assert mobile.get_submodule(cfg["classifier"]) is mobile.get_classifier()
    assert mobile.num_features == mobile.head_hidden_size == 1056


@pytest.mark.parametrize(
    ("size", "last"), [((32, 32), (1, 1)), ((33, 50), (1, 2)), ((131, 96), (5, 3))]
)
def test_takes_odd_and_even_sizes(mobile, size, last):
    with torch.no_grad():
        features = mobile.forward_features(torch.rand(1, 3, *size))
    assert features.shape == (1, 1056, *last)
    assert features.min() >= 0


def test_head_is_timms():
    network = timm.create_model("nasnetmobile", num_classes=0, global_pool="", in_chans=1)
    features = network.eval()(torch.rand(1, 1, 64, 64))
    assert features.shape == (1, 1056, 2, 2)
    network.reset_classifier(5, "catavgmax")
    assert network.num_classes == 5
    assert network.forward_head(features).shape == (1, 5)
    assert network.forward_head(features, pre_logits=True).shape == (1, network.head_hidden_size)


def test_drop_rate_drops_pooled_features_in_training_only():
    network = tiny(drop_rate=0.5)
    features = torch.ones(1, 96, 2, 2)
    assert (network.train().forward_head(features, pre_logits=True) == 0).any()
    assert (network.eval().forward_head(features, pre_logits=True) == 1).all()


@pytest.mark.parametrize("kind", ["getter", "hook"])
def test_features_only_gives_maps_of_the_stated_channels_and_reductions(mobile, kind):
    out_indices = (1, 3, 4)
    network = timm.create_model(
        "nasnetmobile", features_only=True, out_indices=out_indices, feature_cls=kind
    ).eval()
    assert network.feature_info.channels() == [CHANNELS[index] for index in out_indices]
    assert network.feature_info.reduction() == [REDUCTIONS[index] for index in out_indices]
    maps = network(torch.rand(1, 3, 64, 64))
    assert [m.shape[1] for m in maps] == network.feature_info.channels()
    assert [64 // m.shape[2] for m in maps] == network.feature_info.reduction()


def test_features_only_leaves_out_stages_behind_the_last_map():
    whole, shortened = tiny().eval(), tiny().eval()
    assert shortened.prune_intermediate_layers([0, 2]) == [0, 2]
    assert len(list(shortened.parameters())) < len(list(whole.parameters()))
    images = torch.rand(2, 3, 64, 64)
    expected = whole.forward_intermediates(images, [0, 2], intermediates_only=True)
    for got, want in zip(
        shortened.forward_intermediates(images, [0, 2], intermediates_only=True),
        expected,
        strict=True,
    ):
        torch.testing.assert_close(got, want)
    assert shortened(images).shape[1] == shortened.num_features


def test_forward_intermediates_ends_in_forward_features():
    network, images = tiny().eval(), torch.rand(1, 3, 64, 64)
    last, maps = network.forward_intermediates(images)
    torch.testing.assert_close(last, network.forward_features(images))
    assert len(maps) == 5
    last, _ = network.forward_intermediates(images, [1], stop_early=True)
    torch.testing.assert_close(last, maps[1])


@pytest.mark.parametrize(("coarse", "groups"), [(True, 1 + 4 + 1), (False, 1 + 1 + 3 * 5 + 1)])
def test_parameter_groups_follow_the_network(mobile, coarse, groups):
    found = group_parameters(mobile, mobile.group_matcher(coarse=coarse))
    assert len(found) == groups
    assert found[0] == ["stem.0.conv.weight", "stem.0.bn.weight", "stem.0.bn.bias"]
    assert found[groups - 1] == ["classifier.weight", "classifier.bias"]


def test_gradient_checkpointing_leaves_gradients_as_they_are():
    plain, checkpointed = tiny(), tiny()
    checkpointed.set_grad_checkpointing()
    images = torch.rand(2, 3, 64, 64)
    for network in (plain, checkpointed):
        network.train()(images).square().sum().backward()
    for want, got in zip(plain.parameters(), checkpointed.parameters(), strict=True):
        torch.testing.assert_close(got.grad, want.grad)


def test_running_statistics_follow_the_data_within_a_few_dozen_steps():
    network, images = tiny().train(), torch.rand(16, 3, 32, 32) * 4 - 1
    with torch.no_grad():
        for _ in range(50):
            in_training = network.stem(images)
        in_evaluation = network.eval().stem(images)
    assert (in_evaluation - in_training).norm() < 0.02 * in_training.norm()


def test_channels_last_gives_the_same_logits():
    network, images = tiny().eval(), torch.rand(2, 3, 67, 64)
    want = network(images)
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(images.to(memory_format=torch.channels_last)), want)


def test_one_exported_graph_serves_odd_and_even_sizes():
    network = tiny().eval()
    sizes = {2: torch.export.Dim("height", min=67), 3: torch.export.Dim("width", min=67)}
    exported = torch.export.export(
        network, (torch.rand(1, 3, 96, 128),), dynamic_shapes=(sizes,)
    ).module()
    for size in ((67, 96), (131, 99)):
        images = torch.rand(1, 3, *size)
        torch.testing.assert_close(exported(images), network(images))


def test_odd_number_of_features_is_refused():
    with pytest.raises(ValueError, match="multiple of 96"):
        NASNet(num_features=1000)
