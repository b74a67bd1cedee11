"""What a run says when it is done: one table and where everything lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import LOGGED, METRICS, agreement, few_images
from corrosion.report.tables import TextTable, ends, format_number, print_sentences


def print_results(
    metrics: Mapping[str, float],
    estimates: Mapping[str, Estimate],
    *,
    title: str,
    images: int,
    notes: Mapping[str, str],
    run_dir: Path,
) -> None:
    """Print the table of a finished run on standard output.

    Args:
        metrics: values by stage and key, as {"val/accuracy": ..., "test/accuracy": ...}.
        estimates: metrics of the test set with intervals, by key.
        title: title of the table.
        images: number of test images.
        notes: further lines, name and text.
        run_dir: directory the files are in.
    """
    table = TextTable.of(
        title,
        ("metric", "validation", "test", "95% interval"),
        (
            (
                METRICS[key].title,
                *(format_number(metrics.get(f"{stage}/{key}")) for stage in ("val", "test")),
                ends(estimates.get(key)),
            )
            for key in LOGGED
        ),
    )
    console = Console(soft_wrap=True)
    table.print(console)
    few = few_images(images)
    judgement = {"agreement": agreement(metrics.get("test/kappa", math.nan))}
    if few is not None:  # no word of praise for what may be chance
        judgement = {"CAUTION": few}
    told = {**judgement, **notes, "results": str(run_dir)}
    print_sentences((f"{label + ':':<12} {text}" for label, text in told.items()))
