"""Intervals of the rusted share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.errors import CorrosionError
from corrosion.explanation.share_interval import (
    FROM_OTHERS,
    LEAST,
    LEVEL,
    ShareInterval,
    conformal_interval,
)

shares = st.floats(0, 1)


def test_intervals_cover_new_photographs_as_often_as_they_say():
    generator = np.random.default_rng(0)

    def draw(count):
        found = generator.random(count)
        return found, np.clip(found + generator.normal(0, 0.02 + 0.2 * found), 0, 1)

    covered = []
    for _ in range(200):
        interval = conformal_interval(*draw(30))
        found, true = draw(50)
        ends = [interval.around(share) for share in found]
        covered += [low <= one <= high for (low, high), one in zip(ends, true, strict=True)]
    assert LEVEL - 0.01 < np.mean(covered) < LEVEL + 0.03


@given(shares, st.floats(0, 3))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(share, scale):
    low, high = ShareInterval(scale, 20, own=True).around(share)
    assert 0 <= low <= share <= high <= 1


def test_too_few_photographs_promise_nothing():
    few = [0.3] * (LEAST - 1)
    assert conformal_interval(few, few).around(0.2) == (0, 1)
    enough = [0.3] * LEAST
    assert conformal_interval(enough, enough).around(0.2) == (0.2, 0.2)


def test_the_note_tells_whose_photographs_an_interval_comes_from():
    assert "may not hold" in FROM_OTHERS.note
    own = conformal_interval([0.1] * 12, [0.1] * 12)
    assert "12 of yours" in own.note
    assert (
        "3 photographs of yours with masks are too few"
        in conformal_interval([0.1] * 3, [0.1] * 3).note
    )


@pytest.mark.parametrize(("found", "true"), [([], []), ([0.1], [0.1, 0.2])])
def test_unequal_or_no_shares_are_refused(found, true):
    with pytest.raises(CorrosionError, match="give a share of each"):
        conformal_interval(found, true)
