import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from corrosion.errors import CorrosionError
from corrosion.evaluation.estimates import estimate_metrics
from corrosion.evaluation.intervals import proportion, proportions, wilson
from corrosion.evaluation.metric_table import EVALUATED, SHARES
from corrosion.evaluation.metrics import all_metrics


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(trials, share, level):
    successes = round(share * trials)
    found = wilson(successes, trials, level=level)
    expected = proportion_confint(successes, trials, alpha=1 - level, method="wilson")
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("right", "ends"),
    [(395, (0.9434, 0.9795)), (380, (0.9000, 0.9502)), (392, (0.9344, 0.9739))],
)
def test_wilson_gives_the_intervals_of_the_published_accuracies(right, ends):
    assert tuple(round(float(end), 4) for end in wilson(right, 409)) == ends


def test_wilson_without_trials_is_undefined():
    assert np.isnan(wilson(0, 0)).all()


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_outside_0_to_1_is_refused(level):
    with pytest.raises(CorrosionError, match=f"level={level}"):
        wilson(1, 2, level=level)
    with pytest.raises(CorrosionError, match=f"level={level}"):
        estimate_metrics([1, 0], [0.9, 0.1], level=level)


def test_images_that_come_in_identical_pairs_count_half():
    success = np.array([True, True, False, True, False, True, True, True] * 5)
    single = proportion(success)
    doubled = proportion(np.repeat(success, 2), group=np.repeat(np.arange(40), 2))
    assert (doubled.low, doubled.high) == pytest.approx((single.low, single.high), abs=0.002)
    unaware = proportion(np.repeat(success, 2))
    assert unaware.high - unaware.low < 0.8 * (doubled.high - doubled.low)


def test_identical_pairs_count_half_even_without_an_error():
    doubled = proportion([True] * 40, group=np.repeat(np.arange(20), 2))
    assert (doubled.low, doubled.high) == pytest.approx(wilson(20, 20))


def test_images_of_their_own_group_each_have_wilsons_interval():
    success = [True, False, True, True]
    found = proportion(success, group=["a", "b", "c", "d"])
    assert (found.low, found.high) == pytest.approx(wilson(3, 4))


def predictions(count=400, seed=0, sharpness=1.0):
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 2
    score = norm.cdf(rng.normal(size=count) + 1.5 * (label - 0.5)) ** sharpness
    return label, score


def test_every_metric_lies_within_its_interval():
    label, score = predictions()
    estimates = estimate_metrics(label, score, count=500)
    values = all_metrics(label, score)
    assert set(estimates) == set(EVALUATED)
    for name, estimate in estimates.items():
        assert estimate.value == pytest.approx(values[name])
        if name != "ece":
            assert estimate.low <= estimate.value <= estimate.high
    assert {name for name in EVALUATED if estimates[name].method == "undefined"} == {"ece"}
    assert {estimates[name].method for name in SHARES} == {"wilson"}


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
def test_on_tiny_sets_too_every_interval_contains_its_value(images):
    label, score = zip(*images, strict=True)
    for estimate in estimate_metrics(label, score, count=30).values():
        if estimate.method != "undefined":
            assert estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12


def test_the_interval_of_roc_auc_agrees_with_scipys_bootstrap():
    label, score = predictions(count=120)
    mine = estimate_metrics(label, score, count=4000)["auroc"]

    def auc(positives, negatives, axis=-1):
        both = np.concatenate([positives, negatives])
        return roc_auc_score(np.arange(len(both)) < len(positives), both)

    # two samples drawn on their own are what a stratified bootstrap is
    theirs = scipy_bootstrap(
        (score[label == 1], score[label == 0]),
        auc,
        vectorized=False,
        n_resamples=1500,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)


def test_a_lower_level_gives_narrower_intervals():
    label, score = predictions()
    wide, narrow = (estimate_metrics(label, score, count=500, level=x) for x in (0.95, 0.8))
    for name in set(EVALUATED) - {"ece"}:
        assert wide[name].high - wide[name].low > narrow[name].high - narrow[name].low


def test_groups_widen_bootstrap_intervals():
    label, score = predictions(count=100)
    copies = np.repeat(np.arange(100), 4)
    aware, unaware = (
        estimate_metrics(label[copies], score[copies], count=500, group=group)["auroc"]
        for group in (copies, None)
    )
    once = estimate_metrics(label, score, count=500)["auroc"]
    assert aware.high - aware.low == pytest.approx(once.high - once.low, rel=0.15)
    assert unaware.high - unaware.low < 0.6 * (once.high - once.low)


def test_groups_that_happen_to_scatter_like_single_images_still_count_as_fewer():
    # an error in each of five of ten groups: nothing in the data says that groups go together
    right = np.tile([True, True, True, False] + [True] * 4, 5)
    single, grouped = proportion(right), proportion(right, group=np.arange(40) // 4)
    assert grouped.low < single.low - 0.01
    everything_alike = wilson(single.value * 10, 10)
    assert grouped.low > everything_alike[0]


@pytest.mark.parametrize("size", [20, 100, 1000])
def test_areas_with_one_pair_ranked_wrongly_are_about_as_sure_as_without(size):
    label = np.repeat([0, 1], size)
    perfect = np.linspace(0, 1, 2 * size)
    swapped = perfect.copy()
    swapped[[size - 1, size]] = swapped[[size, size - 1]]
    without, with_one = (estimate_metrics(label, one, count=2) for one in (perfect, swapped))
    for name in ("auroc", "auprc", "auprc_negative"):
        # the variance of a single pair is too small, a modelled one too large near 1
        assert without[name].low - 0.06 < with_one[name].low < 1 - 1 / size, name
        assert with_one[name].value < with_one[name].high <= 1


def test_what_chance_gives_the_calibration_error_is_the_same_for_the_same_seed():
    label, score = predictions()
    first, again, other = (
        estimate_metrics(label, score, count=200, seed=seed)["ece"].expected for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_test_set_without_an_error_has_intervals_of_every_metric():
    estimates = estimate_metrics([1] * 10 + [0] * 10, [0.9] * 10 + [0.1] * 10, count=50)
    for name in set(EVALUATED) - {"brier", "log_loss", "ece"}:
        assert estimates[name].value == 1
        assert 0.6 < estimates[name].low < 0.95
    # an area of 1 has the bound of ten independent pairs without an error
    assert estimates["auroc"].method == "exact"
    assert estimates["auroc"].low == pytest.approx(0.025 ** (1 / 10))
    assert estimates["brier"].low < 0.01 < estimates["brier"].high
    assert estimates["log_loss"].low < 0.1054 < estimates["log_loss"].high


def test_f1_has_wilsons_interval_of_the_share_it_is_made_of():
    # 8 found, 1 missed, 2 false alarms
    label = [1] * 9 + [0] * 20
    found = estimate_metrics(label, [1.0] * 8 + [0.0] + [1.0] * 2 + [0.0] * 18, count=5)["f1"]
    low, high = wilson(8, 11)
    assert (found.low, found.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_folds_on_other_scales_have_the_mean_of_their_areas():
    label, score = predictions(count=200)
    fold = np.arange(200) // 100
    shifted = np.where(fold == 1, score**0.2, score)
    areas = [roc_auc_score(label[fold == one], score[fold == one]) for one in (0, 1)]
    found = estimate_metrics(label, shifted, fold=fold, count=5)["auroc"]
    assert found.value == pytest.approx(np.mean(areas))
    assert found.value > estimate_metrics(label, shifted, count=5)["auroc"].value + 0.02
    assert found.low < found.value < found.high


def test_the_calibration_error_stands_beside_what_chance_gives():
    label, score = predictions(count=100)
    found = estimate_metrics(label, score, count=400)["ece"]
    drawn = [
        all_metrics(np.random.default_rng(seed).random(100) < score, score)["ece"]
        for seed in range(400)
    ]
    assert found.expected == pytest.approx(np.mean(drawn), rel=0.06)


@pytest.mark.parametrize("name", [name for name in EVALUATED if name != "ece"])
def test_groups_widen_every_interval(name):
    label, score = predictions(count=60)
    copies = np.repeat(np.arange(60), 4)
    aware, unaware = (
        estimate_metrics(label[copies], score[copies], count=5, group=group)[name]
        for group in (copies, None)
    )
    assert aware.high - aware.low > 1.5 * (unaware.high - unaware.low)


def test_one_class_leaves_intervals_undefined_where_metrics_are():
    estimates = estimate_metrics([1] * 8, np.linspace(0.2, 0.9, 8), count=50)
    assert math.isnan(estimates["auroc"].value)
    assert estimates["auroc"].method == estimates["specificity"].method == "undefined"
    assert estimates["recall"].low < estimates["recall"].value < estimates["recall"].high
    assert estimates["brier"].low < estimates["brier"].value < estimates["brier"].high


def test_proportions_need_no_resamples():
    label, score = predictions()
    estimates = estimate_metrics(label, score, count=10)
    assert proportions(label, score) == {name: estimates[name] for name in SHARES}
