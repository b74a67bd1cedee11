"""A comparison claims no more than it knows."""

import io
import json
import re

import numpy as np
import pytest
from finished_runs import cells, write_run
from rich.console import Console

from corrosion.cli.main import main
from corrosion.evaluation.comparison import compare_runs
from corrosion.report.comparison_report import tables
from corrosion.report.comparison_sentences import conclusions, headline, notices
from corrosion.report.comparison_tables import narrow_tests_tables

pytestmark = pytest.mark.usefixtures("blank_figures")


def add_facts(directory, **facts):
    """Facts of a run beside those that it has."""
    path = directory / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


@pytest.fixture
def pair(tmp_path):
    """Single runs of two networks on 240 images."""
    images = range(240)
    write_run(tmp_path / "a", skill=6, images=images)
    write_run(tmp_path / "b", model="mobilenetv2", skill=1, images=images)
    return tmp_path


def test_single_runs_are_said_to_be_checkpoints_at_the_top_and_in_each_sentence(pair):
    comparison = compare_runs([pair], count=50)
    top, *_ = notices(comparison)
    assert "these checkpoints only, not of the models" in top
    assert "3 seeds (seed=0,1,2)" in top
    said = conclusions(comparison)
    assert top not in said  # said once
    assert "this checkpoint of resnet50 is better than this checkpoint of mobilenetv2" in said[0]
    assert comparison.as_dict()["tests"][0]["speaks_of"] == "these checkpoints"


def test_three_seeds_speak_of_the_models(tmp_path):
    for seed in range(3):
        write_run(tmp_path / f"a{seed}", seed=seed, skill=8, images=range(240))
        write_run(tmp_path / f"b{seed}", model="other", seed=seed, skill=1, images=range(240))
    comparison = compare_runs([tmp_path], count=50)
    assert "they speak of the models" in notices(comparison)[0]
    said = conclusions(comparison)[0]
    assert "resnet50 is better than other" in said
    assert "checkpoint" not in said


def test_tables_of_tests_are_as_narrow_as_a_terminal(pair):
    write_run(pair / "c", model="efficientnet_lite0 updated", skill=3, images=range(240))
    narrow = narrow_tests_tables(compare_runs([pair], count=50))
    assert [table.title.split(":")[0] for table in narrow] == [
        "resnet50 – mobilenetv2",
        "resnet50 – efficientnet_lite0 updated",
        "mobilenetv2 – efficientnet_lite0 updated",
    ]
    for table in narrow:
        console = Console(width=80, record=True, file=io.StringIO())
        table.print(console)
        printed = console.export_text()
        assert printed.count("┏") == 1  # in one part
        assert "these checkpoints" in " ".join(printed.split())


@pytest.mark.parametrize("few", [False, True])
def test_a_log_loss_that_got_worse_is_named_though_decisions_are_the_same(tmp_path, few):
    images = range(60 if few else 240)
    table = write_run(tmp_path / "a", skill=1, images=images)
    write_run(tmp_path / "b", model="sure", skill=1, images=images)
    odds = (table["probability"] / (1 - table["probability"])) ** 6
    table.assign(probability=(odds / (1 + odds)).clip(1e-9, 1 - 1e-9)).to_csv(
        tmp_path / "b" / "predictions.csv", index=False
    )
    comparison = compare_runs([tmp_path], count=200)
    [said] = [line for line in conclusions(comparison) if "log loss" in line]
    assert "this checkpoint of resnet50 is better than this checkpoint of sure" in said
    assert ("hint only" in said) == few
    assert ("log loss" in headline(comparison)) != few


def test_a_log_loss_that_chance_explains_is_not_named(pair):
    write_run(pair / "c", model="other", skill=6, seed=1, images=range(240))
    comparison = compare_runs([pair / "a", pair / "c"], count=50)
    assert "log loss" not in " ".join(conclusions(comparison))


def test_numbers_of_the_papers_tables_stand_beside_its_figures_alone(pair):
    comparison = compare_runs([pair], count=50)
    plain = " ".join(table.title for table in tables(comparison))
    assert "(Table" not in plain
    assert "(Table 9)" in " ".join(table.title for table in tables(comparison, paper=True))


def test_each_pair_is_told_which_difference_it_could_have_found(pair):
    comparison = compare_runs([pair], count=50)
    [said] = [line for line in conclusions(comparison) if "this comparison finds" in line]
    found = float(re.search(r"a difference of (\d\.\d+) in accuracy", said)[1])
    row = comparison.tests.set_index("metric").loc["accuracy"]
    assert found == pytest.approx(row["detectable"], abs=0.001)
    assert (row["high"] - row["low"]) / 2 < found < row["high"] - row["low"]
    assert "ROC-AUC" in said


def test_two_seeds_are_shown_with_mean_deviation_and_each(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed=seed, skill=1) for seed in range(2)]
    comparison = compare_runs([tmp_path], count=50)
    accuracy = [np.mean((run["probability"] >= 0.5) == run["label"]) for run in runs]
    table = next(one for one in tables(comparison) if one.title.startswith("Runs of resnet50"))
    assert table.columns == ("", "mean", "SD", "seed 0", "seed 1")
    row = next(row for row in table.rows if row[0] == "accuracy")
    values = (np.mean(accuracy), np.std(accuracy, ddof=1), *accuracy)
    assert row[1:] == tuple(f"{value:.4f}" for value in values)
    content = comparison.as_dict()["models"]["resnet50"]
    assert content["scatter"]["accuracy"]["sd"] == pytest.approx(np.std(accuracy, ddof=1))
    assert [run["metrics"]["accuracy"] for run in content["of_runs"]] == pytest.approx(accuracy)


def test_folds_are_shown_each_on_its_own_images(tmp_path):
    for fold in range(3):
        data, images = {"folds": 3, "fold": fold}, range(20 * fold, 20 * fold + 20)
        write_run(tmp_path / str(fold), images=images, data=data)
    table = next(one for one in tables(compare_runs([tmp_path], count=20)) if "Runs" in one.title)
    assert table.columns[3:] == ("seed 0, fold 0", "seed 0, fold 1", "seed 0, fold 2")


def test_published_figures_beside_random_weights_get_a_banner(pair, capsys):
    add_facts(pair / "a", weights={"used": "random"})
    add_facts(pair / "b", weights={"used": "imagenet"})
    comparison = compare_runs([pair], count=20)
    [banner] = [one for one in notices(comparison, paper=True) if "NOT THE STUDY" in one]
    assert "resnet50 (random)" in banner
    assert "mobilenetv2" not in banner
    assert not any("NOT THE STUDY" in one for one in notices(comparison))
    assert main(["compare", str(pair), "--paper", "--resamples", "20"]) == 0
    assert banner in capsys.readouterr().out
    page = (pair / "comparison" / "compare.html").read_text()
    assert re.search(r'class="warning">NOT THE STUDY', page)


def test_networks_that_guess_or_were_taught_on_generated_pictures_are_told(tmp_path):
    write_run(tmp_path / "a", skill=6)
    write_run(tmp_path / "b", model="mobilenetv2", skill=0)
    add_facts(tmp_path / "a", generated=True)
    said = notices(compare_runs([tmp_path], count=20))
    assert any(one.startswith("resnet50: The network was trained on generated") for one in said)
    assert any(one.startswith("mobilenetv2: The network can't be told from") for one in said)
    assert not any(one.startswith("resnet50: The network can't") for one in said)


def test_losses_of_few_images_are_called_a_hint_beside_their_figures(tmp_path, pair):
    write_run(tmp_path / "few" / "a")
    few, many = (compare_runs([path], count=20) for path in (tmp_path / "few", pair / "a"))
    assert any(
        "Brier score and log loss are hints only (30 corroded" in one for one in notices(few)
    )
    assert not any("hints only" in one for one in notices(many))
    assert cells(few, "Brier score (hint only)")
    assert cells(many, "Brier score")


@pytest.mark.figures
def test_latex_tables_and_figures_are_written_where_asked_for(pair):
    options = ["--paper", "--resamples", "20"]
    assert main(["compare", str(pair), "--latex", "--out", str(pair / "x"), *options]) == 0
    text = (pair / "x" / "tables.tex").read_text()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") >= 5
    assert re.search(r"accuracy & [01]\.\d{4} \(0\.\d{4} -- [01]\.\d{4}\) & 0\.9658 ", text)
    figures = {path.name for path in (pair / "x" / "figures").iterdir()}
    assert {"roc.png", "roc.pdf", "roc.svg", "pr.pdf", "confusion_matrices.svg"} <= figures
    assert (pair / "x" / "figures" / "roc.pdf").read_bytes().startswith(b"%PDF")
    assert main(["compare", str(pair), "--out", str(pair / "y"), *options]) == 0
    assert not (pair / "y" / "tables.tex").exists()


@pytest.mark.parametrize("rounding", [0, 1e-9])
def test_seeds_that_predict_the_same_count_as_one(tmp_path, rounding):
    for seed in range(3):
        write_run(tmp_path / f"b{seed}", model="other", seed=seed, skill=1, images=range(240))
        probe = write_run(tmp_path / f"a{seed}", skill=8, images=range(240))
        probe["probability"] += seed * rounding
        probe.sample(frac=1, random_state=seed).to_csv(
            tmp_path / f"a{seed}" / "predictions.csv", index=False
        )
    comparison = compare_runs([tmp_path], count=50)
    assert set(comparison.tests["speaks_of"]) == {"these checkpoints"}
    said = [one for one in notices(comparison) if "predict the same of every image" in one]
    assert len(said) == 1
    assert said[0].startswith("resnet50: of 3 seeds 1 counts")
    told = comparison.as_dict()["models"]
    assert (told["resnet50"]["seeds"], told["resnet50"]["seeds_trained"]) == (1, 3)
    assert (told["other"]["seeds"], told["other"]["seeds_trained"]) == (3, 3)
    assert len(told["resnet50"]["of_runs"]) == 3


def test_it_is_said_where_intervals_may_miss_what_they_promise(tmp_path):
    write_run(tmp_path / "few", skill=2, images=range(12))
    write_run(tmp_path / "near" / "one", skill=9, images=range(240))
    write_run(tmp_path / "well", skill=2, images=range(240))
    few, near, well = (
        notices(compare_runs([tmp_path / name], count=20)) for name in ("few", "near", "well")
    )
    assert any(one.startswith("Intervals are hints: they hold") for one in few)
    assert any(one.startswith("Few photographs are ranked wrongly") for one in near)
    assert well == []
