"""Plans of comparisons."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.evaluation.planning import needs
from corrosion.evaluation.planning_basis import ASSUMED_SPREAD, basis
from corrosion.report.plan_report import assumptions

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


def test_simulated_runs_disagree_and_scatter_as_those_that_were_seen():
    runs = [table(seed, skill) for seed, skill in enumerate((2.0, 3.0, 4.0))]
    of = basis(runs, metric="accuracy", threshold=0.5)
    decided = [one["probability"] >= 0.5 for one in runs]
    accuracy = [np.mean(one == LABEL) for one in decided]
    assert of.spread == pytest.approx(np.std(accuracy, ddof=1))
    assert of.value == pytest.approx(np.mean(accuracy))
    assert of.runs == 3
    drawn = of.score + of.noise * np.random.default_rng(1).normal(size=(2, IMAGES))
    assert np.mean((drawn[0] >= 0) != (drawn[1] >= 0)) == pytest.approx(of.disagreement, abs=0.05)
    assert "Seen in its 3 seeds" in assumptions(of, model="a")[1]


def test_of_a_single_run_it_is_said_what_is_assumed():
    of = basis([table()], metric="accuracy", threshold=0.5)
    assert of.runs == 1
    assert of.spread >= 0.99 * ASSUMED_SPREAD  # more where so few images scatter more by chance
    assert "ASSUMED" in assumptions(of, model="a")[1]


@pytest.mark.parametrize("metric", ["accuracy", "recall", "specificity", "auroc"])
def test_the_shifted_copy_is_worse_by_the_difference(metric):
    of = basis([table()], metric=metric, threshold=0.5)
    assert of.difference(0) == 0
    assert 0 < of.difference(0.5) < of.difference(1.5)


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
    runs = [table(seed, skill) for seed, skill in enumerate((1.0, 3.0, 6.0))]
    of = basis(runs, metric="accuracy", threshold=0.5)
    few, many = (of.power(3.0, images=2000, seeds=n, level=0.95, count=60) for n in (3, 40))
    assert few < 0.5 < many
    [hopeless] = plan(of, difference=0.03, seeds=[3], count=5)
    assert hopeless.images is None


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
