import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from corrosion.errors import CorrosionError
from corrosion.explanation import measure_rust

masks = st.builds(
    lambda height, width, share, seed: np.random.default_rng(seed).random((height, width)) < share,
    st.integers(1, 30),
    st.integers(1, 30),
    st.floats(0, 1),
    st.integers(0, 10**6),
)


def two_spots():
    mask = np.zeros((60, 100), dtype=bool)
    mask[10:20, 5:35] = True
    mask[40:50, 70:90] = True
    return mask


def shares(rust):
    return [region.share for region in rust.regions]


def test_the_share_and_the_regions_are_those_drawn_the_largest_first():
    rust = measure_rust(two_spots())
    assert rust.share == 500 / 6000
    assert rust.surface_share == 1
    boxes = [(one.left, one.top, one.width, one.height) for one in rust.regions]
    assert boxes == [(5, 10, 30, 10), (70, 40, 20, 10)]
    assert shares(rust) == [300 / 6000, 200 / 6000]
    assert rust.largest == rust.regions[0]


def test_shares_are_of_the_surface_and_rust_beside_it_is_left_out():
    surface = np.zeros((60, 100), dtype=bool)
    surface[:, :20] = True
    rust = measure_rust(two_spots(), surface)
    assert rust.surface_share == 0.2
    assert rust.share == 150 / 1200
    [region] = rust.regions
    assert (region.left, region.top, region.width, region.height) == (5, 10, 15, 10)
    assert region.share == rust.share


def test_what_connects_two_regions_beside_the_surface_does_not_count():
    surface = np.ones((20, 30), dtype=bool)
    surface[:, 14:16] = False
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:10, 5:25] = True
    assert len(measure_rust(mask).regions) == 1
    assert len(measure_rust(mask, surface).regions) == 2


def test_a_box_holds_its_surface_not_what_lies_beside_it():
    mask = np.eye(40, dtype=bool)
    surface = np.tri(40, dtype=bool)
    [region] = measure_rust(mask, surface).regions
    assert (region.width, region.height) == (40, 40)
    assert region.box_share == 1
    [region] = measure_rust(mask[:, ::-1][:, 20:], np.ones((40, 20), dtype=bool)).regions
    assert region.box_share == 0.5


def test_specks_count_in_the_share_and_by_number_but_are_no_regions():
    mask = np.zeros((400, 500), dtype=bool)
    mask[100:110, 100:110] = True
    mask[0, 0] = mask[399, 499] = True  # of 200 000 pixels a hundred-thousandth is two
    mask[200, 200:202] = True
    rust = measure_rust(mask)
    assert rust.share == 104 / 200_000
    assert rust.specks == 2
    assert rust.speck_share == 2 / 200_000
    assert shares(rust) == [100 / 200_000, 2 / 200_000]


def test_sound_metal_has_a_share_of_zero_and_no_largest_region():
    rust = measure_rust(np.zeros((30, 40), dtype=bool))
    assert (rust.share, rust.regions, rust.specks, rust.largest) == (0, (), 0, None)


def test_a_wholly_rusted_surface_has_a_share_of_one():
    rust = measure_rust(np.ones((30, 40), dtype=bool))
    assert (rust.share, shares(rust), rust.largest.box_share) == (1, [1], 1)


@settings(max_examples=50, deadline=None)
@given(masks)
def test_masks_of_bool_0_1_and_0_255_measure_the_same(mask):
    rust = measure_rust(mask)
    assert measure_rust(mask.astype(np.uint8)) == rust
    assert measure_rust(mask.astype(np.uint8) * 255) == rust
    assert measure_rust(mask, np.full(mask.shape, 255, dtype=np.uint8)) == rust


@settings(max_examples=50, deadline=None)
@given(masks, masks)
def test_regions_are_those_of_scipy_with_diagonal_neighbours(mask, other):
    surface = np.ones_like(mask)
    surface[: other.shape[0], : other.shape[1]] = other[: mask.shape[0], : mask.shape[1]]
    surface[-1, -1] = True
    rust = measure_rust(mask, surface)
    labels, count = ndimage.label(mask & surface, structure=np.ones((3, 3)))
    area = surface.sum()
    sizes = sorted(np.bincount(labels.ravel())[1:], reverse=True)
    assert rust.specks == 0  # a single pixel of so small a photograph is no speck
    assert len(rust.regions) == count
    assert shares(rust) == [size / area for size in sizes]
    assert rust.share == (mask & surface).sum() / area
    places = {
        (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        for rows, columns in ndimage.find_objects(labels)
    }
    assert {(one.left, one.top, one.width, one.height) for one in rust.regions} == places
    for one in rust.regions:
        inside = surface[one.top : one.top + one.height, one.left : one.left + one.width]
        assert one.box_share == inside.sum() / area


@settings(max_examples=50, deadline=None)
@given(masks, st.integers(0, 10**6))
def test_the_share_asks_how_many_pixels_are_rust_not_which(mask, seed):
    shuffled = np.random.default_rng(seed).permutation(mask.ravel()).reshape(mask.shape)
    assert measure_rust(shuffled).share == measure_rust(mask).share


@settings(max_examples=50, deadline=None)
@given(masks, masks)
def test_more_rust_is_never_a_smaller_share(mask, more):
    union = mask.copy()
    union[: more.shape[0], : more.shape[1]] |= more[: mask.shape[0], : mask.shape[1]]
    assert measure_rust(union).share >= measure_rust(mask).share


@settings(max_examples=50, deadline=None)
@given(masks)
def test_turning_and_mirroring_move_the_boxes_alone(mask):
    rust = measure_rust(mask)
    for turned in (mask.T, np.rot90(mask), mask[::-1], mask[:, ::-1]):
        other = measure_rust(turned)
        assert (other.share, shares(other)) == (rust.share, shares(rust))


@settings(max_examples=50, deadline=None)
@given(masks, st.integers(0, 9), st.integers(0, 9))
def test_a_shift_with_its_surface_moves_the_boxes_and_no_share(mask, down, right):
    frame = ((down, 5), (right, 5))
    rust = measure_rust(mask)
    moved = measure_rust(np.pad(mask, frame), np.pad(np.ones_like(mask), frame))
    assert (moved.share, shares(moved)) == (rust.share, shares(rust))
    places = [(one.left + right, one.top + down) for one in rust.regions]
    assert [(one.left, one.top) for one in moved.regions] == places


@settings(max_examples=50, deadline=None)
@given(masks, st.integers(2, 5))
def test_a_photograph_of_more_pixels_has_the_same_shares_and_larger_boxes(mask, factor):
    rust = measure_rust(mask)
    larger = measure_rust(np.kron(mask, np.ones((factor, factor), dtype=bool)))
    assert (larger.share, shares(larger)) == (rust.share, shares(rust))
    widths = [one.width * factor for one in rust.regions]
    assert [one.width for one in larger.regions] == widths


def test_a_surface_without_a_pixel_is_refused():
    mask = two_spots()
    with pytest.raises(CorrosionError, match="surface=100 x 60: no pixel of it is surface"):
        measure_rust(mask, np.zeros_like(mask))
    with pytest.raises(CorrosionError, match="surface=0 x 0"):
        measure_rust(np.zeros((0, 0), dtype=bool))


def test_a_surface_of_another_size_is_refused():
    with pytest.raises(CorrosionError, match=r"surface=60 x 100: the mask .* 100 x 60"):
        measure_rust(two_spots(), np.ones((100, 60), dtype=bool))


@pytest.mark.parametrize(
    "mask", [np.zeros((4, 4)), np.zeros((4, 4, 3), dtype=np.uint8), np.zeros(4, dtype=bool)]
)
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(CorrosionError, match=r"mask=.*give a mask \(H, W\) of bool or uint8"):
        measure_rust(mask)
    with pytest.raises(CorrosionError, match="surface="):
        measure_rust(two_spots(), mask)
