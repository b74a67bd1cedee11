import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.errors import CorrosionError
from corrosion.evaluation.choices import ThresholdResult
from corrosion.evaluation.intervals import Estimate, proportions, wilson
from corrosion.evaluation.metrics import Confusion
from corrosion.evaluation.prevalence import at_prevalence, check_prevalence
from corrosion.evaluation.thresholds import Threshold, lowest_cost


def counted(found, corroded, cleared, sound):
    """What a threshold does that finds and clears so many."""
    share = {
        name: Estimate(of / total, *map(float, wilson(of, total)), "wilson")
        for name, of, total in (("recall", found, corroded), ("specificity", cleared, sound))
    }
    return ThresholdResult(Threshold("in use", 0.5), {}, share)


def restated(*counts, prevalence=0.05, costs=None):
    [one] = at_prevalence([counted(*counts)], prevalence=prevalence, costs=costs)
    return one


def test_precision_falls_with_the_share_of_corroded_photographs_as_bayes_rule_says():
    one = restated(95, 100, 90, 100, costs=(20, 1))
    assert one.precision.value == pytest.approx(0.05 * 0.95 / (0.05 * 0.95 + 0.95 * 0.1))
    assert one.npv.value == pytest.approx(0.95 * 0.9 / (0.95 * 0.9 + 0.05 * 0.05))
    assert one.false_alarms.value == pytest.approx(9.5)
    assert one.missed.value == pytest.approx(0.25)
    assert one.cost.value == pytest.approx(20 * 0.25 + 9.5)
    assert restated(95, 100, 90, 100).cost is None


def test_at_the_share_of_the_test_images_nothing_changes():
    label = np.repeat([1, 0], [40, 60])
    probability = np.concatenate([np.repeat([0.9, 0.1], [36, 4]), np.repeat([0.9, 0.1], [6, 54])])
    metrics = proportions(label, probability)
    result = ThresholdResult(Threshold("in use", 0.5), {}, metrics)
    [one] = at_prevalence([result], prevalence=0.4)
    assert one.precision.value == pytest.approx(metrics["precision"].value)


@given(st.integers(1, 60), st.integers(1, 60), st.data(), st.sampled_from([0.001, 0.05, 0.5, 0.95]))
def test_intervals_enclose_their_value_whatever_was_counted(corroded, sound, data, prevalence):
    found = data.draw(st.integers(0, corroded))
    cleared = data.draw(st.integers(0, sound))
    one = restated(found, corroded, cleared, sound, prevalence=prevalence, costs=(20, 1))
    for figure in (one.precision, one.npv):
        assert 0 <= figure.low <= figure.high <= 1
        if not math.isnan(figure.value):
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
    for figure in (one.false_alarms, one.missed, one.cost):
        assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9


def test_without_a_false_alarm_precision_still_has_a_lower_end():
    few, many = restated(20, 20, 20, 20), restated(20, 20, 2000, 2000)
    assert few.precision.value == many.precision.value == 1
    assert few.precision.low < 0.3 < 0.9 < many.precision.low


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(0)
    truth = 0.05 * 0.9 / (0.05 * 0.9 + 0.95 * 0.1)
    covered = 0
    for _ in range(300):
        counts = generator.binomial(80, 0.9), 80, generator.binomial(80, 0.9), 80
        precision = restated(*counts).precision
        covered += precision.low <= truth <= precision.high
    assert 0.91 < covered / 300 < 0.99


def test_the_cheapest_threshold_depends_on_the_share_of_corroded_photographs():
    label, score = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.6, 0.8]
    costs = {"false_negative": 2, "false_positive": 1}
    half = lowest_cost(label, score, **costs)
    assert lowest_cost(label, score, **costs, prevalence=0.5).value == half.value
    rare = lowest_cost(label, score, **costs, prevalence=0.01)
    assert half.value < 0.3 < 0.4 < rare.value
    assert rare.rule == "lowest cost (missed 2, false alarm 1, 0.01 corroded)"


def test_figures_that_cannot_be_restated_are_refused():
    with pytest.raises(CorrosionError, match=r"prevalence=1: give a share"):
        check_prevalence(1, Confusion(1, 1, 1, 1))
    with pytest.raises(CorrosionError, match=r"prevalence=0\.05.* both classes"):
        check_prevalence(0.05, Confusion(1, 1, 0, 0))
