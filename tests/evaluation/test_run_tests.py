"""Comparisons that count other runs."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from corrosion.evaluation.model_tests import CHECKPOINTS, MODELS, compare_models
from corrosion.evaluation.pair_tests import PairTest
from corrosion.evaluation.run_tests import (
    compare_seeds,
    detectable,
    spread_of_folds,
    spread_of_seeds,
    student_test,
)

IMAGES = 200
LABEL = np.arange(IMAGES) % 2


def run(generator, *, skill=3.0, noise=1.0, **columns):
    """Predictions of a network for the same images."""
    score = skill * (LABEL - 0.5) + noise * generator.normal(size=IMAGES)
    paths = np.arange(IMAGES).astype(str)
    probability = 1 / (1 + np.exp(-score))
    return pd.DataFrame({"path": paths, "label": LABEL, "probability": probability, **columns})


def seeds(generator, skills):
    return [run(generator, skill=skill) for skill in skills]


def test_on_endless_images_seeds_are_tested_by_student():
    a, b = np.array([0.91, 0.93, 0.92]), np.array([0.89, 0.90, 0.88])
    spread = spread_of_seeds((a, b), np.zeros((6, 6)))
    found = student_test(a.mean() - b.mean(), spread, name="t")
    expected = ttest_ind(a, b, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(expected.confidence_interval())


def test_runs_that_agree_leave_the_variance_of_the_images():
    # two recipes without any scatter of their own: as two single models
    covariance = np.kron(np.array([[0.0004, 0.0001], [0.0001, 0.0009]]), np.ones((3, 3)))
    spread = spread_of_seeds((np.full(3, 0.9), np.full(3, 0.8)), covariance)
    assert spread.variance == pytest.approx(0.0004 + 0.0009 - 2 * 0.0001)


def test_the_noise_of_single_runs_is_not_counted_twice():
    # what runs see for themselves scatters them, and shrinks with their number as that does
    generator = np.random.default_rng(0)
    own, count = 0.02, 40
    values = tuple(0.9 + own * generator.normal(size=count) for _ in range(2))
    spread = spread_of_seeds(values, own**2 * np.eye(2 * count))
    assert spread.variance == pytest.approx(2 * own**2 / count, rel=0.3)


def test_overlapping_training_sets_of_folds_widen_by_the_known_factor():
    change = np.array([0.01, 0.03, 0.02, 0.00, 0.04])
    naive = change.var(ddof=1) / 5
    assert spread_of_folds(change, 1 / 4).variance / naive == pytest.approx(1 + 5 / 4)


def test_single_runs_speak_of_checkpoints_and_three_seeds_of_models():
    generator = np.random.default_rng(0)
    for runs, about in ((1, CHECKPOINTS), (2, CHECKPOINTS), (3, MODELS)):
        models = {name: seeds(generator, [3.0] * runs) for name in ("a", "b")}
        assert set(compare_models(models, count=20)["speaks_of"]) == {about}
    mixed = {"a": seeds(generator, [3.0] * 3), "b": seeds(generator, [3.0])}
    assert set(compare_models(mixed, count=20)["speaks_of"]) == {CHECKPOINTS}


def test_runs_that_scatter_as_much_as_models_differ_tell_nothing_of_these():
    # the difference of single checkpoints is plain, and another seed would turn it round
    generator = np.random.default_rng(1)
    a, b = seeds(generator, [1.0, 3.0, 6.0]), seeds(generator, [1.5, 4.0, 7.0])
    single = compare_models({"a": a[0], "b": b[2]}, count=50).set_index("metric")
    both = compare_models({"a": a, "b": b}, count=50).set_index("metric")
    assert single.loc["accuracy", "significant"]
    assert not both["significant"].any()


def test_a_clear_difference_of_models_is_found_with_three_seeds():
    generator = np.random.default_rng(2)
    models = {"a": seeds(generator, [6.0, 6.2, 5.9]), "b": seeds(generator, [2.0, 2.1, 1.9])}
    tests = compare_models(models, count=100).set_index("metric")
    assert tests.loc[["accuracy", "auroc", "brier"], "significant"].all()
    assert set(tests["test"]) == {"t of runs and images"}
    row = tests.loc["accuracy"]
    assert row["low"] < row["difference"] < row["high"]


def test_folds_are_compared_by_the_corrected_resampled_t_test():
    generator = np.random.default_rng(3)
    fold = np.arange(IMAGES) // 2 % 4
    a, b = (run(generator, skill=skill, test_fold=fold) for skill in (4.0, 3.0))
    row = compare_models({"a": a, "b": b}, count=20).set_index("metric").loc["accuracy"]
    right = [((one["probability"] >= 0.5) == LABEL).to_numpy() for one in (a, b)]
    change = [right[0][fold == one].mean() - right[1][fold == one].mean() for one in range(4)]
    expected = student_test(np.mean(change), spread_of_folds(np.array(change), 1 / 3), name="")
    assert (row["test"], row["speaks_of"]) == ("corrected resampled t", MODELS)
    assert row["p_value"] == pytest.approx(expected.p_value)


def test_folds_of_another_division_speak_of_checkpoints():
    generator = np.random.default_rng(4)
    a = run(generator, test_fold=np.arange(IMAGES) // 2 % 4)
    b = run(generator, test_fold=np.arange(IMAGES) // 50)
    assert set(compare_models({"a": a, "b": b}, count=20)["speaks_of"]) == {CHECKPOINTS}


def test_precision_areas_of_folds_on_other_scales_are_means_within_them():
    fold = np.arange(IMAGES) // 2 % 2
    plain = run(np.random.default_rng(5), test_fold=fold)
    moved = plain.assign(probability=np.where(fold == 0, 0.5, 0) + plain["probability"] / 2)
    tests = compare_models({"plain": plain, "moved": moved}, count=20).set_index("metric")
    for metric in ("auroc", "auprc", "auprc_negative"):
        assert tests.loc[metric, "difference"] == pytest.approx(0, abs=1e-12)


def test_the_detectable_difference_is_found_as_often_as_it_says():
    generator = np.random.default_rng(6)
    deviation, count = 0.01, 4000
    test = PairTest("z", 0.5)
    half = 1.959964 * deviation
    least = detectable(test, (-half, half), level=0.95, pairs=1, images=100)
    seen = least + deviation * generator.normal(size=count)
    assert np.mean(seen > half) == pytest.approx(0.8, abs=0.02)
    assert detectable(test, (-half, half), level=0.95, pairs=6, images=100) > least
    assert np.isnan(detectable(test, (0.0, 0.0), level=0.95, pairs=1, images=100))


def test_no_difference_is_detectable_that_mcnemars_test_is_likely_to_miss():
    # two models that are nearly always right together scatter little, but decide nothing
    generator = np.random.default_rng(7)
    a = run(generator, skill=20.0)
    b = a.assign(probability=a["probability"].where(a.index != 3, 0.1))
    row = compare_models({"a": a, "b": b}, count=200).set_index("metric").loc["accuracy"]
    wrong = generator.binomial(IMAGES, row["detectable"], size=4000)
    found = np.mean(0.5**wrong < 0.05)  # mid-p where only one model is ever wrong
    assert found == pytest.approx(0.8, abs=0.03)


def test_fewer_runs_than_three_are_taken_as_they_are():
    values = (np.array([0.9, 0.5]), np.array([0.7, 0.7]))
    drawn = tuple(one[:, None] + np.zeros((2, 50)) for one in values)
    found = compare_seeds(values, drawn)
    assert not found.models
    assert found.p_value == 1  # the means are equal on every resample
