"""What a run says when it is done: one table and where everything lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from corrosion.evaluate.agreement import agreement
from corrosion.evaluate.intervals import Estimate

_ROWS = (
    ("loss", "loss"),
    ("accuracy", "accuracy"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("specificity", "specificity"),
    ("f1", "F1"),
    ("auroc", "ROC-AUC"),
    ("auprc", "PR-AUC corrosion"),
    ("auprc_negative", "PR-AUC no corrosion"),
    ("kappa", "Cohen's kappa"),
)


def print_results(
    metrics: Mapping[str, float],
    estimates: Mapping[str, Estimate],
    *,
    title: str,
    notes: Mapping[str, str],
    run_dir: Path,
) -> None:
    """Print the table of a finished run on standard output.

    Args:
        metrics: {"val/accuracy": ..., "test/accuracy": ...}.
        estimates: {"accuracy": ...} of the test set, for the intervals.
        title: of the table.
        notes: further lines, name and text.
        run_dir: where the files are.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    table.add_column("validation", justify="right")
    table.add_column("test", justify="right")
    table.add_column("95% interval", justify="right")
    for key, name in _ROWS:
        values = (_figure(metrics.get(f"{stage}/{key}")) for stage in ("val", "test"))
        table.add_row(name, *values, _ends(estimates.get(key)))
    console = Console(soft_wrap=True)
    console.print(table)
    kappa = metrics.get("test/kappa", math.nan)
    for label, text in {"agreement": agreement(kappa), **notes, "results": str(run_dir)}.items():
        console.print(f"{label + ':':<12} {text}", highlight=False, markup=False)


def _ends(estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.low):
        return "–"
    return f"{_figure(estimate.low)} – {_figure(estimate.high)}"


def _figure(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.4f}"
