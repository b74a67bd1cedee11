"""Plans of comparisons."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.evaluation.planning import needs
from corrosion.evaluation.planning_basis import ASSUMED_SPREAD, basis, plausible_spreads
from corrosion.evaluation.planning_runs import judge
from corrosion.report.plan_report import assumptions, plan_table
from corrosion.settings.planning import PlanSettings

IMAGES = 200
LABEL = np.arange(IMAGES) % 2


def table(seed=0, skill=3.0):
    noise = np.random.default_rng(seed).normal(size=IMAGES)
    probability = 1 / (1 + np.exp(-noise - skill * (LABEL - 0.5)))
    paths = [f"{number}.jpg" for number in range(IMAGES)]
    return pd.DataFrame({"path": paths, "label": LABEL, "probability": probability})


def plan(of, **options):
    settings = {"difference": 0.1, "power": 0.8, "seeds": [1], "images": 200, "count": 60}
    return needs(of, **settings | options)


def recipe(runs, *, spread=0.0, images=600, seed=0):
    """Runs that share half of what they see in an image; ROC-AUC about 0.95."""
    generator = np.random.default_rng(seed)
    label = np.arange(images) % 2
    shared = generator.normal(size=images)
    paths = [f"{number}.jpg" for number in range(images)]
    tables = []
    for skill in 2.3 + spread * generator.normal(size=runs):
        noise = np.sqrt(0.5) * (shared + generator.normal(size=images))
        probability = 1 / (1 + np.exp(-2 * (noise + skill * (label - 0.5))))
        tables.append(pd.DataFrame({"path": paths, "label": label, "probability": probability}))
    return tables


def accuracy(scores, label):
    return np.mean((scores >= 0) == label, axis=1)


def test_simulated_runs_are_as_good_and_disagree_as_much_as_those_that_were_seen():
    runs = recipe(3)
    of = basis(runs, metric="accuracy", threshold=0.5)
    seen = [np.mean((one["probability"] >= 0.5) == one["label"]) for one in runs]
    assert of.value == pytest.approx(np.mean(seen))
    assert of.spread == pytest.approx(np.std(seen, ddof=1))
    assert (of.runs, of.images) == (3, 600)
    label = of.scores.labels(20_000)
    drawn = of.draw(np.full(6, of.value), label, np.random.default_rng(1))
    assert accuracy(drawn, label) == pytest.approx(of.value, abs=0.01)
    decided = drawn >= 0
    within, across = np.mean(decided[0] != decided[1]), np.mean(decided[0] != decided[3])
    assert within == pytest.approx(of.disagreement, abs=0.015)
    assert within < across
    said = assumptions(of, model="a")[1]
    assert "Seen in its 3 seeds" in said
    assert "a hint" in said
    firm = basis(recipe(5), metric="accuracy", threshold=0.5)
    assert "a hint" not in assumptions(firm, model="a")[1]


@pytest.mark.parametrize("metric", ["accuracy", "recall", "specificity", "auroc"])
def test_simulated_runs_differ_in_the_metric_by_what_is_asked(metric):
    of = basis(recipe(3, spread=0.3), metric=metric, threshold=0.5)
    label = of.scores.labels(20_000)
    drawn = of.draw(np.repeat([of.value, of.value - 0.05], 3), label, np.random.default_rng(0))
    values = judge(metric, label, drawn)[0]
    assert values[:3] == pytest.approx(of.value, abs=0.012)
    assert values[3:] == pytest.approx(of.value - 0.05, abs=0.012)


def test_simulated_scores_are_distributed_as_those_that_were_seen():
    runs = recipe(4)
    of = basis(runs, metric="auroc", threshold=0.5)
    label = of.scores.labels(4000)
    drawn = of.draw(np.full(2, of.value), label, np.random.default_rng(0))
    for side in (0, 1):
        seen = np.concatenate([one["probability"][one["label"] == side] for one in runs])
        scores = np.log(seen / (1 - seen))
        assert ks_2samp(scores, drawn[:, label == side].ravel()).statistic < 0.04


def test_of_a_single_run_it_is_said_what_is_assumed():
    of = basis([table()], metric="accuracy", threshold=0.5)
    assert of.runs == 1
    assert of.spread == pytest.approx(ASSUMED_SPREAD, rel=0.2)
    assert "ASSUMED" in assumptions(of, model="a")[1]


def test_scatter_that_the_test_images_alone_explain_is_none_of_the_runs():
    few, many = (
        basis(recipe(8, images=images), metric="accuracy", threshold=0.5) for images in (80, 4000)
    )
    assert few.spread > 2 * many.spread
    assert np.median(few.spreads) < few.spread
    scattered = basis(recipe(8, spread=0.5, images=4000), metric="accuracy", threshold=0.5)
    assert np.median(scattered.spreads) == pytest.approx(scattered.spread, rel=0.2)


@given(st.floats(0.001, 0.1), st.floats(1.1, 3), st.integers(2, 20))
def test_more_scatter_makes_larger_spreads_plausible(seen, factor, runs):
    less, more = (
        plausible_spreads(one, runs=runs, noise=1e-5, assumed=0.01) for one in (seen, factor * seen)
    )
    assert (np.diff(less) > 0).all()
    assert (more > less).all()


def test_runs_that_are_never_wrong_can_be_planned_from():
    sure = []
    for one in recipe(3):
        certain = np.maximum(one["probability"], 1 - one["probability"])
        right = np.where(one["label"] == 1, certain, 1 - certain)
        sure.append(one.assign(probability=right))
    of = basis(sure, metric="accuracy", threshold=0.5)
    [found] = plan(of, difference=0.05)
    assert of.value == 1
    assert found.images
    label = of.scores.labels(2000)
    drawn = of.draw(np.array([1.0, 0.8]), label, np.random.default_rng(0))
    np.testing.assert_allclose(accuracy(drawn, label), [1, 0.8], atol=0.03)


def test_a_network_without_errors_tells_it_from_one_that_is_wrong_in_a_fifth():
    sure = table(skill=20.0)[:60]
    of = basis([sure], metric="accuracy", threshold=0.5)
    found, of_three = plan(of, images=60, difference=0.2, seeds=[1, 3])
    assert (of.value, of.spread) == (1, ASSUMED_SPREAD)
    assert found.images < 60
    assert found.detectable < 0.2  # six of 60 errors are significant, of one alone
    assert of_three.detectable < 0.2


def test_a_smaller_difference_needs_more_images():
    of = basis([table()], metric="accuracy", threshold=0.5)
    [large], [small] = (plan(of, difference=one) for one in (0.15, 0.05))
    assert 20 < large.images < small.images


def test_the_detectable_difference_is_the_one_that_needs_as_many_images():
    of = basis([table()], metric="accuracy", threshold=0.5)
    [found] = plan(of, images=300)
    [back] = plan(of, difference=found.detectable)
    assert back.images == pytest.approx(300, rel=0.25)


def test_runs_that_scatter_take_more_seeds_instead_of_images():
    of = basis(recipe(4, spread=0.3), metric="accuracy", threshold=0.5)
    few, many = (of.power(0.05, images=2000, seeds=n, level=0.95, count=60) for n in (3, 12))
    assert few < 0.5 < many
    [hopeless] = plan(of, difference=0.03, seeds=[3], count=5)
    assert hopeless.images is None
    assert hopeless.most < 0.8
    settings = PlanSettings(difference=0.03)
    assert plan_table([hopeless], settings, images=200).rows[0][2].startswith("none (")


def test_three_runs_find_less_than_student_says_since_the_test_sees_their_scatter_alone():
    of = basis([table()], metric="accuracy", threshold=0.5)
    # the independent simulation of docs/results.md, of 4 points with a scatter of 1
    assert of.most_power(0.04, seeds=3, level=0.95) == pytest.approx(0.88, abs=0.02)
    assert of.most_power(0.04, seeds=20, level=0.95) > 0.99


def test_three_runs_that_scatter_little_leave_more_scatter_plausible_than_thirty():
    three, thirty = (
        plausible_spreads(0.001, runs=runs, noise=0.0, assumed=0.01) for runs in (3, 30)
    )
    assert np.median(three) > 0.006
    assert np.median(thirty) < 0.004


def test_equal_models_are_seldom_told_apart():
    of = basis([table()], metric="accuracy", threshold=0.5)
    for seeds in (1, 3):
        assert of.power(0.0, images=200, seeds=seeds, level=0.95, count=200) < 0.06


def test_an_impossible_difference_is_refused():
    of = basis([table(skill=1.0)], metric="auroc", threshold=0.5)
    with pytest.raises(CorrosionError, match=r"difference=0\.97: no network is that much worse"):
        plan(of, difference=0.97)


def write_run(directory, name="resnet50", seed=0):
    directory.mkdir()
    table(seed).to_csv(directory / "predictions.csv", index=False)
    config = {"model": {"name": name, "threshold": 0.5}, "seed": seed}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    (directory / "metrics.json").write_text(json.dumps({"model": name}))


def test_the_command_says_what_a_comparison_needs(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write_run(tmp_path / "a")
    options = ["--difference", "0.1", "--seeds", "1", "3", "--simulations", "20"]
    assert main(["plan", str(tmp_path / "a"), *options]) == 0
    printed = capsys.readouterr().out
    for text in ("a difference of 0.1 in accuracy", "these checkpoints", "the models", "ASSUMED"):
        assert text in printed
    write_run(tmp_path / "b", name="mobilenetv2")
    assert main(["plan", str(tmp_path)]) == 1
    assert "runs of several models" in capsys.readouterr().err
