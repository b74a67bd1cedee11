"""The simulations of coverage on a few tiny sets."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from corrosion.evaluation.metric_table import EVALUATED, TESTED
from corrosion.evaluation.model_tests import compare_models


@pytest.fixture(scope="module")
def benchmark():
    """The module by its path: a package of its name measures which lines tests run."""
    path = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their types
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_drawn_models_are_calibrated_and_as_good_as_asked_for(benchmark):
    case = benchmark.Case(0.97, 40_000, 0.1, 1)
    a, b = benchmark.draw(case, np.random.default_rng(0), models=2)
    for table in (a, b):
        assert roc_auc_score(table["label"], table["probability"]) == pytest.approx(0.97, abs=0.004)
        sure = table["probability"].between(0.4, 0.6)
        assert table["label"][sure].mean() == pytest.approx(0.5, abs=0.05)
    assert 0.3 < np.corrcoef(a["probability"], b["probability"])[0, 1] < 0.99


def test_the_truth_is_that_of_a_very_large_set(benchmark):
    case = benchmark.Case(0.97, 200_000, 0.1, 1)
    [table] = benchmark.draw(case, np.random.default_rng(1))
    true = benchmark.truth(case)
    right = (table["probability"] >= 0.5) == table["label"]
    assert right.mean() == pytest.approx(true["accuracy"], abs=0.002)
    loss = (table["probability"] - table["label"]) ** 2
    assert loss.mean() == pytest.approx(true["brier"], abs=0.001)


def test_images_of_a_group_are_alike(benchmark):
    case = benchmark.Case(0.97, 4000, 0.5, 4)
    [table] = benchmark.draw(case, np.random.default_rng(0))
    scores = np.log(table["probability"] / (1 - table["probability"])).to_numpy().reshape(-1, 4)
    assert np.corrcoef(scores[:, 0], scores[:, 1])[0, 1] > 0.85
    assert table.groupby("group")["label"].nunique().eq(1).all()
    assert case.is_enough
    assert not benchmark.Case(0.97, 60, 0.5, 4).is_enough


def test_one_command_prints_every_table(benchmark, capsys):
    benchmark.main(["--count", "2", "--resamples", "20", "--sizes", "20"])
    printed = capsys.readouterr().out
    for text in ("hold the truth", "| metric | coverage", "tells equally good", "over 5 folds"):
        assert text in printed
    assert "* AUC 0.97, 20 images, 50%" in printed


@pytest.mark.parametrize("area", [0.97, 0.998])
def test_intervals_hold_what_they_promise_where_each_class_has_ten_images(benchmark, area):
    sets = 60
    case = benchmark.Case(area, 20, 0.5, 1)
    found = benchmark.coverage(case, count=sets, resamples=20, seed=0)
    for name in set(EVALUATED) - {"ece"}:
        # 0.13 to 0.88 with the bootstrap; 60 sets tell coverage to some 0.03
        assert found[name].held >= 0.88 * sets, name
        assert found[name].undefined == 0
    ratio = found["ece"].expected / found["ece"].sets
    assert ratio == pytest.approx(1, abs=0.45)


def test_groups_keep_intervals_honest(benchmark):
    case = benchmark.Case(0.97, 200, 0.5, 4)
    found = benchmark.coverage(case, count=60, resamples=20, seed=0)
    assert all(found[name].held >= 0.86 * 60 for name in set(EVALUATED) - {"ece"})


def test_equally_good_models_are_seldom_told_apart(benchmark):
    # brier and log_loss: 0.13 with the bootstrap
    case = benchmark.Case(0.998, 60, 0.5, 1)
    found = benchmark.false_alarms(case, count=60, resamples=100, seed=0)
    assert set(found) == set(TESTED)
    assert max(found.values()) <= 0.1


def test_alarms_are_those_of_a_comparison(benchmark):
    case, sets = benchmark.Case(0.97, 100, 0.5, 1), 10
    found = benchmark.false_alarms(case, count=sets, resamples=60, seed=2)
    assert sum(one > 0 for one in found.values()) > 5
    generator, alarms = np.random.default_rng(2), dict.fromkeys(TESTED, 0)
    for number in range(sets):
        a, b = (
            one.assign(path=np.arange(len(one)).astype(str))
            for one in benchmark.draw(case, generator, models=2)
        )
        tests = compare_models({"a": a, "b": b}, count=60, seed=number)
        for name, p_value in zip(tests["metric"], tests["p_value"], strict=True):
            alarms[name] += p_value < 0.05
    assert found == pytest.approx({name: alarms[name] / sets for name in TESTED})


def test_folds_on_other_scales_bias_nothing(benchmark):
    # bias -0.013, coverage 0.68, told apart 0.29 when folds were pooled
    case = benchmark.Case(0.97, 60, 0.5, 1)
    found = benchmark.fold_errors(case, count=25, seed=0)
    assert abs(found["bias"]) < 0.006
    assert found["coverage"] > 0.85
    assert found["told apart"] <= 0.15
