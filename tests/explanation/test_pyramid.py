import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import corrosion
from corrosion.errors import CorrosionError
from corrosion.explanation.pyramid import MAP_SIDE, Pyramid, fine_map
from corrosion.explanation.pyramid_levels import MAX_SIDE, Level, pyramid_levels
from corrosion.explanation.rust_mask import LEVELS, rust_evidence
from corrosion.models.classifier import CorrosionClassifier
from corrosion.settings.explanation import FINE_METHODS, MapScoreSettings


def tiny(backbone="test_resnet.r160_in1k", **kwargs):
    torch.manual_seed(0)
    kwargs = {"image_size": 64, "dense_units": 8} | kwargs
    network = CorrosionClassifier(backbone, **kwargs).eval()
    with torch.no_grad():
        network.head.logit.weight.mul_(100)
    return network


class Brightness(nn.Module):
    """A backbone whose cells are mean brightnesses."""

    num_features = 1

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        for layer in layers:
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())

    def forward_features(self, images):
        return self.layers(images)


def seeing(*layers, **kwargs):
    """A network whose logit rises with every cell of such a backbone, from 0 for black images."""
    network = tiny(**kwargs)
    network.backbone = Brightness(*layers)
    network.head.dense = nn.Linear(1, 1)
    network.head.logit = nn.Linear(1, 1)
    for layer in (network.head.dense, network.head.logit):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    network.mean.zero_()
    network.std.fill_(1)
    return network


def patches(**kwargs):
    return seeing(nn.Conv2d(3, 1, 32, stride=32, bias=False), **kwargs)


def strided(**kwargs):
    """Five layers of stride 2 that pad both sides: cells around pixels 0, 32, 64 ..."""
    sides = [3, 1, 1, 1, 1]
    return seeing(
        *(nn.Conv2d(side, 1, 3, stride=2, padding=1, bias=False) for side in sides), **kwargs
    )


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("resize", ["pad", "reflect", "crop", "stretch"])
@pytest.mark.parametrize("shape", [(360, 480), (480, 360), (480, 480)])
def test_a_hot_cell_lies_over_its_pixels_at_every_level(shape, resize):
    network = patches(resize=resize)
    levels = pyramid_levels(network, *shape)
    assert len(levels) == 4
    for level in levels:
        rows, columns = level.height // 32, level.width // 32
        for row, column in {(0, 0), (rows - 1, 0), (rows // 2, columns - 1)}:
            image = np.zeros((*shape, 3), dtype=np.uint8)
            top, left = row * shape[0] // rows, column * shape[1] // columns
            image[top : top + shape[0] // rows, left : left + shape[1] // columns] = 255
            cells = torch.zeros(1, 1, rows, columns)
            cells[0, 0, row, column] = 1
            expected = F.interpolate(cells, shape, mode="bilinear", align_corners=False)
            found = Pyramid(network, image).level_map(level, shape)
            # scaling blurs the edge of the cell by up to a pixel of 32
            np.testing.assert_allclose(found, expected[0, 0].numpy(), atol=0.04)


@pytest.mark.parametrize(("height", "width"), [(128, 192), (192, 128)])
def test_the_shift_of_a_padded_grid_is_undone(height, width):
    network = strided(image_size=192)
    level = pyramid_levels(network, height, width)[0]
    assert (level.height, level.width) == (height, width)
    for row, column in ((32, 64), (64, 96), (96, 32)):  # where cells are
        image = np.zeros((height, width, 3), dtype=np.uint8)
        image[row - 1 : row + 2, column - 1 : column + 2] = 255
        found = Pyramid(network, image).level_map(level, (height, width))
        peak = np.unravel_index(found.argmax(), found.shape)
        np.testing.assert_allclose(peak, (row, column), atol=1)  # an even grid: 15 off


def test_levels_have_the_scale_of_the_training_first_and_are_bounded():
    padded, cropped = tiny(image_size=224), tiny(image_size=224, resize="crop")
    sizes = [(level.height, level.width) for level in pyramid_levels(padded, 240, 400)]
    assert sizes == [(128, 224), (192, 320), (256, 448), (384, 640)]
    assert pyramid_levels(cropped, 400, 300)[0].height == 288  # 224 wide, 299 high
    for network in (padded, cropped, tiny("test_vit.r160_in1k")):
        for shape in ((3000, 4000), (50, 9000), (1, 1)):
            levels = pyramid_levels(network, *shape)
            assert max(max(level.height, level.width) for level in levels) <= MAX_SIDE
            assert len({(level.height, level.width) for level in levels}) == len(levels)


def test_a_network_of_one_size_sees_everything_in_views_that_overlap():
    network = tiny("test_vit.r160_in1k")
    levels = pyramid_levels(network, 300, 400)
    assert [(level.height, level.width) for level in levels] == [(64, 85), (92, 122), (128, 171)]
    for level in levels:
        seen = np.zeros((level.height, level.width), dtype=int)
        for view in level.views:
            assert (view.height, view.width) == (64, 64)
            view.cut(seen)[:] += 1
        assert seen.min() == 1
        columns = sorted({view.left for view in level.views})
        assert max(np.diff(columns)) <= 32
    assert fine_map(network, noise(30, 40)).shape == (30, 40)


def test_views_that_overlap_are_laid_where_they_were_cut():
    network = patches()
    image = np.zeros((96, 128, 3), dtype=np.uint8)
    image[32:64, 64:96] = 255
    [whole] = [level for level in pyramid_levels(network, 96, 128) if level.height == 96]
    windows = tuple(
        type(whole.views[0])(top, left, 64, 64) for top in (0, 32) for left in (0, 32, 64)
    )
    cut = Pyramid(network, image).level_map(Level(96, 128, windows), (96, 128))
    assert np.unravel_index(cut.argmax(), cut.shape)[0] in range(32, 64)
    assert cut[40:56, 72:88].min() > 0.5
    assert cut[:16].max() == cut[:, :48].max() == cut[80:].max() == 0


@pytest.mark.parametrize("method", FINE_METHODS)
def test_every_method_gives_a_map_of_the_photograph(method):
    found = fine_map(tiny(), noise(60, 90), method=method)
    assert found.shape == (60, 90)
    assert found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1


def test_a_mirrored_photograph_has_the_mirrored_map():
    image = noise(75, 110)
    found, mirrored = fine_map(tiny(), image), fine_map(tiny(), image[:, ::-1])
    np.testing.assert_allclose(mirrored[:, ::-1], found, atol=1e-3)


def test_maps_do_not_depend_on_test_time_augmentation():
    image = noise(48, 64)
    np.testing.assert_array_equal(
        fine_map(tiny(tta="dihedral"), image), fine_map(tiny(tta="none"), image)
    )


def test_maps_are_finer_than_plain_ones():
    network = patches()
    image = np.zeros((320, 320, 3), dtype=np.uint8)
    image[200:240, 40:80] = 255
    [plain] = corrosion.explain(network, image)
    [fine] = corrosion.explain(network, image, fine=True)
    inside = [one.map[200:240, 40:80].sum() / one.map.sum() for one in (plain, fine)]
    assert inside[1] > 1.4 * inside[0]
    assert (fine.logit, fine.probability, fine.empty) == (
        plain.logit, plain.probability, plain.empty
    )  # fmt: skip


def test_an_image_that_speaks_against_the_target_keeps_a_dark_map():
    network = patches()
    image = np.full((64, 64, 3), 255, dtype=np.uint8)
    assert fine_map(network, image, target="no_corrosion").max() == 0
    assert fine_map(network, image, target="corrosion").min() > 0.99


def test_large_photographs_have_maps_of_bounded_size_that_cover_all_of_them():
    network = patches()
    image = np.zeros((1500, 3000, 3), dtype=np.uint8)
    image[750:, 2000:] = 255
    assert fine_map(network, image).shape == (MAP_SIDE // 2, MAP_SIDE)
    [found] = corrosion.explain(network, image, fine=True)
    assert found.map.shape == (1500, 3000)
    assert found.map[900:, 2400:].min() > 0.75
    assert found.map[:300, :1200].max() < 0.1


def test_what_a_crop_leaves_out_is_explained_too():
    network = patches(resize="crop")
    image = np.zeros((64, 256, 3), dtype=np.uint8)
    image[:, :32] = 255
    image[:, 120:136] = 60  # the centre alone is what a prediction sees
    [plain] = corrosion.explain(network, image)
    [fine] = corrosion.explain(network, image, fine=True)
    assert plain.map[:, :32].max() == 0
    assert fine.map[:, :32].min() > 0.5


@pytest.mark.parametrize("method", ["scorecam", "eigencam", "eigengradcam", "kpcacam"])
def test_methods_without_fine_maps_are_refused_before_anything_is_read(method):
    with pytest.raises(CorrosionError, match=f"method={method} gives no fine maps: choose gradcam"):
        corrosion.explain(tiny(), ["missing.jpg"], method=method, fine=True)
    with pytest.raises(CorrosionError, match=f"map=fine can't be had with method={method}"):
        MapScoreSettings(map="fine", method=method)


def test_networks_that_fail_on_other_sizes_are_an_error_that_says_the_way_out():
    network = patches()
    network.backbone.layers.append(nn.Flatten())
    network.backbone.layers.append(nn.Unflatten(1, (4, 1, 1)))
    with pytest.raises(CorrosionError, match=r"fails on 32 x 64 pixels\. Take map=plain"):
        fine_map(network, noise(64, 96))


def test_a_level_that_two_maps_need_is_looked_at_once():
    network, image = tiny(), noise(80, 120)
    alone, seen = (fine_map(network, image), rust_evidence(network, image)), []
    network.backbone.conv1.register_forward_hook(lambda *_: seen.append(1))
    pyramid = Pyramid(network, image)
    fine, levels = pyramid.map(), len(seen)
    together = rust_evidence(network, image, pyramid)
    assert levels == 2 * len(pyramid_levels(network, 80, 120))
    assert len(seen) == levels + 1  # features of stride 16
    assert set(pyramid_levels(network, 80, 120, factors=LEVELS)) < set(
        pyramid_levels(network, 80, 120)
    )
    np.testing.assert_array_equal(fine, alone[0])
    np.testing.assert_array_equal(together.map, alone[1].map)
