"""What a run says when it is done: one table and where everything lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from corrosion.evaluation.agreement import agreement
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import LOGGED, METRICS
from corrosion.report.tables import TextTable, ends, figure


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
    table = TextTable.of(
        title,
        ("metric", "validation", "test", "95% interval"),
        (
            (
                METRICS[key].title,
                *(figure(metrics.get(f"{stage}/{key}")) for stage in ("val", "test")),
                ends(estimates.get(key)),
            )
            for key in LOGGED
        ),
    )
    console = Console(soft_wrap=True)
    table.print(console)
    kappa = metrics.get("test/kappa", math.nan)
    for label, text in {"agreement": agreement(kappa), **notes, "results": str(run_dir)}.items():
        console.print(f"{label + ':':<12} {text}", highlight=False, markup=False)
