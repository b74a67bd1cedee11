import numpy as np
import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from corrosion.data.geometry import Grid
from corrosion.explanation.cell_grid import traced_grid
from corrosion.models.backbones import create_backbone, feature_map


def layers(*made):
    """Layers whose weights are all 1: what a cell sees weighs as often as it is seen."""
    for layer in made:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*made)


def symmetric():
    return layers(*(nn.Conv2d(1, 1, 3, stride=2, padding=1) for _ in range(3)))


def tensorflow():
    return layers(Conv2dSame(1, 1, 3, stride=2), Conv2dSame(1, 1, 5, stride=2))


def patches():
    return layers(nn.Conv2d(1, 1, 4, stride=4), nn.Conv2d(1, 1, 2, stride=2))


def unpadded():
    return layers(nn.Conv2d(1, 1, 3, stride=2), nn.AvgPool2d(3, stride=2, padding=1))


def dilated():
    return layers(nn.Conv2d(1, 1, 3, stride=2, padding=1, dilation=2))


def traced(network, size):
    with traced_grid(network) as trace:
        features = network(torch.ones(1, 1, *size))
    return trace.grids(size, features.shape[2:])


@pytest.mark.parametrize("size", [(96, 96), (96, 128), (97, 113), (101, 94)])
@pytest.mark.parametrize("build", [symmetric, tensorflow, patches, unpadded, dilated])
def test_a_cell_lies_in_the_middle_of_what_it_sees(build, size):
    network = build()
    image = torch.ones(1, 1, *size, requires_grad=True)
    features = network(image)
    row, column = (side // 2 for side in features.shape[2:])
    features[0, 0, row, column].backward()
    seen = image.grad[0, 0]  # nothing of it is cut off, far from the edges
    middle = [
        float((seen.sum(dim=1 - axis) * (torch.arange(size[axis]) + 0.5)).sum() / seen.sum())
        for axis in (0, 1)
    ]
    rows, columns = traced(network, size)
    assert rows.start + row * rows.step == pytest.approx(middle[0], abs=1e-3)
    assert columns.start + column * columns.step == pytest.approx(middle[1], abs=1e-3)


def test_a_network_that_pads_outside_of_its_layers_is_divided_evenly():
    network = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(1, 1, 3, stride=2))
    assert traced(network, (8, 6)) == (Grid.even(8, 4), Grid.even(6, 3))


@pytest.mark.parametrize(
    ("backbone", "start"),
    [
        ("test_resnet.r160_in1k", 7.5),  # its shortcuts pool evenly, its convolutions pad: the mean
        ("test_vit.r160_in1k", 8.0),  # whole patches of 16
    ],
)
def test_grids_of_backbones(backbone, start):
    network = create_backbone(backbone, image_size=64).eval()
    with torch.no_grad(), traced_grid(network) as trace:
        features = feature_map(network, network.forward_features(torch.zeros(1, 3, 64, 64)))
    for grid in trace.grids((64, 64), features.shape[2:]):
        assert grid == Grid(start, 64 / features.shape[2])


def test_watching_ends_with_the_block():
    network = symmetric()
    with traced_grid(network) as trace:
        pass
    network(torch.ones(1, 1, 16, 16))
    assert not trace.rows


def test_even_grids_interpolate_as_torch_does():
    line = np.random.default_rng(0).random(5, dtype=np.float32)
    weights = Grid.even(40, 5).weights(np.arange(40) + 0.5, 5)
    expected = nn.functional.interpolate(torch.from_numpy(line)[None, None], 40, mode="linear")
    np.testing.assert_allclose(weights @ line, expected[0, 0].numpy(), atol=1e-6)
