import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.data.registration import LEAST_OVERLAP, register

CORNERS = np.array([[0, 0], [319, 0], [319, 239], [0, 239]], dtype=np.float32)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 3),
    moved=st.lists(st.floats(-25, 25), min_size=8, max_size=8),
    brightness=st.floats(0.7, 1.2),
)
def test_a_known_homography_is_found_within_a_few_pixels(draw_scene, seed, moved, brightness):
    old = draw_scene(seed)
    corners = CORNERS + np.array(moved, dtype=np.float32).reshape(4, 2)
    true = cv2.getPerspectiveTransform(CORNERS, corners)
    new = cv2.convertScaleAbs(cv2.warpPerspective(old, true, (320, 240)), alpha=brightness)
    found = register(old, new)
    assert found.refused is None
    arrived = cv2.perspectiveTransform(CORNERS[None], found.homography)[0]
    assert np.abs(arrived - corners).max() < 4
    before, after = found.regions((240, 320), (240, 320))
    assert found.overlap == pytest.approx(min(before.mean(), after.mean()))


@settings(max_examples=15)
@given(seeds=st.lists(st.integers(0, 30), min_size=2, max_size=2, unique=True))
def test_unrelated_pictures_are_refused(draw_scene, seeds):
    found = register(*(draw_scene(seed) for seed in seeds))
    assert found.homography is None
    assert found.refused.endswith(("matching points", "homography", "in common", "in one spot"))
    assert all(region.all() for region in found.regions((9, 9), (5, 7)))


def test_a_picture_lies_over_itself(draw_scene):
    found = register(draw_scene(1), draw_scene(1))
    np.testing.assert_allclose(found.homography, np.eye(3), atol=1e-3)
    assert found.overlap > 0.98


def test_too_little_in_common_is_refused(draw_scene):
    wide = draw_scene(2, width=800)
    found = register(wide[:, :430], wide[:, 370:])
    assert found.refused is not None
    assert found.overlap == 0
    assert register(wide[:, :430], wide[:, 200:630]).overlap > LEAST_OVERLAP


def test_a_mirrored_picture_is_refused(draw_scene):
    assert register(draw_scene(1), draw_scene(1)[:, ::-1].copy()).homography is None


def test_a_detail_that_both_show_in_one_spot_is_refused(draw_scene):
    """As the same logo in the corner of two photographs of different places."""
    old, new = (draw_scene(seed, 720, 960) for seed in (1, 2))
    new[10:60, 10:60] = old[10:60, 10:60]
    assert register(old, new).homography is None


def test_pictures_without_detail_are_refused():
    flat = np.full((60, 80, 3), 90, dtype=np.uint8)
    assert register(flat, flat).refused == "0 matching points"
    assert register(flat[:1, :1], flat).refused == "0 matching points"
