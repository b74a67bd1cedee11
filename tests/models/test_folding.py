"""Batch normalisation folded into convolutions: the same features, and nothing folded wrongly."""

import copy
from functools import partial

import pytest
import torch
from timm.layers import Conv2dSame, StdConv2d
from torch import nn

from corrosion.models.backbones import create_backbone
from corrosion.models.folding import folded
from corrosion.models.nasnet import NASNet


def trained(backbone):
    """Statistics and weights that do something, as after a training."""
    torch.manual_seed(0)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    return backbone.eval()


def normalisations(backbone):
    return sum(isinstance(one, nn.BatchNorm2d) for one in backbone.modules())


@torch.inference_mode()
def assert_equal_features(backbone, size=64):
    images = torch.rand(2, 3, size, size)
    wanted = backbone.eval().forward_features(images)
    found = folded(backbone).forward_features(images)
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


@pytest.mark.parametrize(
    ("backbone", "left"),
    [
        (partial(create_backbone, "test_resnet.r160_in1k", image_size=64), 0),
        (partial(create_backbone, "test_efficientnet.r160_in1k", image_size=64), 0),
        (partial(create_backbone, "tf_efficientnet_lite0", image_size=64), 0),  # pads by its input
        (partial(NASNet, num_features=96, num_cells=1), 4),  # these follow a concatenation
        (partial(create_backbone, "test_vit.r160_in1k", image_size=64), 0),  # has none
    ],
    ids=["resnet", "efficientnet", "lite0", "nasnet", "vit"],
)
def test_features_are_the_same_up_to_rounding(backbone, left):
    backbone = trained(backbone())
    assert_equal_features(backbone)
    assert normalisations(folded(backbone)) == left


def test_the_network_itself_stays_as_it_is():
    backbone = create_backbone("test_resnet.r160_in1k", image_size=32).train()
    before = copy.deepcopy(backbone.state_dict())
    copied = folded(backbone)
    assert backbone.training
    assert not copied.training
    assert normalisations(backbone) == 15
    torch.testing.assert_close(backbone.state_dict(), before, rtol=0, atol=0)


class Odd(nn.Module):
    """Two convolutions, of which what is done with them is another matter each."""

    def __init__(self, kind, convolution=nn.Conv2d, **options):
        super().__init__()
        self.kind = kind
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = convolution(4, 4, 3, padding=1), nn.BatchNorm2d(4, **options)

    def forward_features(self, images):
        x = self.bn1(self.conv1(images))
        y = self.conv2(x)
        if self.kind == "also added":
            return y + self.bn2(y)
        if self.kind == "convolution twice":
            return self.bn2(self.conv2(y))
        if self.kind == "normalisation twice":
            return self.bn2(self.bn2(y))
        if self.kind == "depends on values":
            return self.bn2(y) if y.mean() > 0 else self.bn2(-y)
        return self.bn2(y)


class Named(nn.BatchNorm2d):
    """A normalisation of one's own, which does something else."""

    def forward(self, x):
        return super().forward(x).abs()


@pytest.mark.parametrize(
    ("backbone", "left"),
    [
        (Odd("plain"), 0),
        (Odd("plain", Conv2dSame), 0),
        (Odd("also added"), 1),
        (Odd("convolution twice"), 1),
        (Odd("normalisation twice"), 1),
        (Odd("depends on values"), 2),
        (Odd("its weights change on the way", StdConv2d), 1),
        (Odd("no statistics", track_running_stats=False), 1),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_only_what_is_one_linear_map_is_folded(backbone, left):
    backbone = trained(backbone)
    assert_equal_features(backbone, size=16)
    assert normalisations(folded(backbone)) == left


def test_a_normalisation_of_ones_own_stays():
    backbone = Odd("own")
    backbone.bn2 = Named(4)
    assert_equal_features(trained(backbone), size=16)


def test_half_precision_stays():
    backbone = trained(Odd("half")).to(torch.bfloat16)
    assert normalisations(folded(backbone)) == 2
