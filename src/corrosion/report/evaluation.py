"""An evaluation as people and programs read it: tables, `evaluation.json`, figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from corrosion.evaluate.agreement import agreement
from corrosion.evaluate.intervals import Estimate
from corrosion.evaluate.metrics import METRICS
from corrosion.evaluate.run import Evaluation
from corrosion.files import write_json
from corrosion.report.evaluation_figures import write_figures

TITLES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "f1": "F1",
    "kappa": "Cohen's kappa",
    "mcc": "MCC",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "ROC-AUC (either class)",
    "auprc": "PR-AUC corrosion",
    "auprc_negative": "PR-AUC no corrosion",
    "brier": "Brier score",
    "log_loss": "log loss",
    "ece": "expected calibration error",
}
"""Names of `METRICS` in tables."""

_DECISIONS = ("accuracy", "precision", "recall", "specificity")


def write_evaluation(run_dir: Path, evaluation: Evaluation) -> None:
    """Write `evaluation.json` and figures/*.png into a run's directory."""
    write_json(run_dir / "evaluation.json", evaluation.as_dict())
    write_figures(run_dir / "figures", evaluation)


def print_evaluation(evaluation: Evaluation, *, run_dir: Path) -> None:
    """Print the tables of an evaluation on standard output.

    Args:
        evaluation: of a run.
        run_dir: its directory.
    """
    console = Console(soft_wrap=True)
    for table in tables(evaluation):
        console.print(table)
    for line in _notes(evaluation, run_dir):
        console.print(line, highlight=False, markup=False)


def tables(evaluation: Evaluation) -> list[Table]:
    """Metrics of the test set; then by subgroup, and of thresholds, where there are any."""
    level = f"{evaluation.settings.level:.0%} interval"
    label = evaluation.predictions["label"]
    title = (
        f"{len(label)} test images, {int(label.sum())} with corrosion; corroded from a probability "
        f"of {evaluation.threshold:.4g}"
    )
    metrics = _table(title, ("metric", "value", level))
    for name in METRICS:
        estimate = evaluation.metrics[name]
        metrics.add_row(TITLES[name], _figure(estimate.value), _ends(estimate))
    result = [metrics]
    for column, parts in evaluation.subgroups.items():
        of_column = _table(
            f"By {column} ({level})", (column, "images", *_DECISIONS, TITLES["auroc"])
        )
        for value, part in parts.items():
            estimates = (part.metrics[name] for name in (*_DECISIONS, "auroc"))
            of_column.add_row(value, str(part.images), *map(_both, estimates))
        result.append(of_column)
    if evaluation.choices:
        thresholds = _table(
            f"Thresholds chosen on {len(evaluation.choices.validation)} validation images, tried "
            f"on the test set ({level})",
            ("rule", "threshold", *_DECISIONS),
        )
        for one in evaluation.choices.thresholds:
            estimates = (one.test[name] for name in _DECISIONS)
            thresholds.add_row(
                one.threshold.rule, f"{one.threshold.value:.4f}", *map(_both, estimates)
            )
        result.append(thresholds)
    return result


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _notes(evaluation: Evaluation, run_dir: Path) -> list[str]:
    counts = evaluation.confusion
    lines = [
        f"confusion:   {counts.tp} corroded found, {counts.fn} missed; {counts.tn} clean cleared, "
        f"{counts.fp} false alarms",
        f"agreement:   {agreement(evaluation.metrics['kappa'].value)}",
    ]
    if evaluation.choices is None:
        lines.append(
            "thresholds:  none chosen: predictions_val.csv (path, label, probability of the "
            "validation images) is missing"
        )
    else:
        chosen, band = evaluation.choices, evaluation.choices.band
        lines += [
            f"temperature: {chosen.temperature.value:.3f}; calibration error on the test set "
            f"{chosen.ece[0]:.4f} before, {chosen.ece[1]:.4f} after",
            f"inspector:   probabilities between {band.low:.3f} and {band.high:.3f}; the network "
            f"decides {_both(chosen.band_on_test.coverage)} of the test images, of which "
            f"{_both(chosen.band_on_test.risk)} wrongly (aim {band.max_risk:g})",
        ]
    return [*lines, f"results:     {run_dir}"]


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"


def _ends(estimate: Estimate) -> str:
    return (
        "–" if math.isnan(estimate.low) else f"{_figure(estimate.low)} – {_figure(estimate.high)}"
    )


def _both(estimate: Estimate) -> str:
    ends = "" if math.isnan(estimate.low) else f" ({estimate.low:.3f}–{estimate.high:.3f})"
    return "–" if math.isnan(estimate.value) else f"{estimate.value:.3f}{ends}"
