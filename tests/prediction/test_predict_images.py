import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

import corrosion
from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.explanation.overlay import write_image
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.tile_threshold import GivenThreshold
from corrosion.prediction.tiled import TileViewer
from corrosion.prediction.tiles import TileRule, Tiling


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64).eval()
    with torch.no_grad():
        made.head.logit.weight.mul_(100)
    return made


@pytest.fixture
def photograph(tmp_path):
    small = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path = tmp_path / "bolt.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    large = Image.fromarray(small).resize((700, 500), Image.Resampling.BICUBIC)
    large.save(path, exif=exif)
    return path


def test_images_in_memory_get_the_probability_of_their_file(network, photograph):
    [expected] = corrosion.predict(network, photograph)
    assert expected.path == str(photograph)
    content = photograph.read_bytes()
    memory = [content, io.BytesIO(content), Image.open(photograph)]
    for one in corrosion.predict(network, memory):
        assert one.path is None
        assert one.probability == expected.probability
        assert one.decision == expected.decision
    loaded = Image.open(photograph)
    loaded.load()  # in full, where the file is decoded at reduced scale
    [one] = corrosion.predict(network, loaded)
    assert one.probability == pytest.approx(expected.probability, abs=0.02)


def test_network_sized_arrays_get_the_probability_that_the_network_gives(network):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    expected = network.predict_proba(pixels).tolist()
    assert network.predict_proba(pixels.transpose(0, 3, 1, 2)).tolist() == expected
    tensor = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    for images in (pixels, list(pixels), tensor):
        found = [one.probability for one in corrosion.predict(network, images, batch_size=2)]
        assert found == pytest.approx(expected, abs=1e-6)


def test_bytes_that_are_no_image_have_an_error_like_files(network):
    bad, good = corrosion.predict(network, [b"nothing", Image.new("RGB", (9, 5))])
    assert (bad.probability, bad.error) == (None, "no image of a known kind")
    assert good.error is None


def test_explanations_cover_the_whole_photograph(network, photograph):
    network.thresholds = {"recall at least 0.98": 0.25}
    arrays = np.zeros((2, 30, 80, 3), dtype=np.uint8)
    found = corrosion.explain(network, [photograph, arrays, Image.new("L", (50, 40))])
    assert [one.map.shape for one in found] == [(700, 500), (30, 80), (30, 80), (40, 50)]
    assert [one.path for one in found] == [str(photograph), None, None, None]
    predictions = corrosion.predict(network, [photograph, arrays, Image.new("L", (50, 40))])
    for one, prediction in zip(found, predictions, strict=True):
        assert one.probability == pytest.approx(prediction.probability, abs=1e-6)
        assert one.decision == prediction.decision
    [low] = corrosion.explain(network, photograph, threshold="recall")
    assert low.threshold == 0.25


def test_the_package_shows_its_public_names():
    public = {"CorrosionError", "__version__", "explain", "load_model", "predict"}
    assert public <= set(dir(corrosion))
    assert "batch" in corrosion.explain.__doc__
    assert corrosion.predict.__module__ == "corrosion.prediction.predict_images"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = corrosion.nothing


def test_masks_are_those_of_the_network_and_empty_without_corrosion(network, photograph):
    image = read_image(photograph)
    found = corrosion.predict(network, [photograph, image], threshold=1e-6, masks=True)
    for one in found:
        assert (one.mask == corrosion.rust_mask(network, image)).all()
        assert one.rust.rusted_share == one.mask.mean()
        assert one.rust.rusted_share_low <= one.rust.rusted_share <= one.rust.rusted_share_high
        assert one.rust.surface == "whole photograph"
    [clean] = corrosion.predict(network, photograph, threshold=1 - 1e-6, masks=True)
    assert clean.decision == "no corrosion"
    assert clean.mask.shape == image.shape[:2]
    assert not clean.mask.any()
    [bad] = corrosion.predict(network, b"nothing", masks=True)
    assert (bad.mask, bad.rust, bad.error) == (None, None, "no image of a known kind")


def test_tiles_decide_as_those_of_the_command_do(network):
    image = np.random.default_rng(2).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    viewer = TileViewer(Tiling(40), TileRule(), GivenThreshold(0.5), Rule(0.5, None), masks=True)
    [whole] = corrosion.predict(network, image)
    [one, small] = corrosion.predict(
        network, [image, image[:30, :30]], threshold=0.5, tiles=True, tile_size=40, masks=True
    )
    assert one.tiles.whole_probability == pytest.approx(whole.probability, abs=1e-6)
    expected = viewer.look(network, image, whole_probability=one.tiles.whole_probability)
    assert one.tiles == expected.facts
    assert one.probability == expected.probability
    assert (one.decision == "corrosion detected") == expected.detected
    assert (one.mask == (False if expected.mask is None else expected.mask)).all()
    assert small.tiles is None


def test_the_threshold_of_tiles_is_chosen_on_photographs_that_are_given(network, tmp_path):
    generator = np.random.default_rng(3)
    for number in range(12):
        for name in ("corroded", "sound"):
            pixels = generator.integers(0, 256, (60, 90, 3), dtype=np.uint8)
            write_image(tmp_path / f"{name}/{number}.png", pixels)
    image = generator.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    [one] = corrosion.predict(network, image, tiles=True, tile_validation=tmp_path)
    assert one.tiles.tile_threshold_basis in ("photographs", "tiles", "beyond validation")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tiles": True}, "the network lies in no run's directory"),
        ({"tiles": True, "threshold": "recall"}, "recall"),
        ({"tiles": True, "threshold": 0.5, "tile_size": 16}, "tile_size=16"),
        ({"tile_size": 64}, "tiles"),
        ({"tiles": True, "threshold": 0.5, "tile_k": 5}, "tile_k"),
    ],
)
def test_tiles_that_mean_nothing_are_refused(network, options, message):
    with pytest.raises(CorrosionError, match=re.escape(message)):
        corrosion.predict(network, np.zeros((100, 150, 3), dtype=np.uint8), **options)
