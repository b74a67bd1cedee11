import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from corrosion.errors import CorrosionError
from corrosion.explanation.baselines import BASELINES
from corrosion.explanation.localisation import (
    LOCALISATION,
    energy_inside,
    iou,
    pixel_average_precision,
    pointing_game,
)

MASK = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)


def values(*rows):
    return np.array(rows, dtype=np.float32)


def blob(side=64, centre=(20, 40), radius=10):
    """A map that is high in a disc, and the disc."""
    rows, columns = np.mgrid[:side, :side]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    return np.exp(-((distance / radius) ** 2)).astype(np.float32), distance <= radius


def test_pointing_game_asks_for_the_maximum_alone():
    assert pointing_game(values([0, 0.9, 0.8, 0.8], [0.8, 0.8, 0.8, 0.8]), MASK) == 1
    assert pointing_game(values([0.9, 0.9, 1, 0.9], [0, 0, 0, 0]), MASK) == 0


def test_pointing_game_grants_a_margin_of_a_share_of_the_longer_side():
    mask = np.zeros((50, 100), dtype=bool)
    mask[20, 20] = True
    for column, hit in ((23, 1), (24, 0)):
        point = np.zeros((50, 100), dtype=np.float32)
        point[20, column] = 1
        assert pointing_game(point, mask) == hit
        assert pointing_game(point, mask, tolerance=0) == 0


def test_pointing_game_of_a_tie_is_the_share_of_the_maxima_that_hit():
    assert pointing_game(values([1, 0, 1, 1], [1, 0, 0, 0]), MASK) == 0.25


def test_energy_inside_is_the_share_of_the_sum():
    assert energy_inside(values([0.5, 0.25, 0.25, 0], [1, 0, 0, 0]), MASK) == pytest.approx(0.375)


def test_iou_counts_pixels_above_the_level():
    map_ = values([1, 0.4, 0.8, 0], [0, 0, 0, 0])
    assert iou(map_, MASK, rule=0.5) == pytest.approx(1 / 3)
    assert iou(map_, MASK, rule=0.3) == pytest.approx(2 / 3)


def test_average_precision_follows_its_definition():
    # in descending order: hit, miss, hit, so (1 / 1 + 2 / 3) / 2
    map_ = values([0.9, 0.7, 0.8, 0.1], [0.2, 0.3, 0, 0])
    assert pixel_average_precision(map_, MASK) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("name", LOCALISATION)
def test_the_mask_itself_is_a_perfect_map_and_its_complement_a_bad_one(name):
    _, mask = blob()
    measure = LOCALISATION[name]
    assert measure(mask.astype(np.float32), mask) == 1
    assert measure((~mask).astype(np.float32), mask) <= max(0.1, mask.mean())


@pytest.mark.parametrize("name", LOCALISATION)
def test_a_map_in_the_right_place_beats_one_in_the_wrong_place_and_the_baselines(name):
    right, mask = blob()
    wrong, _ = blob(centre=(50, 12))
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    measure = LOCALISATION[name]
    score = measure(right, mask)
    assert score > 0.6
    assert measure(wrong, mask) < 0.1
    for draw in BASELINES.values():
        scores = [measure(draw(image, np.random.default_rng(seed)), mask) for seed in range(20)]
        assert np.mean(scores) < score / 2


@pytest.mark.parametrize("name", LOCALISATION)
def test_an_empty_mask_is_undefined(name):
    assert np.isnan(LOCALISATION[name](blob()[0], np.zeros((64, 64), dtype=bool)))


@pytest.mark.parametrize(
    ("name", "expected"), [("pointing", 0), ("energy", 0), ("iou", 0), ("ap", 0.25)]
)
def test_an_empty_map_finds_nothing(name, expected):
    assert LOCALISATION[name](np.zeros((2, 4), dtype=np.float32), MASK) == expected


@pytest.mark.parametrize("name", LOCALISATION)
@pytest.mark.parametrize("level", [1, 0.01])
def test_a_constant_map_scores_as_a_guess_does(name, level):
    assert LOCALISATION[name](np.full((2, 4), level, dtype=np.float32), MASK) == pytest.approx(0.25)


@given(
    # values that scaling by a quarter leaves exact: subnormal ones would vanish
    arrays(np.float32, (5, 6), elements=st.integers(0, 1024).map(lambda value: value / 1024)),
    arrays(np.bool_, (5, 6)),
    st.sampled_from([0.25, 2, 1024]),
)
def test_scores_lie_in_0_to_1_and_do_not_depend_on_the_maps_scale(map_, mask, scale):
    for measure in LOCALISATION.values():
        score = measure(map_, mask)
        assert np.isnan(score) if not mask.any() else 0 <= score <= 1 + 1e-6
        np.testing.assert_allclose(measure(map_ * np.float32(scale), mask), score, rtol=1e-5)


@pytest.mark.parametrize("name", LOCALISATION)
@pytest.mark.parametrize(
    "map_", [np.zeros((3, 3)), -np.ones((2, 4)), np.full((2, 4), np.nan)], ids=str
)
def test_what_is_no_map_of_the_photograph_is_an_error(name, map_):
    with pytest.raises(CorrosionError, match="map"):
        LOCALISATION[name](map_.astype(np.float32), MASK)


def test_pointing_game_agrees_with_dilating_the_mask():
    generator = np.random.default_rng(1)
    mask = cv2.resize(generator.random((8, 8)), (100, 100)) > 0.7
    rows, columns = np.mgrid[-3:4, -3:4]
    disc = (np.hypot(rows, columns) <= 3).astype(np.uint8)
    near = cv2.dilate(mask.astype(np.uint8), disc).astype(bool)
    for flat in generator.integers(0, mask.size, 200):
        point = np.zeros(mask.shape, dtype=np.float32)
        point.flat[flat] = 1
        assert pointing_game(point, mask) == near.flat[flat]
