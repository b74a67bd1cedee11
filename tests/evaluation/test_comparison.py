"""`corrosion compare`: seeds and folds put together, tables, tests, costs, a page."""

import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from browser import needs_chromium, open_page, visit
from finished_runs import cells, write_run
from PIL import Image

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.evaluation.comparison import compare_runs
from corrosion.evaluation.intervals import wilson
from corrosion.evaluation.metrics import all_metrics
from corrosion.evaluation.thresholds import best_f1
from corrosion.report.comparison_sentences import conclusions, notices
from corrosion.report.published import PUBLISHED

pytestmark = pytest.mark.usefixtures("blank_figures")
LABEL = np.arange(60) % 2


@pytest.fixture
def study(tmp_path):
    """A multirun of two networks, one of them better."""
    write_run(tmp_path / "0_resnet50", skill=8)
    write_run(tmp_path / "1_mobilenetv2", model="mobilenetv2", skill=0.5)
    return tmp_path


@pytest.mark.figures
def test_a_multirun_is_compared_in_one_command(study, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["compare", str(study)]) == 0
    printed = capsys.readouterr().out
    best, worst = "this checkpoint of resnet50", "this checkpoint of mobilenetv2"
    assert f"{best} is better than {worst}" in printed
    assert "Significant for accuracy" in printed
    content = json.loads((study / "comparison" / "compare.json").read_text())
    assert set(content["models"]) == {"resnet50", "mobilenetv2"}
    assert content["models"]["resnet50"]["training_minutes"] == 1.5
    assert content["test_images"] == 60
    figures = {path.stem for path in (study / "comparison" / "figures").iterdir()}
    assert figures == {"loss_curves", "confusion_matrices", "roc", "pr"}
    assert main(["compare", str(study)]) == 1  # nothing is overwritten
    assert "choose another --out" in capsys.readouterr().err


@pytest.mark.figures
@needs_chromium
@pytest.mark.parametrize("width", [1000, 400])
def test_a_browser_shows_the_page_and_asks_for_nothing(study, width):
    assert main(["compare", str(study), "--paper"]) == 0
    path = study / "comparison" / "compare.html"
    page = open_page(path, width=width)
    assert (page.requests, page.failed, page.errors) == ((path.as_uri(),), (), ())
    assert page.overflow <= 0
    forest = "document.querySelector('.forest').getBoundingClientRect().top"
    table = "document.querySelector('table').getBoundingClientRect().top"
    with visit(path, width=width) as visited:
        assert visited.evaluate(f"{forest} < {table}") or width > 400
        titles = visited.evaluate(
            "[...document.querySelectorAll('.matrix [title]')].map((one) => one.title)"
        )
    assert len(titles) == 3
    assert all("p (Holm)" in title and "significant for these" in title for title in titles)
    for text in (
        "significant",
        "What is significant",
        "Table 9",
        "Figure 6",
        "Errata",
        "McNemar",
        "DeLong",
    ):
        assert text in page.text
    assert np.asarray(Image.open(io.BytesIO(page.screenshot))).std() > 5


def test_seeds_are_averaged_with_an_interval(tmp_path):
    runs = [write_run(tmp_path / str(seed), seed=seed) for seed in range(3)]
    comparison = compare_runs([tmp_path], count=200)
    (model,) = comparison.models
    means = {
        name: np.mean([all_metrics(run["label"], run["probability"])[name] for run in runs])
        for name in ("accuracy", "auroc", "f1")
    }
    assert {name: model.metrics[name].value for name in means} == pytest.approx(means)
    assert all(model.metrics[n].low < means[n] < model.metrics[n].high for n in means)
    assert sum(model.confusion) == 180
    assert "resnet50, mean of 3 seeds" in cells(comparison, "accuracy")
    assert "single model" in conclusions(comparison)[0]


def test_seeds_that_scatter_widen_the_interval(tmp_path):
    for seed in range(2):
        write_run(tmp_path / "alike" / str(seed), skill=2)
        write_run(tmp_path / "apart" / str(seed), model="other", seed=seed, skill=1 + 3 * seed)
    width = {
        model.name: model.metrics["auroc"].high - model.metrics["auroc"].low
        for model in compare_runs([tmp_path], count=500).models
    }
    assert width["other"] > width["resnet50"]


def test_models_with_several_seeds_are_tested_by_the_bootstrap(tmp_path):
    for seed in range(2):
        write_run(tmp_path / f"a{seed}", seed=seed, skill=8)
    write_run(tmp_path / "b", model="mobilenetv2", skill=0.5)
    tests = compare_runs([tmp_path], count=200).tests
    assert set(tests["test"]) == {"paired bootstrap"}
    assert tests.set_index("metric").loc["accuracy", "significant"]


def test_folds_are_one_test_set(tmp_path):
    parts = [
        write_run(
            tmp_path / str(fold),
            images=range(20 * fold, 20 * fold + 20),
            skill=0.5 + 2 * fold,
            data={"folds": 3, "fold": fold},
        )
        for fold in range(3)
    ]
    (model,) = compare_runs([tmp_path], count=50).models
    whole = pd.concat(parts)
    assert len(model.pooled.tables) == 1
    pooled = all_metrics(whole["label"], whole["probability"])
    assert model.metrics["accuracy"].value == pytest.approx(pooled["accuracy"])
    # networks of different folds are on different scales: their areas are averaged
    areas = [all_metrics(part["label"], part["probability"])["auroc"] for part in parts]
    assert model.metrics["auroc"].value == pytest.approx(np.mean(areas))
    assert model.metrics["auroc"].value != pytest.approx(pooled["auroc"])


def test_folds_by_source_are_put_together_and_told_apart_by_source(tmp_path):
    parts = {}
    for fold, (source, skill) in enumerate({"ships": 6, "bridges": 0}.items()):
        images = range(30 * fold, 30 * fold + 30)
        run = tmp_path / source
        data = {"folds": "source", "fold": fold}
        parts[source] = write_run(run, images=images, skill=skill, data=data)
        parts[source].assign(source=source, split="test").to_csv(run / "split.csv", index=False)
    comparison = compare_runs([tmp_path], count=50)
    (model,) = comparison.models
    assert list(model.by_source) == ["bridges", "ships"]
    for source, table in parts.items():
        expected = all_metrics(table["label"], table["probability"])
        for name in ("accuracy", "auroc"):
            assert model.by_source[source][name].value == pytest.approx(expected[name])
    assert cells(comparison, "ships: accuracy")["resnet50"].startswith("1.000")
    content = comparison.as_dict()["models"]["resnet50"]
    assert content["by_source"]["bridges"]["recall"]["value"] < 0.9


def test_test_sets_that_overlap_are_neither_seeds_nor_folds(tmp_path):
    write_run(tmp_path / "a", images=range(40))
    write_run(tmp_path / "b", seed=1, images=range(30, 60))
    with pytest.raises(CorrosionError, match="40, 30 images, 10 of them in several"):
        compare_runs([tmp_path])


def test_models_tested_on_different_images_are_refused_with_the_difference_named(tmp_path, capsys):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", model="mobilenetv2", images=range(58))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    message = capsys.readouterr().err
    assert "2 only of resnet50" in message
    assert "train one anew with data.split_file=RUN/split.csv" in message


def test_runs_of_a_network_with_other_settings_are_other_models(tmp_path):
    for rate in (0.1, 0.2):
        write_run(tmp_path / str(rate), lr=rate)
    names = [model.name for model in compare_runs([tmp_path], count=50).models]
    assert names == ["resnet50 (model.lr=0.1)", "resnet50 (model.lr=0.2)"]


def test_a_name_tells_a_few_settings_and_how_many_more_there_are(tmp_path):
    settings = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    write_run(tmp_path / "0", **settings)
    write_run(tmp_path / "1", **{key: -value for key, value in settings.items()})
    write_run(tmp_path / "2", **settings | {"e": -5})
    names = [model.name for model in compare_runs([tmp_path], count=50).models]
    told = "model.a={0}, model.b={1}, model.c={2}, model.e={3}, 1 more setting"
    assert names == [
        f"resnet50 ({told.format(1, 2, 3, 5)})",
        f"resnet50 ({told.format(-1, -2, -3, -5)})",
        f"resnet50 ({told.format(1, 2, 3, -5)})",
    ]


def test_a_name_begins_with_settings_of_the_model_that_every_run_has(tmp_path):
    for number, (augment, lr) in enumerate(
        [({"p": 0.5, "size": 0.1, "turn": 5}, 1e-3), (None, 5e-4)]
    ):
        write_run(tmp_path / str(number), lr=lr)
        config = tmp_path / str(number) / "config.yaml"
        content = yaml.safe_load(config.read_text()) | {"augment": {"affine": augment}}
        config.write_text(yaml.safe_dump(content))
    names = [model.name for model in compare_runs([tmp_path], count=50).models]
    assert [name.split(",")[0] for name in names] == [
        "resnet50 (model.lr=0.001",
        "resnet50 (model.lr=0.0005",
    ]


def test_what_is_undefined_is_a_dash_on_the_page(study):
    assert main(["compare", str(study), "--threshold", "0.9999999"]) == 0  # nothing is corroded
    page = (study / "comparison" / "compare.html").read_text()
    assert not re.findall(r">[^<]*\bnan\b[^<]*<", page)


def test_nothing_is_cut_where_a_terminal_is_narrow(study, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["compare", str(study), "--paper"]) == 0
    printed = capsys.readouterr().out
    assert "…" not in printed
    lines = [line for line in printed.splitlines() if line.startswith(("│", "┃", "┏"))]
    assert max(map(len, lines)) <= 80
    for column in ("resnet50, published", "mobilenetv2, published", "significant"):
        assert column.split()[-1] in printed
    assert "0.9434 – 0.9795" in printed


def test_a_named_threshold_is_chosen_on_the_validation_images_of_each_model(study):
    with pytest.raises(CorrosionError, match=r"There is no .*predictions_val\.csv"):
        compare_runs([study], threshold="F1", count=50)
    for table in study.glob("*/predictions.csv"):
        shutil.copy(table, table.with_name("predictions_val.csv"))
    for model in compare_runs([study], threshold="F1", count=50).models:
        [table] = model.pooled.tables
        assert model.pooled.threshold == best_f1(table["label"], table["probability"]).value


def test_the_same_run_given_twice_counts_once(tmp_path):
    write_run(tmp_path / "a")
    (model,) = compare_runs([tmp_path / "a", tmp_path], count=50).models
    assert len(model.pooled.runs) == 1


def test_unfinished_runs_are_named_and_left_out(study, caplog):
    (study / "2_nasnetmobile").mkdir()
    (study / "2_nasnetmobile" / "split.csv").touch()
    assert len(compare_runs([study], count=50).models) == 2
    assert "2_nasnetmobile is left out" in caplog.text


def test_a_folder_without_a_finished_run_is_an_error(tmp_path, capsys):
    assert main(["compare", str(tmp_path)]) == 1
    assert "holds no finished run" in capsys.readouterr().err


def test_a_folder_of_something_else_is_not_written_to(study, tmp_path_factory, capsys):
    other = tmp_path_factory.mktemp("other")
    (other / "thesis.tex").touch()
    assert main(["compare", str(study), "--out", str(other)]) == 1
    assert "is there already: choose another --out" in capsys.readouterr().err
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]


def test_published_figures_stand_beside_those_of_the_same_network(study):
    comparison = compare_runs([study], count=50)
    row = cells(comparison, "accuracy", paper=True)
    assert row["resnet50, published"] == "0.9658\n0.9434 – 0.9795"
    assert row["mobilenetv2, published"].startswith("0.9291")
    assert (
        cells(comparison, "ROC-AUC (either class)", paper=True)["resnet50, published"] == "0.9880"
    )
    assert "resnet50, published" not in cells(comparison, "accuracy")


@pytest.mark.parametrize(
    ("model", "published"),
    [
        ("resnet50", (0.9658, 0.9730, 0.9524, 0.9626, 0.9310)),
        ("mobilenetv2", (0.9291, 0.9348, 0.9101, 0.9223, 0.8571)),
        ("nasnetmobile", (0.9584, 0.9674, 0.9418, 0.9544, 0.9162)),
        ("efficientnetv2b0", (0.9584, 0.9831, 0.9259, 0.9537, 0.9160)),
    ],
)
def test_published_metrics_follow_from_the_published_counts(model, published):
    metrics = PUBLISHED[model].metrics()
    names = ("accuracy", "precision", "recall", "f1", "kappa")
    assert tuple(round(metrics[name].value, 4) for name in names) == published
    right = PUBLISHED[model].confusion.tp + PUBLISHED[model].confusion.tn
    assert (metrics["accuracy"].low, metrics["accuracy"].high) == wilson(right, 409)


def test_a_run_with_a_planted_shortcut_is_told_from_others(study):
    facts = json.loads((study / "1_mobilenetv2" / "metrics.json").read_text())
    facts["shortcut"] = {"share": 0.5, "marked": 12}
    (study / "1_mobilenetv2" / "metrics.json").write_text(json.dumps(facts))
    told = [line for line in notices(compare_runs([study])) if "planted mark" in line]
    assert len(told) == 1
    assert told[0].startswith("mobilenetv2: ")
    assert "12 corroded ones" in told[0]
