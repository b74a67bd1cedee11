"""Tables of a comparison that come from runs and pairs: each run by itself, every test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from corrosion.evaluation.metric_table import EVALUATED, METRICS
from corrosion.evaluation.single_runs import scatter
from corrosion.report.tables import MISSING, TextTable, format_number, signed

if TYPE_CHECKING:  # compare measures with torch
    from corrosion.evaluation.comparison import ComparedModel, Comparison


def runs_table(model: ComparedModel) -> TextTable:
    """Each of `EVALUATED` by run; of folds each on the test images of its own.

    Args:
        model: model of several runs.
    """
    return TextTable.of(
        f"Runs of {model.name}, each on its own test images: mean, standard deviation between the "
        f"runs, and each",
        ("", "mean", "SD", *(run.name for run in model.of_runs)),
        (
            (
                METRICS[name].title,
                *map(format_number, scatter(model.of_runs, name)),
                *(format_number(run.metrics[name]) for run in model.of_runs),
            )
            for name in EVALUATED
        ),
    )


def tests_table(comparison: Comparison, metrics: tuple[str, ...]) -> TextTable:
    """The tests of each pair on these metrics.

    Raises:
        ValueError: a single model has no tests.
    """
    if comparison.tests is None:
        raise ValueError("a single model has no tests")
    rows = comparison.tests[comparison.tests["metric"].isin(metrics)].to_dict("records")
    return TextTable.of(
        f"Paired tests on the same images (intervals of the difference: {comparison.level:.0%}; p "
        f"with Holm's correction)",
        (
            "metric",
            "models",
            "difference",
            "interval",
            "test",
            "p",
            "p (Holm)",
            "significant",
            "speaks of",
            "could find",
        ),
        (
            (
                METRICS[row["metric"]].title,
                f"{row['a']} – {row['b']}",
                signed(row["difference"]),
                _between(row["low"], row["high"]),
                _test(row["test"], row["p_exact"]),
                format_number(row["p_value"]),
                format_number(row["p_holm"]),
                "yes" if row["significant"] else "no",
                row["speaks_of"],
                format_number(row["detectable"]),
            )
            for row in rows
        ),
        names=2,
    )


def _test(name: str, exact: float) -> str:
    return name if math.isnan(exact) else f"{name} (exact p {format_number(exact)})"


def _between(low: float, high: float) -> str:
    return MISSING if math.isnan(low) else f"{signed(low)} – {signed(high)}"
