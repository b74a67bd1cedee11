import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.head import ClassifierHead

TINY = "test_resnet.r160_in1k"


def tiny(backbone=TINY, **kwargs):
    torch.manual_seed(0)
    return CorrosionClassifier(backbone, dense_units=8, image_size=64, **kwargs)


def pixels(count=2, side=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    "backbone",
    [TINY, "test_efficientnet", "test_convnext", "test_vit", "swin_tiny_patch4_window7_224"],
)
def test_any_timm_network_gives_a_feature_map_and_one_logit_an_image(backbone):
    size = 160 if backbone == "test_vit" else 64
    network = CorrosionClassifier(backbone, dense_units=8, image_size=size).eval()
    images = pixels(side=size)
    features = network.forward_features(images)
    assert features.ndim == 4
    assert features.shape[:2] == (2, network.backbone.num_features)
    assert network(images).shape == (2,)
    torch.testing.assert_close(network.forward_head(features), network(images))


def test_bytes_and_floats_of_the_same_image_give_the_same_logits():
    network = tiny().eval()
    images = pixels()
    torch.testing.assert_close(network(images), network(images.float() / 255))


def test_normalisation_uses_the_backbones_own_statistics():
    network = tiny()
    grey = torch.full((1, 3, 64, 64), 0.5)
    cfg = network.backbone.pretrained_cfg
    expected = [(0.5 - mean) / std for mean, std in zip(cfg["mean"], cfg["std"], strict=True)]
    assert network.normalise(grey)[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_integer_images_other_than_bytes_are_refused():
    with pytest.raises(TypeError, match="uint8 or float"):
        tiny()(torch.zeros(1, 3, 64, 64, dtype=torch.int64))


def test_probabilities_are_the_sigmoid_of_the_logits():
    network = tiny().eval()
    images = pixels()
    torch.testing.assert_close(network.predict_proba(images), network(images).sigmoid())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.full((1, 3, 32, 32), 200.0), "divide by 255"),
        (torch.full((1, 3, 32, 32), -2.0), "divide by 255"),
        (torch.zeros(1, 32, 32, 3), "give \\(N, 3, H, W\\)"),
    ],
)
def test_probabilities_of_what_are_no_images_are_refused(images, message):
    with pytest.raises(CorrosionError, match=message):
        tiny().eval().predict_proba(images)


def test_spatial_dropout_drops_whole_channels():
    head = ClassifierHead(64, dense_units=4, spatial_dropout=0.5, dropout=0.0)
    dropped = head.train().spatial_dropout(torch.ones(2, 64, 5, 5))
    per_channel = dropped.flatten(2)
    assert torch.equal(per_channel.amin(2), per_channel.amax(2))
    assert 0 < (per_channel[..., 0] == 0).sum() < 128


@pytest.mark.parametrize("pooling", ["mean", "rms"])
def test_pooled_features_give_the_logits_of_their_images(pooling):
    network, images = tiny(pooling=pooling).eval(), pixels()
    pooled = network.pool(network.forward_features(images))
    torch.testing.assert_close(network.forward_pooled(pooled), network(images))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 32), st.integers(1, 64), st.integers(1, 4))
def test_head_has_the_parameters_of_two_dense_layers(channels, units, count):
    head = ClassifierHead(channels, dense_units=units, spatial_dropout=0.2, dropout=0.3)
    size = sum(parameter.numel() for parameter in head.parameters())
    assert size == units * (channels + 1) + units + 1
    assert head(torch.rand(count, channels, 3, 3)).shape == (count,)


@pytest.mark.parametrize(
    ("unfreeze", "learning"), [("all", 1.0), ("none", 0.0), (0, 0.0), (1, 0.4)]
)
def test_unfreeze_chooses_the_last_stages(unfreeze, learning):
    network = tiny()
    network.set_trainable(unfreeze)
    flags = [parameter.requires_grad for parameter in network.backbone.parameters()]
    if learning in (0.0, 1.0):
        assert flags == [bool(learning)] * len(flags)
    else:
        assert not flags[0]
        assert flags[-1]
        assert flags == sorted(flags)
    assert all(parameter.requires_grad for parameter in network.head.parameters())


@pytest.mark.parametrize("unfreeze", ["some", -1, 99, 1.5, True])
def test_impossible_unfreeze_is_an_error_that_names_the_key(unfreeze):
    with pytest.raises(CorrosionError, match=r"unfreeze"):
        tiny().set_trainable(unfreeze)


def test_frozen_batch_norm_keeps_its_statistics_and_mode_while_the_rest_learns():
    network = tiny()
    network.set_trainable(1)
    frozen, learning = {}, {}
    for name, module in network.backbone.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            (learning if module.weight.requires_grad else frozen)[name] = (
                module.running_mean.clone()
            )
    assert frozen
    assert learning
    network.train()
    network(pixels(4)).sum().backward()
    modules = dict(network.backbone.named_modules())
    assert all(torch.equal(modules[name].running_mean, mean) for name, mean in frozen.items())
    assert all(not modules[name].training for name in frozen)
    assert all(not torch.equal(modules[name].running_mean, mean) for name, mean in learning.items())


def test_all_batch_norm_keeps_its_statistics_if_asked_to_while_everything_learns():
    network = tiny()
    network.set_trainable("all", freeze_batch_norm=True)
    before = {name: one.clone() for name, one in network.backbone.named_buffers()}
    network.train()
    network(pixels(4)).sum().backward()
    assert all(torch.equal(one, before[name]) for name, one in network.backbone.named_buffers())
    assert all(parameter.grad is not None for parameter in network.backbone.parameters())


def test_batch_norm_learns_again_after_unfreezing():
    network = tiny()
    network.set_trainable("none")
    network.train().set_trainable("all")
    norms = [module for module in network.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(module.training for module in norms)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"dropout": 1.0}, "dropout"),
        ({"spatial_dropout": -0.1}, "spatial_dropout"),
        ({"threshold": 1.0}, "threshold"),
    ],
)
def test_values_out_of_range_are_errors_that_name_the_key(arguments, key):
    with pytest.raises(CorrosionError, match=key):
        tiny(**arguments)


def test_an_unknown_backbone_is_an_error_with_similar_names():
    with pytest.raises(CorrosionError, match="resnet50"):
        CorrosionClassifier("resnet5")


@pytest.mark.parametrize(("tta", "same"), [("hflip", 1), ("dihedral", 3)])
def test_with_test_time_augmentation_the_views_of_an_image_get_one_probability(tta, same):
    network = tiny(tta=tta).eval()
    images = pixels(count=1)
    shown = [images.flip(-1), images.flip(-2), images.rot90(1, (-2, -1))]
    with torch.no_grad():
        probability = network.predict_proba(images)
        for one in shown[:same]:
            torch.testing.assert_close(network.predict_proba(one), probability)
        assert not torch.allclose(network(images), network(shown[0]))


def test_an_unknown_set_of_views_is_refused():
    with pytest.raises(CorrosionError, match=r"tta=flip: give none, hflip"):
        tiny(tta="flip")
