import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.errors import CorrosionError
from corrosion.explanation import SCALES, grade

scales = st.sampled_from(sorted(SCALES))
shares = st.floats(0, 1) | st.floats(0, 0.01)


def rank(scale, share):
    """The place of a share's grade on its scale, from 0 for no rust."""
    return [step.label for step in SCALES[scale].steps].index(grade(scale, share))


@pytest.mark.parametrize(
    ("percent", "at_it", "above_it"),
    [
        (0.01, "grade 10", "grade 9"),
        (0.03, "grade 9", "grade 8"),
        (0.1, "grade 8", "grade 7"),
        (0.3, "grade 7", "grade 6"),
        (1, "grade 6", "grade 5"),
        (3, "grade 5", "grade 4"),
        (10, "grade 4", "grade 3"),
        (16, "grade 3", "grade 2"),
        (33, "grade 2", "grade 1"),
        (50, "grade 1", "grade 0"),
    ],
)
def test_grades_of_astm_d610_hold_up_to_the_limits_of_its_table(percent, at_it, above_it):
    pixels = round(percent * 100)  # of 10 000: a share as a mask gives it
    assert grade("astm_d610", pixels / 10_000) == at_it
    assert grade("astm_d610", (pixels * 1000 + 1) / 10_000_000) == above_it


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (0, "Ri 0"),
        (0.05, "Ri 1"),
        (0.5, "Ri 2"),
        (1, "Ri 3"),
        (8, "Ri 4"),
        (40, "Ri 5"),
        (50, "Ri 5"),
    ],
)
def test_the_areas_that_iso_4628_3_states_have_its_degrees(percent, expected):
    assert grade("iso4628_3", round(percent * 100) / 10_000) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1e-7, "Ri 1"), (0.00051, "Ri 2"), (0.0051, "Ri 3"), (0.011, "Ri 4"), (0.081, "Ri 5")],
)
def test_a_share_between_two_degrees_of_iso_4628_3_has_the_worse_one(share, expected):
    assert grade("iso4628_3", share) == expected


def test_more_than_half_is_still_the_last_degree_of_iso_4628_3():
    assert grade("iso4628_3", 0.51, 1) == "Ri 5"


def test_a_coating_is_good_below_3_percent_and_poor_above_20():
    assert grade("imo_coating", 0, math.nextafter(0.03, 0)) == "GOOD"
    assert grade("imo_coating", 3 / 100, 20 / 100) == "FAIR"
    assert grade("imo_coating", math.nextafter(0.2, 1), 1) == "POOR"


@settings(deadline=None)
@given(scales)
def test_every_share_from_none_to_all_has_a_grade(scale):
    steps = SCALES[scale].steps
    assert grade(scale, 0) == steps[0].label
    assert grade(scale, 1) == steps[-1].label
    limits = [step.limit for step in steps]
    assert limits == sorted(set(limits))


@settings(deadline=None)
@given(scales, shares, shares)
def test_more_rust_is_never_a_better_grade(scale, one, other):
    assert rank(scale, min(one, other)) <= rank(scale, max(one, other))


@settings(deadline=None)
@given(scales, shares, shares)
def test_the_grade_of_an_interval_has_the_grades_of_its_ends(scale, one, other):
    low, high = sorted((one, other))
    apart = rank(scale, high) - rank(scale, low)
    ends = (grade(scale, low), grade(scale, high))
    expected = ends[0] if apart == 0 else " to ".join(ends) if apart == 1 else "unclear"
    assert grade(scale, low, high) == expected


@settings(deadline=None)
@given(scales, shares)
def test_a_share_alone_is_an_interval_of_no_width(scale, share):
    assert grade(scale, share) == grade(scale, share, share)


def test_intervals_name_the_end_with_less_rust_first():
    assert grade("iso4628_3", 0.01, 0.02) == "Ri 3 to Ri 4"
    assert grade("iso4628_3", 0.006, 0.01) == "Ri 3"
    assert grade("astm_d610", 0.01, 0.02) == "grade 6 to grade 5"
    assert grade("imo_coating", 0.01, 0.1) == "GOOD to FAIR"


def test_an_interval_of_more_than_two_grades_has_none():
    assert grade("imo_coating", 0.01, 0.3) == "unclear"
    assert grade("iso4628_3", 0, 0.6) == "unclear"


@pytest.mark.parametrize("share", [-0.01, 1.01, 3, math.nan])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(CorrosionError, match=r"low=.*give a share in \[0, 1\]"):
        grade("astm_d610", share)
    with pytest.raises(CorrosionError, match="high="):
        grade("astm_d610", 0, share)


def test_swapped_ends_are_refused():
    with pytest.raises(CorrosionError, match=r"low=0\.2: it is above high=0\.1"):
        grade("astm_d610", 0.2, 0.1)


def test_an_unknown_scale_is_refused_with_those_there_are():
    with pytest.raises(CorrosionError, match="scale=iso: give one of astm_d610, iso4628_3"):
        grade("iso", 0.1)
