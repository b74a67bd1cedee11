import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from corrosion.evaluation.significance import bootstrap_p, delong, holm, mcnemar

# DeLong, DeLong & Clarke-Pearson (1988): albumin, total protein, K-G score and outcome of the 43
# patients with all tests, as printed in the SAS/STAT User's Guide, PROC LOGISTIC, "Comparing
# Receiver Operating Characteristic Curves"
PATIENTS = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""


def patients():
    albumin, protein, score, outcome = np.array(PATIENTS.split(), float).reshape(-1, 4).T
    return outcome.astype(int), albumin / 10, protein / 10, 1 - score / 10


def test_delong_gives_the_published_areas_and_test():
    outcome, albumin, protein, kg = patients()
    found = delong(outcome, albumin, kg)
    errors = np.sqrt(np.diag(found.covariance))
    assert (found.auc_a, found.auc_b) == pytest.approx((0.7366, 0.7258), abs=5e-5)
    assert errors == pytest.approx([0.0927, 0.1028], abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-0.1761, 0.1976), abs=5e-5)
    assert found.p_value == pytest.approx(0.9102, abs=5e-5)
    assert delong(outcome, protein, kg).p_value == pytest.approx(0.4561, abs=5e-5)


scored = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 8)), min_size=6, max_size=40
).filter(lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2)


@given(scored)
def test_delong_agrees_with_its_definition(rows):
    label, a, b = (np.array(column) for column in zip(*rows, strict=True))
    scores = np.stack([a, b]) / 8
    found = delong(label, *scores)
    # psi of every pair, and its means by image: equations 3 to 6 of the paper
    x, y = scores[:, label == 1, None], scores[:, None, label == 0]
    psi = (x > y) + 0.5 * (x == y)
    expected = np.cov(psi.mean(axis=2)) / x.shape[1] + np.cov(psi.mean(axis=1)) / y.shape[2]
    assert found.covariance == pytest.approx(expected, abs=1e-12)
    assert found.auc_a == pytest.approx(roc_auc_score(label, a))


def test_delong_counts_copies_of_images_once():
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    a, b = (np.clip(rng.normal(0.5, 0.2, 60) + s * (label - 0.5), 0, 1) for s in (0.3, 0.1))
    copies = np.repeat(np.arange(60), 3)
    once = delong(label, a, b)
    grouped = delong(label[copies], a[copies], b[copies], group=copies)
    assert grouped.p_value == pytest.approx(once.p_value)
    assert delong(label[copies], a[copies], b[copies]).p_value < once.p_value


def test_delong_takes_groups_of_both_classes_as_one():
    # Obuchowski (1997): within a group both kinds of placements vary together
    rng = np.random.default_rng(1)
    label, group = np.arange(400) % 2, np.repeat(np.arange(40), 10)
    shared = np.repeat(rng.normal(size=40), 10)
    a, b = (1 / (1 + np.exp(-(label + rng.normal(size=400) + s * shared))) for s in (2, 0))
    variances = np.diag(delong(label, a, b, group=group).covariance)
    weights = [np.bincount(rng.integers(40, size=40), minlength=40)[group] for _ in range(600)]
    for score, variance in zip((a, b), variances, strict=True):
        areas = [roc_auc_score(label, score, sample_weight=weight) for weight in weights]
        assert np.var(areas) == pytest.approx(variance, rel=0.3)


def test_delong_of_equal_scores_finds_no_difference():
    assert delong([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.6], [0.9, 0.2, 0.4, 0.6]).p_value == 1


def test_delong_claims_nothing_without_variance():
    label, right = [1, 1, 0, 0], np.array([0.9, 0.8, 0.1, 0.2])
    assert math.isnan(delong(label, right, 1 - right).p_value)


def test_delong_compares_areas_within_folds():
    rng = np.random.default_rng(2)
    label, fold = np.arange(200) % 2, np.arange(200) // 50
    a, b = (1 / (1 + np.exp(-(2 * label + rng.normal(size=200)))) for _ in range(2))
    shifted = b ** np.array([0.1, 1, 2, 5])[fold]
    within = delong(label, a, shifted, fold=fold)
    assert within.p_value == pytest.approx(delong(label, a, b, fold=fold).p_value)
    assert within.p_value > 0.05 > delong(label, a, shifted).p_value


def test_delong_is_undefined_with_one_class():
    found = delong([1, 1, 1], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
    assert math.isnan(found.auc_a)
    assert math.isnan(found.p_value)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_agrees_with_statsmodels(pairs):
    a, b = np.array(pairs).T
    found = mcnemar(a, b)
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    assert (found.only_a, found.only_b) == (table[0][1], table[1][0])
    exact = statsmodels_mcnemar(table, exact=True).pvalue
    assert found.exact == pytest.approx(exact)
    assert found.p_value <= found.exact


def test_the_mid_p_counts_the_outcome_by_half():
    # Fagerland, Lydersen & Laake (2013), section 2: 2 P(X < 1) + P(X = 1), X ~ Bin(7 + 1, 0.5)
    found = mcnemar([True] * 7 + [False], [False] * 7 + [True])
    assert found.p_value == pytest.approx(2 * 1 / 256 + 8 / 256)
    assert found.exact == pytest.approx(2 * 9 / 256)
    assert mcnemar([True], [True]).p_value == 1


def test_mcnemar_with_groups_flips_the_sign_of_whole_groups():
    group = [0, 0, 0, 1, 1, 2, 3, 3, 4, 5]
    a = np.array([1, 1, 1, 1, 1, 0, 1, 0, 1, 1], dtype=bool)
    b = np.array([0, 0, 0, 0, 0, 1, 0, 1, 1, 0], dtype=bool)
    balance = np.array([3, 2, -1, 0, 0, 1])
    sums = [abs((np.array(signs) * balance).sum()) for signs in product((-1, 1), repeat=6)]
    assert mcnemar(a, b, group=group).exact == pytest.approx(
        np.mean([value >= abs(balance.sum()) for value in sums])
    )


def test_mcnemar_of_thousands_of_groups_is_a_probability():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 20_000)) < [[0.9], [0.88]]
    found = mcnemar(a, b, group=rng.integers(4000, size=20_000))
    assert 0 < found.p_value < 0.01


@settings(max_examples=20, deadline=None)  # statsmodels takes 50 ms
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_takes_a_test_that_was_not_possible_as_none():
    assert holm([0.04, math.nan, 0.02]) == pytest.approx([0.04, math.nan, 0.04], nan_ok=True)


def test_the_bootstrap_p_value_doubles_the_rarer_side():
    assert bootstrap_p(np.array([-1.0] * 9 + [1.0] * 190)) == pytest.approx(2 * 10 / 200)
    assert bootstrap_p(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 4)
    assert bootstrap_p(np.zeros(9)) == 1
    assert math.isnan(bootstrap_p(np.full(9, 0.5)))
    assert math.isnan(bootstrap_p(np.array([1.0, math.nan])))
