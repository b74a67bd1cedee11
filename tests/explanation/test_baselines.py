import numpy as np
import pytest

from corrosion.explanation.baselines import (
    BASELINES,
    centre_map,
    chroma_map,
    edge_map,
    random_map,
    redness_map,
    saturation_map,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def half_red(height=40, width=60):
    """Grey on the left, red on the right."""
    image = np.full((height, width, 3), 100, dtype=np.uint8)
    image[:, width // 2 :] = (200, 20, 20)
    return image


@pytest.mark.parametrize("name", BASELINES)
def test_maps_cover_the_image_from_0_to_1(name):
    values = BASELINES[name](half_red(), rng())
    assert values.shape == (40, 60)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() == 1


@pytest.mark.parametrize("name", ["edges", "saturation", "redness", "chroma"])
def test_a_grey_even_image_has_an_empty_map(name):
    assert not BASELINES[name](np.full((8, 8, 3), 90, dtype=np.uint8), rng()).any()


def test_each_map_is_high_where_its_name_says():
    image = half_red()
    saturated = saturation_map(image, rng())
    assert saturated[:, :30].max() == 0
    assert saturated[:, 30:].min() == 1
    assert set(np.nonzero(edge_map(image, rng()))[1]) == {29, 30}
    row, column = np.unravel_index(centre_map(image, rng()).argmax(), image.shape[:2])
    assert row in (19, 20)
    assert column in (29, 30)


def test_redness_and_chroma_are_those_of_cielab():
    # sRGB's primaries in CIELAB, D65: red a* 80.1, b* 67.2; green -86.2, 83.2; blue 79.2, -107.9
    primaries = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255)]], dtype=np.uint8)
    redness = redness_map(primaries, rng())[0]
    np.testing.assert_allclose(redness, np.array([80.1, 0, 79.2]) / 80.1, atol=2e-3)
    chroma = chroma_map(primaries, rng())[0]
    np.testing.assert_allclose(chroma, np.array([104.6, 119.8, 133.8]) / 133.8, atol=2e-3)


def test_what_is_green_has_no_redness():
    green = np.full((4, 4, 3), (30, 160, 60), dtype=np.uint8)
    assert not redness_map(green, rng()).any()
    assert chroma_map(green, rng()).min() == 1


def test_the_random_map_follows_its_generator_and_is_coarse():
    image = np.zeros((70, 70, 3), dtype=np.uint8)
    first = random_map(image, rng(1))
    np.testing.assert_array_equal(first, random_map(image, rng(1)))
    assert (first != random_map(image, rng(2))).mean() > 0.9
    assert np.abs(np.diff(first, axis=0)).max() <= 0.11  # a cell is 10 pixels
