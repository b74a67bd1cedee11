import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import logit
from corrosion.evaluation.choices import choose
from corrosion.evaluation.intervals import wilson
from corrosion.evaluation.selective import (
    Band,
    apply_band,
    area_under_risk_coverage,
    choose_band,
    risk_coverage,
)

LABEL = np.array([1, 0, 1, 0, 0])
SCORE = expit(np.array([4.0, -3.0, 2.0, 1.0, -0.5]))  # the fourth is wrong


def test_risk_at_each_coverage_counts_the_decisions_kept():
    curve = risk_coverage(LABEL, SCORE)
    assert curve["margin"].tolist() == pytest.approx([4, 3, 2, 1, 0.5])
    assert curve["coverage"].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert curve["errors"].tolist() == [0, 0, 0, 1, 1]
    assert curve["risk"].tolist() == pytest.approx([0, 0, 0, 0.25, 0.2])
    assert area_under_risk_coverage(curve) == pytest.approx((0.25 + 0.2) / 5)


def test_images_equally_far_from_the_threshold_are_kept_together():
    curve = risk_coverage([1, 0], [0.75, 0.75])
    assert curve[["images", "errors", "coverage"]].to_numpy().tolist() == [[2, 1, 1]]


@pytest.mark.parametrize("pair", [(0.9, 0.1), (0.8, 0.2), (0.999, 0.001), (0.9999999, 1e-7)])
def test_complementary_probabilities_are_equally_sure(pair):
    for label in ([1, 1], [0, 0]):
        curve = risk_coverage(label, pair)
        assert curve["risk"].tolist() == [0.5]
        assert area_under_risk_coverage(curve) == 0.5


def test_the_area_does_not_depend_on_the_last_digits_of_a_float():
    label = [1, 1, 0, 0, 1, 0, 1, 0]
    written = [0.9, 0.1, 0.2, 0.8, 0.7, 0.7, 0.6, 0.4]
    exact = expit(np.array([9, -9, -8, 8, 7, 7, 6, -6.0]))  # symmetric, in the same order
    assert len(risk_coverage(label, written)) == 4
    assert area_under_risk_coverage(risk_coverage(label, written)) == pytest.approx(
        area_under_risk_coverage(risk_coverage(label, exact))
    )


def test_a_band_keeps_the_decisions_that_are_safe_enough():
    band = choose_band(LABEL, SCORE, max_risk=0)
    assert (band.low, band.high) == pytest.approx(expit([-1.5, 1.5]))
    result = apply_band(band, LABEL, SCORE)
    assert (result.coverage.value, result.risk.value) == pytest.approx((0.6, 0))
    assert result.risk.high == pytest.approx(wilson(0, 3)[1])


@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0.01, 0.99)), min_size=1, max_size=25),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([0.3, 0.5]),
)
def test_a_band_holds_its_risk_on_the_images_it_was_chosen_on(rows, max_risk, threshold):
    label, score = map(np.array, zip(*rows, strict=True))
    band = choose_band(label, score, threshold=threshold, max_risk=max_risk)
    result = apply_band(band, label, score)
    curve = risk_coverage(label, score, threshold=threshold)
    safe = curve["coverage"][curve["risk"] <= max_risk]
    assert result.coverage.value == pytest.approx(safe.max() if len(safe) else 0)
    assert not result.risk.value > max_risk
    assert band.low <= threshold <= band.high


def test_nobody_abstains_where_all_decisions_are_safe():
    band = choose_band([1, 0], [0.9, 0.2], threshold=0.4)
    assert (band.low, band.high) == (0.4, 0.4)
    assert apply_band(band, [1, 0], [0.9, 0.2]).coverage.value == 1


def test_everything_goes_to_an_inspector_where_no_decision_is_safe():
    band = choose_band([0, 1], [0.9, 0.2])
    assert (band.low, band.high) == (0, 1)
    result = apply_band(band, [0, 1], [0.9, 0.2])
    assert result.coverage.value == 0
    assert np.isnan(result.risk.value)


def test_the_edges_of_a_band_are_equally_far_from_its_threshold():
    band = choose_band(LABEL, SCORE, threshold=0.3, max_risk=0)
    assert logit(band.high) - logit(0.3) == pytest.approx(logit(0.3) - logit(band.low))


def test_groups_widen_the_intervals_of_a_band():
    band = Band(0.4, 0.6, 0.5, 0.01)
    label, score = np.tile([1, 0, 1], 20), np.tile([0.9, 0.8, 0.5], 20)
    alone = apply_band(band, label, score)
    grouped = apply_band(band, label, score, group=np.tile([0, 1, 2], 20))
    assert grouped.risk.high > alone.risk.high
    assert grouped.coverage.low < alone.coverage.low


def test_values_out_of_range_are_refused():
    with pytest.raises(CorrosionError, match=r"threshold=1\.0"):
        risk_coverage(LABEL, SCORE, threshold=1.0)
    with pytest.raises(CorrosionError, match="max_risk=1"):
        choose_band(LABEL, SCORE, max_risk=1)


def test_each_fold_keeps_the_risk_by_itself_but_a_promise_is_of_all_images_together():
    table = pd.DataFrame({"label": LABEL, "probability": SCORE, "test_fold": [0, 0, 1, 1, 1]})
    asked = {"threshold": 0.5, "min_recall": 0.9, "costs": None, "max_risk": 0.25, "level": 0.95}

    band = choose(table, table, **asked).band
    pooled = choose(table.drop(columns="test_fold"), table, **asked).band
    promised = choose(table, table, **asked, confidence=0.5).band

    # one of five is wrong: no more than a quarter, but for the fold that it lies in
    assert (pooled.low, pooled.high) == (0.5, 0.5)
    assert SCORE[3] < band.high < SCORE[2]
    assert band.rule == "at most 0.25 wrong in every fold"
    assert not promised.every_fold
