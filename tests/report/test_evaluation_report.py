"""What `corrosion evaluate` prints, writes and draws."""

import json
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc

from corrosion.cli.main import main
from corrosion.evaluation.estimates import estimate_metrics
from corrosion.evaluation.evaluation import evaluate_predictions
from corrosion.evaluation.metrics import Confusion, all_metrics
from corrosion.evaluation.thresholds import Threshold
from corrosion.report.evaluation_figures import (
    draw_confusion,
    draw_reliability,
    draw_risk_coverage,
    draw_roc_pr,
    draw_thresholds,
)
from corrosion.report.evaluation_report import metrics_table, notes
from corrosion.report.training_curves import write_figure
from corrosion.settings.evaluation import EvaluationSettings

RNG = np.random.default_rng(0)
LABEL = np.arange(80) % 2
PROBABILITY = np.round(1 / (1 + np.exp(-RNG.normal(size=80) - 2 * (LABEL - 0.5))), 2)


def write_predictions(path):
    paths = [f"/{path.stem}/{number}.jpg" for number in range(80)]
    table = pd.DataFrame({"path": paths, "label": LABEL, "probability": PROBABILITY})
    table.to_csv(path, index=False)


def test_evaluate_prints_intervals_and_writes_json_and_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    write_predictions(tmp_path / "predictions.csv")
    write_predictions(tmp_path / "predictions_val.csv")
    assert main(["evaluate", str(tmp_path), "--costs", "10", "1", "--level", "0.9"]) == 0
    printed = capsys.readouterr().out
    for text in ("80 test images, 40 with corrosion", "90% interval", "Cohen's kappa", "best F1"):
        assert text in printed
    for text in ("lowest cost (missed 10, false alarm 1)", "temperature:", "inspector:"):
        assert text in printed
    content = json.loads((tmp_path / "evaluation.json").read_text())
    expected = all_metrics(LABEL, PROBABILITY)
    found = {name: one["value"] for name, one in content["metrics"].items()}
    assert found == pytest.approx(expected)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "confusion_matrix.png",
        "reliability.png",
        "risk_coverage.png",
        "roc_pr.png",
        "thresholds.png",
    }


@pytest.mark.usefixtures("blank_figures")
def test_intervals_are_whole_where_a_terminal_is_narrow(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    write_predictions(tmp_path / "predictions.csv")
    write_predictions(tmp_path / "predictions_val.csv")
    assert main(["evaluate", str(tmp_path), "--costs", "10", "1"]) == 0
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert len(re.findall(r"│ \d\.\d{3} \(\d\.\d{3}–\d\.\d{3}\) ", printed)) == 4 * 4


@pytest.mark.usefixtures("blank_figures")
def test_evaluate_says_what_is_missing_for_thresholds(tmp_path, capsys):
    write_predictions(tmp_path / "predictions.csv")
    assert main(["evaluate", str(tmp_path)]) == 0
    assert "predictions_val.csv" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path), "--min-recall", "0.9"]) == 1
    assert "predictions_val.csv" in capsys.readouterr().err


def test_evaluating_needs_no_torch():
    code = "import sys, corrosion.report.evaluation_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_confusion_matrix_shows_counts_and_shares_of_the_true_class():
    axes = draw_confusion(Confusion(tp=180, fn=9, tn=215, fp=5)).axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts == {
        (0, 0): "215\n97.7%",
        (1, 0): "5\n2.3%",
        (0, 1): "9\n4.8%",
        (1, 1): "180\n95.2%",
    }


def test_curves_enclose_the_areas_they_name():
    metrics = estimate_metrics(LABEL, PROBABILITY, count=50)
    roc, pr = draw_roc_pr(LABEL, PROBABILITY, metrics=metrics).axes
    for prefix, axes, key in (
        ("corrosion", roc, "auroc"),
        ("no corrosion", roc, "auroc"),
        ("corrosion", pr, "auprc"),
        ("no corrosion", pr, "auprc_negative"),
    ):
        line = next(one for one in axes.lines if one.get_label().startswith(f"{prefix}: "))
        x, y = line.get_xdata(), line.get_ydata()
        if axes is roc:
            area = auc(x, y)
        else:  # steps: each holds the height at its end of higher recall
            higher = np.where(np.diff(x) > 0, y[1:], y[:-1])
            area = np.sum(np.abs(np.diff(x)) * higher)
        assert area == pytest.approx(metrics[key].value)
        assert f"{metrics[key].value:.3f} (" in line.get_label()


def test_the_dots_are_the_decisions_at_the_threshold_in_use():
    metrics = estimate_metrics(LABEL, PROBABILITY, threshold=0.3, count=50)
    roc, pr = draw_roc_pr(LABEL, PROBABILITY, threshold=0.3, metrics=metrics).axes
    dots = [line.get_xydata()[0] for line in (*roc.lines, *pr.lines) if line.get_marker() == "o"]
    values = all_metrics(LABEL, PROBABILITY, threshold=0.3)
    assert dots[0] == pytest.approx([1 - values["specificity"], values["recall"]])
    assert dots[2] == pytest.approx([values["recall"], values["precision"]])


def test_chosen_thresholds_stand_in_the_figure_of_thresholds():
    figure = draw_thresholds(LABEL, PROBABILITY, [Threshold("best F1", 0.42)])
    assert "best F1: 0.420" in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("label", [[1, 1, 1], [0, 0, 0], [1, 0, 1]])
@pytest.mark.parametrize("probability", [[0.5, 0.5, 0.5], [0.0, 1.0, 1.0]])
def test_figures_of_one_class_and_of_constant_scores_can_be_drawn(tmp_path, label, probability):
    metrics = estimate_metrics(label, probability, count=10)
    for number, figure in enumerate(
        (
            draw_roc_pr(label, probability, metrics=metrics),
            draw_reliability(label, probability),
            draw_risk_coverage(label, probability),
            draw_thresholds(label, probability, []),
        )
    ):
        write_figure(tmp_path / f"{number}.svg", figure)
        assert (tmp_path / f"{number}.svg").read_text().rstrip().endswith("</svg>")


def test_no_figure_stays_in_pyplot():
    draw_confusion(Confusion(1, 1, 1, 1))
    assert not plt.get_fignums()


@pytest.mark.parametrize(("images", "few"), [(60, True), (120, False)])
def test_losses_of_few_images_are_called_a_hint(images, few):
    label = np.arange(images) % 2
    noise = np.random.default_rng(0).uniform(size=images)
    table = pd.DataFrame(
        {
            "path": [f"{number}.jpg" for number in range(images)],
            "label": label,
            "probability": 0.6 * label + 0.4 * noise,
        }
    )
    evaluation = evaluate_predictions(table, None, threshold=0.5, settings=EvaluationSettings())
    rows = {row[0] for row in metrics_table(evaluation).rows}
    assert ({"Brier score (hint only)", "log loss (hint only)"} <= rows) == few
    assert ("Brier score" in rows) != few
    assert ("LOSSES" in notes(evaluation)) == few
