"""Where tiles lie, and what many of them say together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.prediction.tiles import LEAST_SIDE, TileRule, Tiling

SIDES = st.integers(1, 200)
TILINGS = st.builds(Tiling, st.integers(16, 120), st.floats(0, 0.75))


@given(TILINGS, SIDES, SIDES)
def test_tiles_are_equal_squares_that_cover_all_of_a_photograph_and_nothing_else(
    tiling, height, width
):
    grid = tiling.grid(height, width)
    if max(height, width) <= tiling.size or min(height, width) < min(tiling.size, LEAST_SIDE):
        assert grid is None
        return
    seen = np.zeros((height, width), dtype=int)
    for window in grid.windows:
        part = window.cut(seen)
        assert part.shape == (grid.side, grid.side)
        part += 1
    assert seen.min() >= 1
    assert len(grid.windows) == len(grid) == len(set(grid.windows))


@given(st.integers(20, 120), st.floats(0, 0.75), st.integers(121, 400))
def test_neighbours_have_the_overlap_in_common(size, overlap, length):
    lefts = Tiling(size, overlap).grid(size, length).lefts
    assert max(np.diff(lefts)) <= size * (1 - overlap) + 1  # whole pixels


@given(TILINGS, SIDES, SIDES, st.floats(0.05, 1))
def test_weights_of_blending_add_up_to_one_and_lie_within_their_tiles(tiling, height, width, scale):
    grid = tiling.grid(height, width)
    if grid is None:
        return
    rows, columns = (max(1, round(side * scale)) for side in (height, width))
    for weights, starts, length in zip(
        grid.blending(rows, columns), (grid.tops, grid.lefts), (height, width), strict=True
    ):
        total = np.zeros(rows if length == height else columns)
        for there, one in weights:
            total[there] += one
        np.testing.assert_allclose(total, 1, atol=1e-5)
        places = (np.arange(len(total)) + 0.5) * length / len(total)
        for start, (there, one) in zip(starts, weights, strict=True):
            inside = places[there][one > 0]
            assert ((inside >= start) & (inside <= start + grid.side)).all()


@pytest.mark.parametrize(
    ("rule", "tiles", "needed"),
    [
        (TileRule("max"), 200, 1),
        (TileRule("kth", k=3), 200, 3),
        (TileRule("kth", k=3), 2, 2),
        (TileRule("share", share=0.02), 200, 4),
        (TileRule("share", share=0.02), 201, 5),
        (TileRule("share", share=0.001), 4, 1),
        (TileRule("share", share=1), 7, 7),
    ],
)
def test_as_many_tiles_are_needed_as_the_rule_says(rule, tiles, needed):
    assert rule.needed(tiles) == needed


@given(
    st.sampled_from([TileRule("max"), TileRule("kth", k=3), TileRule("share", share=0.3)]),
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0, 1),
)
def test_the_score_reaches_a_threshold_if_enough_tiles_do(rule, values, threshold):
    enough = sum(value >= threshold for value in values) >= rule.needed(len(values))
    assert (rule.score(values) >= threshold) == enough
