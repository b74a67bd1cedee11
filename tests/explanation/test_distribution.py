import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.explanation import (
    DISTRIBUTIONS,
    RustMeasure,
    RustRegion,
    measure_rust,
    rust_distribution,
)

SIZE = 200  # a pinpoint is at most 4 of 40 000 pixels


def empty():
    return np.zeros((SIZE, SIZE), dtype=bool)


def pinpoints(mask, step=20):
    mask[::step, ::step] = True
    return mask


def blocks(mask, side, step):
    for row in range(2, SIZE - side, step):
        for column in range(2, SIZE - side, step):
            mask[row : row + side, column : column + side] = True
    return mask


def distribution(mask, surface=None):
    return rust_distribution(measure_rust(mask, surface))


def rust_of(*shares):
    """Rust in regions that cover these shares of the surface."""
    regions = [RustRegion(0, 0, 1, 1, share, share) for share in sorted(shares, reverse=True)]
    return RustMeasure(sum(shares), 1.0, tuple(regions), 0, 0.0)


def test_a_few_regions_with_the_bulk_of_the_rust_are_spots():
    mask = empty()
    mask[20:50, 20:60] = mask[120:150, 150:170] = True
    assert distribution(mask) == "S"
    assert distribution(pinpoints(mask)) == "S"  # they are a twentieth of the rust


def test_many_regions_of_various_sizes_are_general_rusting():
    mask = blocks(empty(), side=6, step=20)
    mask[60:80, 60:90] = True
    assert distribution(mask) == "G"


def test_many_very_small_regions_are_pinpoints():
    assert distribution(pinpoints(empty())) == "P"


def test_specks_are_pinpoints_too():
    mask = np.zeros((1000, 1000), dtype=bool)
    mask[::20, ::20] = True
    rust = measure_rust(mask)
    assert (len(rust.regions), rust.specks) == (0, 2500)
    assert rust_distribution(rust) == "P"


def test_pinpoints_beside_larger_regions_are_a_hybrid():
    mask = pinpoints(empty(), step=10)  # 400 pixels
    mask[5::50, 101:119] = True  # 72, a fifth as many, in four lines
    assert distribution(mask) == "P"
    mask[6:9, 101:119] = mask[56:59, 101:119] = mask[106:109, 101:119] = True  # 234
    assert distribution(mask) == "H"
    mask[109:129, 101:151] = True  # more than thrice as many
    mask[165:195, 101:111] = True
    assert distribution(mask) == "S"


def test_a_few_pinpoints_are_spots_since_they_do_not_lie_all_over():
    mask = empty()
    for place in (20, 90, 160):
        mask[place : place + 2, place : place + 2] = True
    assert distribution(mask) == "S"


def test_one_region_that_runs_all_over_the_surface_is_no_spot():
    mask = empty()
    mask[::6] = mask[:, ::6] = True
    rust = measure_rust(mask)
    assert len(rust.regions) == 1
    assert rust_distribution(rust) == "G"


def test_half_of_the_surface_in_one_place_is_a_spot():
    mask = empty()
    mask[: SIZE // 2] = True
    assert distribution(mask) == "S"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.01] * 3, "S"),
        ([0.01] * 5, "G"),
        ([0.01] * 3 + [0.001] * 9, "S"),  # the three hold 77 %
        ([0.01] * 3 + [0.001] * 11, "G"),  # 73 %
        ([1e-4] * 20, "P"),
        ([1.01e-4] * 20, "G"),
        ([1e-4] * 77 + [2.3e-4] * 10, "P"),
        ([1e-4] * 73 + [2.7e-4] * 10, "H"),
        ([1e-4] * 27 + [7.3e-4] * 10, "H"),
        ([1e-4] * 23 + [7.7e-4] * 10, "G"),
    ],
)
def test_the_bulk_is_three_quarters_a_few_are_three_and_a_pinpoint_is_a_ten_thousandth(
    shares, expected
):
    assert rust_distribution(rust_of(*shares)) == expected


@pytest.mark.parametrize("share", [0, 4, 20_001, 40_000])
def test_the_grades_10_and_0_have_no_distribution(share):
    mask = empty()
    mask.ravel()[:share] = True
    assert distribution(mask) is None


def test_what_lies_beside_the_surface_has_no_say():
    mask = pinpoints(empty())
    surface = np.zeros((400, 400), dtype=bool)
    surface[100:300, 100:300] = True
    around = np.ones((400, 400), dtype=bool)
    around[100:300, 100:300] = mask
    assert distribution(around, surface) == distribution(mask) == "P"


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200), st.floats(0, 1), st.integers(0, 10**6))
def test_turned_or_enlarged_the_distribution_stays(side, count, small, seed):
    generator = np.random.default_rng(seed)
    mask = empty()
    for row, column in generator.integers(0, SIZE, (count, 2)):
        size = 1 if generator.random() < small else side
        mask[row : row + size, column : column + size] = True
    found = distribution(mask)
    assert found is None or found in DISTRIBUTIONS
    assert distribution(np.rot90(mask)) == found
    assert distribution(mask[::-1]) == found
    assert distribution(np.kron(mask, np.ones((2, 2), dtype=bool))) == found
