"""The rust index: what it tells that an outline does not."""

import numpy as np
import pytest

from corrosion.change.rust_index import plain_ground, rust_index, rust_indices
from corrosion.explanation.rust_mask import LearntRust

WHITE = (235, 233, 230)
STEEL, FAINT, RUST = (120, 122, 124), (132, 124, 108), (130, 75, 40)


def specimen(colour, *, light=(1.0, 1.0, 1.0), ground=WHITE):
    """A plate of a colour on a ground, in some light."""
    image = np.full((80, 120, 3), ground, dtype=np.float64)
    image[20:60, 30:90] = colour
    return np.clip(image * light, 0, 255).astype(np.uint8)


def everywhere(shape=(80, 120)):
    return LearntRust(np.full(shape, 0.5, dtype=np.float32))


def indices(*images):
    regions = tuple(np.ones(image.shape[:2], dtype=bool) for image in images)
    return rust_indices((everywhere(), everywhere()), images, regions)


def test_faint_rust_has_a_larger_index_than_none_and_more_rust_a_larger_one_still():
    none, faint = indices(specimen(STEEL), specimen(FAINT))
    _, more = indices(specimen(STEEL), specimen(RUST))
    assert none < faint < more


def test_warmer_light_is_not_taken_for_rust_where_the_ground_tells_it():
    cold, warm = indices(specimen(STEEL), specimen(STEEL, light=(1.0, 0.97, 0.88)))
    _, rusted = indices(specimen(STEEL), specimen(FAINT))
    assert abs(warm - cold) < 0.2 * (rusted - cold)


def test_the_size_of_a_specimen_in_its_photograph_does_not_matter():
    large = specimen(RUST)
    small = np.full((160, 240, 3), WHITE, dtype=np.uint8)
    small[40:120, 60:180] = large
    found = indices(large, small)
    assert found[1] == pytest.approx(found[0], rel=0.1)


@pytest.mark.parametrize("ground", [RUST, (40, 40, 40), (230, 210, 120)])
def test_a_dark_or_coloured_ground_tells_no_light(ground):
    assert plain_ground(specimen(STEEL, ground=ground)) is None


def test_both_are_measured_without_their_grounds_or_neither():
    on_white, on_rust = specimen(STEEL), specimen(STEEL, ground=RUST)
    region = np.ones((80, 120), dtype=bool)
    found = indices(on_white, on_rust)
    assert found[0] == rust_index(on_white, everywhere(), region)
    assert found[1] == rust_index(on_rust, everywhere(), region)


def test_no_evidence_or_nothing_to_look_at_is_an_index_of_0():
    image, region = specimen(RUST), np.zeros((80, 120), dtype=bool)
    assert rust_index(image, everywhere(), region) == 0
    nothing = LearntRust(np.zeros((4, 4), dtype=np.float32))
    assert rust_index(image, nothing, ~region) == 0
