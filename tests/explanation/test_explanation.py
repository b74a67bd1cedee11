import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import corrosion
from corrosion.data.dataset import load_image
from corrosion.data.images import ImageError
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import activation_maps
from corrosion.explanation.explanation import Explanation, over_photograph
from corrosion.explanation.photographs import explain, explain_photographs
from corrosion.models.classifier import CorrosionClassifier

ORIENTATION = 0x0112


def tiny(**kwargs):
    torch.manual_seed(0)
    network = CorrosionClassifier(
        "test_resnet.r160_in1k", dense_units=8, image_size=64, **kwargs
    ).eval()
    with torch.no_grad():
        network.head.logit.weight.mul_(100)
    return network


def photograph(path, height, width, seed=0, **options):
    generator = np.random.default_rng(seed)
    small = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    small.resize((width, height), Image.Resampling.BICUBIC).save(path, **options)
    return path


def explanation(square, **kwargs):
    fields = {"logit": 0.0, "probability": 0.5, "target": "corrosion", "raw_scale": 1.0}
    return Explanation(**fields | {"empty": False} | kwargs, map=np.float32(square))


@pytest.mark.parametrize(
    ("network", "images", "message"),
    [
        ("best.ckpt", np.zeros((1, 64, 64, 3)), r'load_model\("best\.ckpt"\)'),
        (None, ["a.jpg"], r"There is no a\.jpg"),
        (None, [3], r"int is no image: give paths"),
    ],
)
def test_what_is_no_network_or_no_batch_is_an_error_that_names_the_call(network, images, message):
    with pytest.raises(CorrosionError, match=message):
        corrosion.explain(network or tiny(), images)


def test_explanations_are_plain_arrays_of_the_images_size():
    network = tiny()
    network.temperature = 2.5
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    found = corrosion.explain(network, images)
    assert len(found) == 3
    for one, probability in zip(found, network.predict_proba(images).tolist(), strict=True):
        assert one.map.shape == (64, 64)
        assert one.map.dtype == np.float32
        assert 0 <= one.map.min() <= one.map.max() <= 1
        assert one.probability == pytest.approx(probability)
        assert one.target == "corrosion"
        assert one.raw_scale > 0


def test_arrays_as_they_come_from_files_are_explained_too():
    network = tiny()
    arrays = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    expected = explain(network, torch.from_numpy(arrays).permute(0, 3, 1, 2))
    found = explain(network, arrays)
    assert [one.logit for one in found] == [one.logit for one in expected]
    np.testing.assert_array_equal(found[1].map, expected[1].map)


@pytest.mark.parametrize("shape", [(64, 64), (2, 64, 64), (2, 4, 64, 64), (2, 64, 64, 4)])
def test_images_of_another_shape_are_an_error_that_says_what_is_taken(shape):
    with pytest.raises(CorrosionError, match=r"\(N, 3, H, W\)"):
        explain(tiny(), np.zeros(shape, dtype=np.uint8))


def test_predicted_targets_name_the_class_of_each_map():
    network = tiny()
    images = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    network.threshold = network.predict_proba(images).median().item() + 1e-6
    for one in explain(network, images, target="predicted"):
        corroded = one.probability >= network.threshold
        assert one.target == ("corrosion" if corroded else "no_corrosion")


def test_features_that_overflow_are_an_error_that_says_so():
    network = tiny()
    with torch.no_grad():
        network.head.dense.weight.fill_(torch.inf)
    with pytest.raises(CorrosionError, match="bfloat16"):
        explain(network, torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("resize", ["pad", "reflect", "crop", "stretch"])
def test_photographs_are_explained_at_their_own_size_with_the_networks_probability(
    tmp_path, resize
):
    network = tiny(resize=resize)
    paths = [
        photograph(tmp_path / "wide.jpg", 90, 200),
        photograph(tmp_path / "tall.png", 130, 70, seed=1),
        photograph(tmp_path / "large.jpg", 400, 560, seed=2),
    ]
    found = list(explain_photographs(network, paths, batch_size=2))
    assert [one.path for one in found] == [str(path) for path in paths]
    assert [one.image.shape[:2] for one in found] == [(90, 200), (130, 70), (400, 560)]
    square = build_resize(64, resize)
    for one in found:
        assert one.explanation.map.shape == one.image.shape[:2]
        assert one.explanation.map.dtype == np.float32
        pixels = torch.from_numpy(load_image(one.path, square)).permute(2, 0, 1)[None]
        assert one.explanation.probability == pytest.approx(network.predict_proba(pixels).item())


def test_large_photographs_can_be_shown_smaller(tmp_path):
    [one] = explain_photographs(tiny(), [photograph(tmp_path / "a.jpg", 600, 800)], max_side=200)
    assert one.image.shape == (150, 200, 3)
    assert one.explanation.map.shape == (150, 200)


def test_the_map_follows_the_photograph_that_exif_turns(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise
    turned = photograph(tmp_path / "turned.png", 80, 160, exif=exif)
    pixels = np.asarray(Image.open(turned))
    upright = tmp_path / "upright.png"
    Image.fromarray(np.rot90(pixels, -1)).save(upright)
    found, expected = explain_photographs(tiny(), [turned, upright])
    assert found.image.shape == (160, 80, 3)
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.explanation.map, expected.explanation.map)


def test_a_photograph_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "no.jpg").write_text("nothing")
    with pytest.raises(ImageError, match=r"no\.jpg"):
        list(explain_photographs(tiny(), [tmp_path / "no.jpg"]))


def test_over_a_square_photograph_the_map_is_the_interpolated_one():
    network = tiny()
    images = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    maps = activation_maps(network, images)
    small = explanation(maps.scaled()[0])
    expected = torch.nn.functional.interpolate(maps.scaled()[:, None], (300, 300), mode="bilinear")
    large = over_photograph(small, build_resize(128), 300, 300)
    np.testing.assert_allclose(large.map, expected[0, 0], atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["pad", "reflect", "crop", "stretch"]),
    st.integers(20, 300),
    st.integers(20, 300),
    st.floats(0.1, 0.9),
    st.floats(0.1, 0.9),
)
def test_a_spot_of_the_square_comes_back_to_where_it_was_in_the_photograph(
    mode, height, width, down, along
):
    """Follows one point of a photograph into the square and its map back."""
    side = 56
    resize = build_resize(side, mode)
    placed = resize.place(height, width)
    row = placed.target.top + down * placed.target.height
    column = placed.target.left + along * placed.target.width
    rows, columns = np.mgrid[:side, :side] + 0.5
    spot = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)
    found = over_photograph(explanation(spot), resize, height, width).map
    assert found.shape == (height, width)
    assert 0 <= found.min() <= found.max() <= 1
    peak = np.unravel_index(found.argmax(), found.shape)
    scale = (placed.source.height / placed.target.height, placed.source.width / placed.target.width)
    assert abs(peak[0] + 0.5 - placed.source.top - down * placed.source.height) <= 1 + scale[0]
    assert abs(peak[1] + 0.5 - placed.source.left - along * placed.source.width) <= 1 + scale[1]


def test_what_cropping_kept_from_the_network_stays_dark():
    large = over_photograph(explanation(np.ones((4, 4))), build_resize(64, "crop"), 100, 200).map
    assert (large[:, :50] == 0).all()
    assert (large[:, 150:] == 0).all()
    assert (large[:, 50:150] == 1).all()
