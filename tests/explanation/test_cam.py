import copy

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.image import scale_cam_image

from corrosion.errors import CorrosionError
from corrosion.explanation.cam import METHODS, ActivationMaps, activation_maps
from corrosion.models.backbones import STUDY_BACKBONES
from corrosion.models.classifier import CorrosionClassifier

TINY = "test_resnet.r160_in1k"


def tiny(backbone=TINY, size=64, **kwargs):
    torch.manual_seed(0)
    network = CorrosionClassifier(backbone, dense_units=8, image_size=size, **kwargs).eval()
    with torch.no_grad():  # the library adds 1e-7 here and there
        network.head.logit.weight.mul_(100)
    return network


def pixels(count=3, side=96, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, side, side, generator=generator)


def maps_of(raw):
    count = len(raw)
    half, names, kinds = torch.full((count,), 0.5), ["corrosion"] * count, [None] * count
    return ActivationMaps(torch.zeros(count), half, torch.ones(count), raw, names, kinds)


class OnNormalised(torch.nn.Module):
    """A network as the library's README has it: its input is normalised before."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network.head(self.network.backbone.forward_features(images))


def as_the_library_scales(raw, images):
    """What pytorch-grad-cam does to a raw map: cut, scale, enlarge, scale again."""
    return scale_cam_image(scale_cam_image(raw.relu().numpy(), images.shape[:1:-1]))


@pytest.mark.parametrize("target", ["corrosion", "no_corrosion"])
@pytest.mark.parametrize("method", METHODS)
def test_maps_are_those_of_the_library_on_the_full_graph(method, target):
    network, images = tiny(), pixels(side=64 if method == "scorecam" else 96)
    sign = 1 if target == "corrosion" else -1
    with torch.no_grad():  # Ablation-CAM turns the maps of negative scores upside down
        network.head.logit.bias += sign * (network(images).abs().max() + 1)
    layer = network.backbone.layer4
    with getattr(pytorch_grad_cam, METHODS[method])(OnNormalised(network), [layer]) as cam:
        expected = cam(network.normalise(images), [lambda score: sign * score] * len(images))
    found = activation_maps(network, images, method=method, target=target)
    np.testing.assert_allclose(as_the_library_scales(found.raw, images), expected, atol=1e-4)
    for ours, raw, theirs in zip(found.scaled(images.shape[2:]), found.raw, expected, strict=True):
        if raw.max() == raw.abs().max() and raw.min() <= 0:
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_scaled_maps_are_the_librarys_where_the_evidence_is_for_the_target():
    raw = torch.tensor([[[-1.0, 0.5], [3.0, 1.0]], [[0.0, 2.0], [1.0, 0.1]]])
    maps = maps_of(raw)
    images = torch.zeros(2, 3, 20, 30)
    np.testing.assert_allclose(maps.scaled((20, 30)), as_the_library_scales(raw, images), atol=1e-5)


def test_grad_cam_adds_up_to_the_logit_but_for_the_biases():
    network = tiny()
    with torch.no_grad():
        network.head.dense.bias.zero_()
        network.head.logit.bias.zero_()
    maps = activation_maps(network, pixels())
    torch.testing.assert_close(maps.raw.sum(dim=(1, 2)), maps.logit)


def test_evidence_against_corrosion_is_the_opposite_of_evidence_for_it():
    network, images = tiny(), pixels()
    against = activation_maps(network, images, target="no_corrosion")
    torch.testing.assert_close(against.raw, -activation_maps(network, images).raw)
    assert against.sign.tolist() == [-1, -1, -1]
    assert torch.equal(against.raw, activation_maps(network, images, target="none").raw)


def test_the_predicted_class_follows_the_networks_threshold():
    network, images = tiny(), pixels(8)
    network.temperature = 3.0
    probability = network.predict_proba(images)
    network.threshold = probability.median().item() + 1e-6
    signs = activation_maps(network, images, target="predicted").sign
    assert torch.equal(signs > 0, probability >= network.threshold)
    assert set(signs.tolist()) == {-1, 1}


def test_one_image_gets_the_same_map_as_in_a_batch():
    network, images = tiny(), pixels()
    batch = activation_maps(network, images).raw
    alone = torch.cat([activation_maps(network, image[None]).raw for image in images])
    torch.testing.assert_close(batch, alone, rtol=1e-4, atol=1e-6)


def test_bytes_and_floats_of_the_same_image_get_the_same_map():
    network = tiny()
    images = (pixels() * 255).to(torch.uint8)
    for method in ("gradcam", "scorecam"):
        torch.testing.assert_close(
            activation_maps(network, images, method=method).raw,
            activation_maps(network, images.float() / 255, method=method).raw,
        )


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam"])
def test_a_network_in_training_with_frozen_layers_is_left_as_it_was(method):
    network = tiny()
    expected = activation_maps(network, pixels(), method=method).raw
    network.train().set_trainable(1)
    network(pixels()).sum().backward()
    modes = {name: module.training for name, module in network.named_modules()}
    assert set(modes.values()) == {True, False}
    gradients = {name: copy.copy(value.grad) for name, value in network.named_parameters()}
    state = copy.deepcopy(network.state_dict())
    network.eval()
    expected = activation_maps(network, pixels(), method=method).raw
    for name, module in network.named_modules():
        module.training = modes[name]

    found = activation_maps(network, pixels(), method=method).raw

    assert torch.equal(found, expected)
    assert {name: module.training for name, module in network.named_modules()} == modes
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    for name, value in network.named_parameters():
        assert (value.grad is None) == (gradients[name] is None)
        assert value.grad is None or torch.equal(value.grad, gradients[name])
    assert not any(module._forward_hooks for module in network.modules())


def test_a_wholly_frozen_network_has_the_same_maps():
    network = tiny()
    expected = activation_maps(network, pixels()).raw
    assert torch.equal(activation_maps(network.requires_grad_(False), pixels()).raw, expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", ["no_grad", "inference"])
def test_maps_need_no_gradients_around_them(mode, method):
    expected = activation_maps(tiny(), pixels(1), method=method).raw
    with torch.no_grad() if mode == "no_grad" else torch.inference_mode():
        found = activation_maps(tiny(), pixels(1), method=method).raw
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("method", METHODS)
def test_autocast_changes_no_map_and_half_precision_gives_finite_float32_maps_like_it(method):
    images = pixels(1)
    expected = activation_maps(tiny(), images, method=method)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = activation_maps(tiny(), images, method=method)
    half = activation_maps(tiny().half(), images.half(), method=method)
    for found, tolerance in ((cast, 1e-6), (half, 0.02)):
        assert found.raw.dtype == found.logit.dtype == torch.float32
        assert found.raw.isfinite().all()
        torch.testing.assert_close(found.logit, expected.logit, atol=tolerance, rtol=0)
        if method == "gradcam":
            torch.testing.assert_close(found.scaled(), expected.scaled(), atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        *((name, 64) for name in STUDY_BACKBONES),
        ("efficientnet_lite0", 64),
        ("test_convnext", 64),
        ("test_efficientnet", 64),
        ("test_vit", 160),
        ("swin_tiny_patch4_window7_224", 64),
    ],
)
def test_any_timm_network_has_maps(backbone, size):
    network = tiny(backbone, size)
    maps = activation_maps(network, pixels(2, size))
    assert maps.raw.shape == (2, *network.forward_features(pixels(1, size)).shape[2:])
    assert maps.raw.isfinite().all()
    assert (maps.scale > 0).all()


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("test_convnext", 128),
        ("test_mambaout", 128),  # channels last
        ("test_vit", 64),  # a class token before the patches
        ("deit_tiny_distilled_patch16_224", 64),  # two tokens
        ("vit_small_patch14_reg4_dinov2", 56),  # a class and four register tokens
    ],
)
def test_maps_are_high_where_the_evidence_is(backbone, size):
    network = tiny(backbone, size)
    images = torch.full((3, 3, size, size), 0.5)  # the last one stays blank
    quarter = size // 4
    [evidence] = pixels(1, quarter)
    images[0, :, :quarter, -quarter:] = evidence
    images[1, :, -quarter:, :quarter] = evidence
    with torch.no_grad():
        pooled = network.forward_features(images).mean(dim=(2, 3))
        # the logit is what the pooled features have of the evidence: it knows what, not where
        network.head.dense.weight.zero_()
        network.head.dense.weight[0] = pooled[0] - pooled[2]
        network.head.dense.bias.fill_(100.0)  # the dense layer's ReLU lets all pass
        network.head.logit.weight.fill_(1.0)
    for method in ("gradcam", "hirescam", "layercam"):
        raw = activation_maps(network, images, method=method).raw
        height, width = raw.shape[1:]
        rows, columns = height // 2, width // 2
        first, second = (raw[:2] - raw[2]).flatten(1).argmax(dim=1).tolist()
        assert first // width < rows, method
        assert first % width >= columns, method
        assert second // width >= rows, method
        assert second % width < columns, method


@pytest.mark.parametrize("method", ["gradcam", "eigencam", "fem"])
def test_tokens_of_a_transformer_in_half_precision_give_finite_maps(method):
    network, images = tiny("test_vit", 64), pixels(2, 64)
    expected = activation_maps(network, images, method=method)
    found = activation_maps(network.half().train(), images.half(), method=method)
    assert found.raw.isfinite().all()
    assert found.raw.shape == (2, 4, 4)
    torch.testing.assert_close(found.logit, expected.logit, atol=0.02, rtol=0.01)


def test_a_map_without_evidence_for_the_target_is_empty_and_stays_dark():
    raw = torch.tensor([[[-1.0, 0.04]], [[-1.0, 0.5]], [[0.5, 1.0]], [[0.0, 0.0]], [[0.3, 0.3]]])
    maps = maps_of(raw)
    assert maps.empty.tolist() == [True, False, False, True, False]
    expected = torch.tensor([[[0, 0.04]], [[0, 0.5]], [[0.5, 1]], [[0, 0]], [[1, 1.0]]])
    torch.testing.assert_close(maps.scaled(), expected)


def test_unknown_methods_and_targets_are_errors_that_list_the_known_ones():
    with pytest.raises(CorrosionError, match=r"method=gradcam2: choose gradcam, .*scorecam"):
        activation_maps(tiny(), pixels(), method="gradcam2")
    with pytest.raises(CorrosionError, match=r"target=rust: choose no_corrosion, corrosion"):
        activation_maps(tiny(), pixels(), target="rust")


@pytest.mark.parametrize("method", ["gradcam", "scorecam"])
def test_with_test_time_augmentation_maps_are_means_over_the_views(method):
    plain, averaged = tiny(), tiny(tta="hflip")
    images = pixels(count=2, side=64)
    found = activation_maps(averaged, images, method=method)
    upright = activation_maps(plain, images, method=method)
    mirrored = activation_maps(plain, images.flip(-1), method=method)
    torch.testing.assert_close(found.raw, (upright.raw + mirrored.raw.flip(-1)) / 2)
    torch.testing.assert_close(found.logit, (upright.logit + mirrored.logit) / 2)
    with torch.no_grad():
        torch.testing.assert_close(found.probability, averaged.predict_proba(images))


def test_with_test_time_augmentation_every_view_is_evidence_for_the_same_class():
    network = tiny(tta="dihedral")
    images = pixels(count=1, side=64)
    with torch.no_grad():
        network.head.logit.bias -= network.predict_logits(images)  # the views disagree on the sign
    found = activation_maps(network, images, target="predicted")
    chosen = "corrosion" if found.sign.item() > 0 else "no_corrosion"
    torch.testing.assert_close(found.raw, activation_maps(network, images, target=chosen).raw)
