"""`report.html`: what it says of a run, and that a browser shows it."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from browser import needs_chromium, open_page, visit
from PIL import Image
from samples import predictions

from corrosion.cli.main import main
from corrosion.evaluation.evaluation import EvaluationSettings, evaluate_run
from corrosion.evaluation.run_facts import read_run_facts
from corrosion.report.run_outcome import answers, badges
from corrosion.report.run_report import mistakes_table, write_report
from corrosion.runs import RunDirectory

pytestmark = pytest.mark.usefixtures("blank_figures")
SECTIONS = ["recall", "Images", "Training", "Metrics", "Thresholds", "Mistakes", "repeat", "Made"]
SETTINGS = EvaluationSettings(resamples=50)


@pytest.fixture
def run_dir(tmp_path):
    """All files that a page is made of, as a training writes them."""
    tables = {
        name: predictions(f"photos/{name}", 60, seed, separation=2)
        for seed, name in enumerate(("train", "val", "test"))
    }
    tables["test"].to_csv(tmp_path / "predictions.csv", index=False)
    tables["val"].to_csv(tmp_path / "predictions_val.csv", index=False)
    split = pd.concat([table.assign(split=name) for name, table in tables.items()])
    split = split.drop(columns="probability").assign(
        source=["ships", "bridges"] * 90,
        group=range(180),
        content_hash=[f"{number:x}" for number in range(180)],
    )
    split.to_csv(tmp_path / "split.csv", index=False)
    stages = {
        f"{stage}/{name}": [0.9, 0.8] for stage in ("train", "val") for name in ("loss", "accuracy")
    }
    pd.DataFrame({"epoch": [1, 2], **stages}).to_csv(tmp_path / "history.csv", index=False)
    config = {"model": {"name": "resnet50", "threshold": 0.5}, "seed": 3}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    facts = {
        "model": "resnet50",
        "parameters": 24557633,
        "best_epoch": 2,
        "seconds": {"fit": 120.0},
        "weights": {"requested": "auto", "used": "random", "detail": "no network."},
        "git_commit": "abc-dirty",
        "curation": {"images": 190, "left_out": {"unreadable": 8, "copy": 2}, "near_pairs": 7},
        "versions": {"torch": "2.15.0"},
    }
    (tmp_path / "metrics.json").write_text(json.dumps(facts))
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("- model=resnet50\n- data.root=my photos\n")
    examples = pd.DataFrame(
        {
            "picture": ["right.png", "wrong.png", "deleted.png"],
            "kind": ["right", "wrong", "wrong"],
            "path": ["/photos/bolt.jpg", "/photos/a <b>.jpg", "/photos/gone.jpg"],
            "label": [1, 0, 0],
            "probability": [0.99911, 0.97312, 0.9],
        }
    )
    RunDirectory(tmp_path).write_examples(examples)
    for name in ("right", "wrong", "notes"):
        Image.new("RGB", (90, 30), "maroon").save(tmp_path / "gradcam" / f"{name}.png")
    return tmp_path


@pytest.mark.figures
@needs_chromium
@pytest.mark.parametrize("width", [1000, 400])
def test_a_browser_shows_every_section_and_asks_for_nothing(run_dir, width):
    path = write_report(run_dir, evaluate_run(run_dir, SETTINGS))
    page = open_page(path, width=width)
    assert page.requests == (path.as_uri(),)
    assert page.failed == ()
    assert page.errors == ()
    assert page.overflow <= 0
    for text in (*SECTIONS, "a <b>", "shows no corrosion, probability of corrosion 0.973"):
        assert text in page.text
    assert np.asarray(Image.open(io.BytesIO(page.screenshot))).std() > 5


def with_layers(run_dir):
    """The run, its examples with photographs and layers, as trainings write them."""
    folder = run_dir / "gradcam"
    examples = pd.read_csv(folder / "examples.csv").head(2)
    for name in ("right", "wrong"):
        Image.new("RGB", (64, 48), (90, 80, 60)).save(folder / f"{name}.jpg")
        Image.new("RGBA", (64, 48), (0, 225, 255, 190)).save(folder / f"{name}.webp")
    stems = examples["picture"].str.removesuffix(".png")
    examples = examples.assign(photograph=stems + ".jpg", evidence=stems + ".webp")
    RunDirectory(run_dir).write_examples(examples)
    return run_dir


@pytest.mark.figures
@needs_chromium
def test_the_first_screen_has_three_figures_and_photographs_that_a_tap_or_a_hold_switches(run_dir):
    path = write_report(with_layers(run_dir), evaluate_run(run_dir, SETTINGS))
    held = (
        "new Promise((done) => { const frame = document.querySelector('.photo .frame');"
        "const at = { bubbles: true }; frame.dispatchEvent(new PointerEvent('pointerdown', at));"
        "setTimeout(() => { const during = frame.parentNode.classList.contains('marked');"
        "frame.dispatchEvent(new PointerEvent('pointerup', at)); frame.click();"
        "done([during, frame.parentNode.classList.contains('marked')]); }, 400); })"
    )
    shown = "getComputedStyle(document.querySelector('.photo .layer')).display"
    with visit(path, width=1400, height=900) as page:
        assert (
            page.evaluate(
                "[...document.querySelectorAll('.answer b')].map((one) => "
                "one.getBoundingClientRect().bottom < innerHeight)"
            )
            == [True] * 3
        )
        assert page.evaluate(
            "[...document.querySelectorAll('.first .photo')].every((one) => "
            "one.getBoundingClientRect().bottom < innerHeight)"
        )
        assert page.evaluate(shown) == "none"  # the photograph first
        page.evaluate("document.querySelector('.photo .frame').click()")
        assert page.evaluate(shown) == "block"
        page.evaluate("document.querySelector('.photo .frame').click()")
        assert page.evaluate(held) == [True, False]
        page.evaluate("document.querySelector('.photo .corner').click()")
        assert page.evaluate("document.querySelectorAll('#enlarged[open] .layer').length") == 1
        page.press("Escape")
        page.evaluate("location.hash = 'configuration'")
        assert page.evaluate("document.getElementById('configuration').open")
        seen = page.look()
    assert (seen.errors, seen.failed, seen.requests) == ((), (), (path.as_uri(),))


@pytest.mark.figures
def test_figures_and_estimates_tell_their_values_where_one_points(run_dir):
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    assert re.search(r"<title>recall 0\.\d{3} \(0\.\d{3}–[01]\.\d{3}\)</title>", text)
    assert "<title>training\nepoch 1, loss 0.9</title>" in text
    assert re.search(r"<title>observed, 95% interval\nprobability of corrosion [\d.]+, share", text)
    assert re.search(r"<title>[\d.]+ to [\d.]+: \d+ images</title>", text)


def test_badges_tell_weights_seed_and_leaks(run_dir):
    run, evaluation = read_run_facts(RunDirectory(run_dir)), evaluate_run(run_dir, SETTINGS)
    told = {badge.text: badge.kind for badge in badges(run, evaluation)}
    assert told["random weights"] == "bad"
    assert told["no test image known from training"] == "good"
    assert {"seed 3", "epoch 2 of 2", "changed code"} <= set(told)


@needs_chromium
def test_the_browser_of_these_tests_tells_what_fails(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(
        "<!doctype html><img src='missing.png'><script>nothing.at.all</script>"
        "<p style='width: 9999px'>wide"
    )
    page = open_page(path)
    assert len(page.requests) == 2
    assert page.failed == ("net::ERR_FILE_NOT_FOUND",)
    assert any("ReferenceError" in error for error in page.errors)
    assert page.overflow > 8000


def test_the_pictures_are_those_of_their_table_that_are_there(run_dir):
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    assert "wrong: false alarm</b>a &lt;b&gt;<br>shows no corrosion, probability of" in text
    assert "right</b>bolt<br>shows corrosion, probability of corrosion 0.999" in text
    assert text.count("<img ") == 2


def test_the_page_tells_how_to_repeat_the_run_and_what_it_was_made_with(run_dir):
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    for part in (
        "had changes that the commit lacks",
        "git checkout abc\n",
        "python train.py model=resnet50 &#39;data.root=my photos&#39;",
        "24,557,633",
        "2.0 minutes",
        "trained from random weights: no network.",
        "seed: 3",
        "190 images found.",
        "7 pairs of near-duplicates.",
        "10 left out: 8 unreadable, 2 copy.",
        "ships",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("content_hash", "1 test images are exact copies of training images"),
        ("group", "1 test images are near-duplicates of training images"),
    ],
)
def test_leaks_into_the_test_set_are_told(run_dir, column, sentence):
    assert sentence not in write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    split = pd.read_csv(run_dir / "split.csv", dtype={"content_hash": str})
    split.loc[split.index[-1], column] = split.loc[0, column]
    split.to_csv(run_dir / "split.csv", index=False)
    assert sentence in write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()


def test_a_planted_shortcut_is_told_beside_the_outcome(run_dir):
    sentence = "189 corroded ones carry a planted mark (data.shortcut=0.9)"
    facts = json.loads((run_dir / "metrics.json").read_text())
    for shortcut, told in (
        ({"share": 0.9, "marked": 189}, True),
        ({"share": 0, "marked": 0}, False),
    ):
        (run_dir / "metrics.json").write_text(json.dumps(facts | {"shortcut": shortcut}))
        text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
        outcome = text[text.index('id="outcome"') : text.index('id="mistakes"')]
        assert (sentence in outcome) == told


def test_a_network_that_guesses_or_learnt_from_generated_pictures_is_called_so(run_dir, capsys):
    guessing, generated = "told from guessing: ROC-AUC", "trained on generated pictures"
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    assert guessing not in text
    assert generated not in text
    table = pd.read_csv(run_dir / "predictions.csv")
    table["label"] = [0, 0, 1, 1] * 15  # as unlike the probabilities as can be
    table.to_csv(run_dir / "predictions.csv", index=False)
    split = pd.read_csv(run_dir / "split.csv")
    split.loc[split["split"] == "test", "label"] = [0, 0, 1, 1] * 15
    split.to_csv(run_dir / "split.csv", index=False)
    facts = json.loads((run_dir / "metrics.json").read_text()) | {"generated": True}
    (run_dir / "metrics.json").write_text(json.dumps(facts))
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    outcome = text[text.index('id="outcome"') : text.index('id="mistakes"')].replace("&#39;", "'")
    assert guessing in outcome
    assert generated in outcome
    assert main(["evaluate", str(run_dir), "--resamples", "50"]) == 0
    assert "CHANCE:      The network can't be told from guessing" in capsys.readouterr().out


def test_the_page_says_what_is_promised_and_restates_figures_for_a_prevalence(run_dir):
    plain = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    assert "at most 0.01 wrong on validation" in plain
    assert "recall at least 0.98 on validation" in plain
    for word in ("aim", "of 100 photographs", "promise"):
        assert word not in plain
    asked = SETTINGS.replace(confidence=0.9, prevalence=0.05, costs=(20, 1))
    text = write_report(run_dir, evaluate_run(run_dir, asked)).read_text().replace("&#39;", "'")
    assert "Where 0.05 of the photographs are corroded" in text
    assert "NPV" in text
    assert "cost (missed 20, false 1)" in text
    assert "A risk of 0.01 can't be promised with confidence 0.9 by 60 independent" in text
    assert "A recall of 0.98 can't be promised with confidence 0.9 by 30 independent" in text
    assert "recall at least 0.926, confidence 0.9" in text
    assert "an inspector decides all (at most 0.01 wrong, which can't be promised" in text
    assert "; the network decides none of the test images." in text


def test_evaluating_a_run_renews_the_page_that_is_there(run_dir):
    options = ["--resamples", "50", "--prevalence", "0.05"]
    assert main(["evaluate", str(run_dir), *options]) == 0
    assert not (run_dir / "report.html").exists()
    write_report(run_dir, evaluate_run(run_dir, SETTINGS))
    assert main(["evaluate", str(run_dir), *options]) == 0
    assert "Where 0.05 of the photographs are corroded" in (run_dir / "report.html").read_text()


def test_few_test_photographs_are_told_and_not_praised(run_dir, capsys):
    table = pd.read_csv(run_dir / "predictions.csv").assign(label=[0, 1] * 30)
    table["probability"] = table["label"] * 0.8 + 0.1
    for count, told in ((29, True), (30, False)):
        table.head(count).to_csv(run_dir / "predictions.csv", index=False)
        text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
        assert (f"Only {count} test photographs" in text) == told
        assert ("almost perfect" in text) != told
        assert main(["evaluate", str(run_dir), "--resamples", "50"]) == 0
        said = capsys.readouterr().out
        assert (f"CAUTION:     only {count} test photographs" in said) == told
        assert ("almost perfect" in said) != told


def test_a_training_of_one_epoch_has_figures_instead_of_curves_of_one_dot(run_dir):
    curves, sentence = "Loss of training and validation by epoch", "One epoch, and so"
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    assert curves in text
    assert sentence not in text
    history = pd.read_csv(run_dir / "history.csv").head(1)
    history.to_csv(run_dir / "history.csv", index=False)
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    assert curves not in text
    assert f"{sentence} no curves: loss 0.9000 in training and 0.9000 in validation" in text


def test_every_table_scrolls_in_a_box_of_its_own(run_dir):
    text = write_report(run_dir, evaluate_run(run_dir, SETTINGS)).read_text()
    tables = re.findall(r"(<div class=\"scroll\"[^>]*>)?\s*<table>", text)
    assert len(tables) > 5
    assert all(tables)


def test_predictions_alone_make_a_page(run_dir, capsys):
    for path in run_dir.rglob("*"):
        if path.is_file() and path.name != "predictions.csv":
            path.unlink()
    assert main(["report", str(run_dir), "--out", str(run_dir / "page.html")]) == 0
    assert capsys.readouterr().out == f"{run_dir / 'page.html'}\n"
    text = (run_dir / "page.html").read_text()
    assert "ROC curves of both classes" in text
    assert "none chosen, and no band for an inspector: there is no predictions_val.csv" in text
    assert "How to repeat it" not in text


def test_a_damaged_file_of_the_run_is_named(run_dir, capsys):
    (run_dir / "metrics.json").write_text("{")
    assert main(["report", str(run_dir)]) == 1
    assert f"{run_dir / 'metrics.json'} can't be read" in capsys.readouterr().err


def test_the_surest_mistakes_come_first(run_dir):
    table = mistakes_table(evaluate_run(run_dir, SETTINGS))
    sureness = [round(abs(float(row[2]) - 0.5), 3) for row in table.rows]
    assert sureness == sorted(sureness, reverse=True)
    assert all((row[1] == "corrosion") == (float(row[2]) < 0.5) for row in table.rows)


def test_without_a_mistake_there_is_no_table_and_without_an_alarm_no_precision(run_dir):
    table = pd.read_csv(run_dir / "predictions.csv")
    table.assign(probability=table["label"]).to_csv(run_dir / "predictions.csv", index=False)
    assert mistakes_table(evaluate_run(run_dir, SETTINGS)) is None
    table.assign(probability=0.1).to_csv(run_dir / "predictions.csv", index=False)
    recall, precision, _ = answers(evaluate_run(run_dir, SETTINGS))
    assert (precision.value, precision.sentence) == ("–", "It raises no alarm.")
    assert recall.sentence == "It finds 0 of the 30 corroded ones."
