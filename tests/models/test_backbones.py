import pytest
import timm
import torch
from torch import nn

from corrosion.errors import CorrosionError
from corrosion.models.backbones import (
    NAMED_BACKBONES,
    check_runs,
    create_backbone,
    stages,
    timm_name,
)
from corrosion.models.classifier import CorrosionClassifier


@pytest.mark.parametrize(
    ("backbone", "features"),
    [("resnet50", 2048), ("mobilenetv2", 1280), ("nasnetmobile", 1056), ("efficientnetv2b0", 1280)],
)
def test_the_studys_backbones_have_their_published_number_of_features(backbone, features):
    network = create_backbone(backbone, image_size=224)
    assert network.num_features == features
    assert not hasattr(network, "classifier") or network.num_classes == 0


@pytest.mark.parametrize("backbone", [*NAMED_BACKBONES, "test_resnet", "test_vit"])
def test_stages_hold_every_parameter_once_from_the_input_on(backbone):
    network = create_backbone(backbone, image_size=160)
    groups = stages(network)
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    assert len(groups) > 2


def test_a_timm_name_with_an_unknown_tag_is_an_error_that_lists_known_tags():
    with pytest.raises(CorrosionError, match="tag"):
        create_backbone("resnet18.no_such_tag", image_size=224)


def test_our_names_stand_for_timm_names():
    assert timm_name("mobilenetv2") == "mobilenetv2_100.ra_in1k"
    assert timm_name("efficientnet_lite0") == "tf_efficientnet_lite0.in1k"
    assert timm_name("convnext_tiny") == "convnext_tiny"


def test_timms_own_lite_network_is_had_by_its_tag():
    assert timm_name("efficientnet_lite0.ra_in1k") == "efficientnet_lite0.ra_in1k"


@pytest.mark.parametrize("backbone", ["efficientvit_b0", "inception_next_atto"])
def test_a_network_that_always_pools_is_a_backbone_without_layers_that_never_learn(backbone):
    network = create_backbone(backbone, image_size=64).eval()
    features = network.forward_features(torch.rand(1, 3, 64, 64))
    assert features.shape == (1, network.num_features, 2, 2)
    features.sum().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_lite0s_feature_map_and_last_stage_include_the_convolution_behind_its_blocks():
    network = create_backbone("efficientnet_lite0", image_size=224).eval()
    with torch.no_grad():
        features = network.forward_features(torch.rand(1, 3, 224, 224))
    assert features.shape == (1, 1280, 7, 7)
    assert features.min() == 0  # behind its ReLU6
    groups = stages(network)
    assert len(groups) == 8
    assert {"conv_head.weight", "bn2.weight", "bn2.bias"} < set(groups[-1])
    assert {name.split(".")[0] for group in groups[:-1] for name in group} == {
        "conv_stem",
        "bn1",
        "blocks",
    }


def test_of_a_network_without_groups_of_layers_the_whole_is_one_stage():
    network = create_backbone("pit_ti_224", image_size=64)
    assert stages(network) == [[name for name, _ in network.named_parameters()]]


@pytest.mark.parametrize(
    ("backbone", "size", "choice"),
    [
        ("test_vit", 100, "multiple of 16: image_size=96 or 112"),
        ("vit_tiny_patch16_dinov3_qkvb", 40, "multiple of 16: image_size=32 or 48"),
        ("test_maxvit", 100, "multiple of 32: image_size=96 or 128"),
        ("inception_v3", 64, "Try image_size=299"),
    ],
)
def test_an_image_size_that_a_network_does_not_take_is_an_error_with_a_way_out(
    backbone, size, choice
):
    with pytest.raises(CorrosionError, match=choice) as caught:
        check_runs(create_backbone(backbone, image_size=size), backbone, image_size=size)
    assert f"image_size={size}" in str(caught.value)


def test_a_network_without_a_feature_map_is_refused():
    network = create_backbone("crossvit_9_240", image_size=240)
    with pytest.raises(CorrosionError, match="crossvit_9_240.*feature map"):
        check_runs(network, "crossvit_9_240", image_size=240)


@pytest.mark.parametrize(
    ("backbone", "size"), [("test_resnet", 32), ("test_vit", 48), ("efficientvit_b0", 64)]
)
def test_what_runs_passes_and_stays_as_it_was(backbone, size):
    network = create_backbone(backbone, image_size=size)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    check_runs(network, backbone, image_size=size)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_a_network_registered_without_weights_is_a_backbone_with_imagenets_statistics():
    class Own(nn.Module):
        num_features = 8

        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 8, 3, 2, 1)

        def forward_features(self, images):
            return self.convolution(images)

    def own_backbone(pretrained=False, **options):
        return Own()

    own_backbone.__module__ = __name__
    timm.models.register_model(own_backbone)
    network = CorrosionClassifier("own_backbone", dense_units=4, image_size=32).eval()
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2,)
    torch.testing.assert_close(network.mean.flatten(), torch.tensor([0.485, 0.456, 0.406]))
