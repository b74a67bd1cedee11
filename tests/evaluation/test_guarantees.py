"""Promises with a confidence: exact bounds, and how often they are broken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from corrosion.errors import CorrosionError
from corrosion.evaluation.guarantees import effective_images, images_needed, upper_bound
from corrosion.evaluation.selective import choose_band
from corrosion.evaluation.thresholds import at_least_recall


def ranked(errors, count):
    """Labels and probabilities of `count` decisions, the surest first, of which these are wrong."""
    probability = np.linspace(0.99, 0.6, count)
    label = np.ones(count, dtype=int)
    label[list(errors)] = 0
    return label, probability


@given(st.integers(1, 400), st.data(), st.sampled_from([0.5, 0.9, 0.99]))
def test_the_bound_is_where_the_binomial_p_value_reaches_what_is_allowed(images, data, confidence):
    errors = data.draw(st.integers(0, images - 1))
    bound = float(upper_bound(errors, images, confidence=confidence))
    assert binom.cdf(errors, images, bound) == pytest.approx(1 - confidence, abs=1e-9)
    assert float(upper_bound(images, images, confidence=confidence)) == 1


def test_230_error_free_images_promise_a_risk_of_1_percent_and_229_do_not():
    assert images_needed(0.01, confidence=0.9) == 230
    assert choose_band(*ranked([], 230), confidence=0.9).note is None
    band = choose_band(*ranked([], 229), confidence=0.9)
    assert (band.low, band.high) == (0, 1)
    assert "can't be promised with confidence 0.9 by 229" in band.note
    assert "it takes 230 without an error" in band.note


def test_a_band_with_a_confidence_says_which_risk_can_be_promised():
    note = choose_band(*ranked([], 100), confidence=0.9).note
    assert "can promise 0.023 if all of them are decided rightly, and 0.046 if" in note
    assert choose_band(*ranked([], 100), max_risk=0.023, confidence=0.9).note is None
    assert choose_band(*ranked([60], 100), max_risk=0.046, confidence=0.9).note is None
    with_none = choose_band(*ranked([], 100), max_risk=0, confidence=0.9)
    assert "no number does" in with_none.note


def test_an_early_error_sends_all_to_an_inspector_and_is_told():
    band = choose_band(*ranked([10], 300), confidence=0.9)
    assert (band.low, band.high) == (0, 1)
    assert "too many of the 230 surest decisions on validation are wrong" in band.note


def test_decisions_are_promised_up_to_the_first_p_value_that_is_too_large():
    label, probability = ranked([300], 400)
    band = choose_band(label, probability, confidence=0.9)
    assert (probability >= band.high).sum() == 300
    assert (probability >= choose_band(label, probability).high).sum() == 400  # on validation
    later, probability = ranked([390], 400)  # one error of 391 keeps 1 %
    assert choose_band(later, probability, confidence=0.9).high == 0.5


def test_the_risk_of_a_band_is_above_its_promise_in_no_more_cases_than_the_confidence_allows():
    """The surer half is wrong in 0.5 %, the other half in 3 %: only the former is safe."""
    generator = np.random.default_rng(0)
    probability = np.concatenate([np.linspace(0.99, 0.91, 300), np.linspace(0.79, 0.6, 300)])
    broken = {None: 0, 0.9: 0}
    for _ in range(80):
        wrong = generator.random(600) < np.repeat([0.005, 0.03], 300)
        for confidence in broken:
            band = choose_band(1 - wrong, probability, confidence=confidence)
            # of n of the less sure ones, the true risk is (1.5 + 0.03 n) / (300 + n)
            n = max(0, int((probability >= band.high).sum()) - 300)
            broken[confidence] += (1.5 + 0.03 * n) / (300 + n) > 0.01
    assert broken[0.9] <= 0.1 * 80
    assert broken[None] > 0.3 * 80


def test_groups_count_as_fewer_images():
    label, probability = ranked([], 400)
    pairs = np.arange(400) // 2
    assert choose_band(label, probability, group=pairs).note is None
    assert choose_band(label, probability, confidence=0.9).note is None
    assert "by 200 independent" in choose_band(label, probability, confidence=0.9, group=pairs).note
    assert (
        "by 100 independent corroded"
        in at_least_recall(
            label[:200], probability[:200], 0.98, confidence=0.9, group=pairs[:200]
        ).note
    )


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_images_are_worth_no_more_than_they_are_and_no_less_than_their_largest_group(groups):
    worth = effective_images(groups, len(groups))[-1]
    sizes = np.unique(groups, return_counts=True)[1]
    assert worth == pytest.approx(len(groups) ** 2 / (sizes**2).sum())
    assert 1 <= worth <= len(sizes) + 1e-9


def test_114_corroded_images_promise_a_recall_of_98_percent_and_113_the_highest_they_can():
    label = np.repeat([1, 0], [114, 50])
    probability = np.concatenate([np.linspace(0.5, 0.99, 114), np.linspace(0.01, 0.49, 50)])
    found = at_least_recall(label, probability, 0.98, confidence=0.9)
    assert found.rule == "recall at least 0.98, confidence 0.9"
    assert found.note is None
    assert 0.49 < found.value < 0.5
    fewer = at_least_recall(label[1:], probability[1:], 0.98, confidence=0.9)
    assert fewer.rule == "recall at least 0.979, confidence 0.9"
    assert "by 113 independent corroded validation images: it takes 114" in fewer.note
    assert probability[1:][label[1:] == 1].min() > fewer.value


def test_a_recall_is_promised_in_no_more_cases_than_the_confidence_allows():
    generator = np.random.default_rng(1)
    broken = {None: 0, 0.9: 0}
    for _ in range(80):
        score = generator.random(200)  # of corroded images: the true recall at t is 1 - t
        for confidence in broken:
            value = at_least_recall(np.ones(200), score, 0.98, confidence=confidence).value
            broken[confidence] += 1 - value < 0.98
    assert broken[0.9] <= 0.15 * 80
    assert broken[None] > 0.4 * 80


@pytest.mark.parametrize("confidence", [0, 1, 90])
def test_a_confidence_lies_between_0_and_1(confidence):
    for choose in (choose_band, lambda *arrays, **given: at_least_recall(*arrays, 0.9, **given)):
        with pytest.raises(CorrosionError, match=f"confidence={confidence}: give a number"):
            choose([1, 0], [0.9, 0.1], confidence=confidence)
