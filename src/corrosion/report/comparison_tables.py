"""Tables of a comparison that come from runs and pairs: each run by itself, every test."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from corrosion.evaluation.kinds import METRIC_TITLES
from corrosion.evaluation.metric_table import EVALUATED, METRICS
from corrosion.evaluation.single_runs import scatter
from corrosion.report.comparison_sentences import concluded
from corrosion.report.tables import MISSING, TextTable, format_number, signed, with_interval

if TYPE_CHECKING:  # compare measures with torch
    from corrosion.evaluation.comparison import ComparedModel, Comparison

_TEST = ("difference", "interval", "test", "p", "p (Holm)", "significant")
_NARROW = ("difference", "test", "p (Holm)", "significant")
_TEST_WIDTH = 14  # characters of the name of a test on a line


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


def kinds_table(comparison: Comparison) -> TextTable | None:
    """What each run that tells kinds of corrosion got right on its test images.

    A kind that a run does not tell, or of which it has no test image, has a dash.

    Returns:
        A column a run; None where none tells kinds.
    """
    told = [
        (f"{model.name}, {run.name}" if len(model.of_runs) > 1 else model.name, run.kinds)
        for model in comparison.models
        for run in model.of_runs
        if run.kinds is not None
    ]
    if not told:
        return None
    names = sorted({name for _, kinds in told for name in kinds.names})
    rows: list[tuple[str, ...]] = [
        ("corroded test images of known kind", *(str(kinds.images) for _, kinds in told)),
        *(
            (title, *(with_interval(kinds.metrics[metric]) for _, kinds in told))
            for metric, title in METRIC_TITLES.items()
        ),
    ]
    for name in names:
        found = [kinds.kinds.get(name) for _, kinds in told]
        recalls = (MISSING if one is None else with_interval(one.recall) for one in found)
        rows.append((f"recall of {name}", *recalls))
    return TextTable.of(
        f"Kinds of corrosion, with {comparison.level:.0%} intervals",
        ("", *(name for name, _ in told)),
        rows,
    )


def kind_tests_table(comparison: Comparison) -> TextTable | None:
    """The tests of each pair of runs that tell kinds of corrosion; None where there are none."""
    if not comparison.kind_tests:
        return None
    return TextTable.of(
        f"Kinds told rightly: paired tests on the same photographs, which speak of these "
        f"checkpoints (intervals of the difference: {comparison.level:.0%}; p with Holm's "
        f"correction)",
        ("models", "photographs", *_TEST),
        (
            (
                f"{one.a} – {one.b}",
                str(one.images),
                signed(one.difference.value),
                _between(one.difference.low, one.difference.high),
                _test("McNemar mid-p", one.p_exact),
                format_number(one.p_value),
                format_number(one.p_holm),
                "yes" if one.p_holm < 1 - comparison.level else "no",
            )
            for one in comparison.kind_tests
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
        ("metric", "models", *_TEST, "speaks of", "could find"),
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


def narrow_tests_tables(comparison: Comparison) -> list[TextTable]:
    """The tests on what sentences are written of, and on kinds, as narrow as a terminal.

    A table a pair, with what its tests speak of in its title; p is Holm's. What is left out stands
    in compare.json and on the page: plain p, and the differences that could have been found.
    """
    found = []
    if comparison.tests is not None:
        rows = comparison.tests[comparison.tests["metric"].isin(concluded(comparison))]
        for (a, b), of_pair in rows.groupby(["a", "b"], sort=False):
            about = " or ".join(dict.fromkeys(of_pair["speaks_of"]))
            found.append(
                TextTable.of(
                    f"{a} – {b}: paired tests on the same images, of {about}; "
                    f"{comparison.level:.0%} interval of the difference below",
                    ("metric", *_NARROW),
                    (
                        (
                            METRICS[row["metric"]].title,
                            *_narrow(row, significant=row["significant"]),
                        )
                        for row in of_pair.to_dict("records")
                    ),
                )
            )
    for one in comparison.kind_tests:
        row: dict[Hashable, Any] = {
            "difference": one.difference.value,
            "low": one.difference.low,
            "high": one.difference.high,
            "test": "McNemar mid-p",
            "p_exact": one.p_exact,
            "p_holm": one.p_holm,
        }
        found.append(
            TextTable.of(
                f"{one.a} – {one.b}: kinds told rightly, a paired test on the same "
                f"{one.images} photographs, of these checkpoints; {comparison.level:.0%} interval "
                f"of the difference below",
                ("", *_NARROW),
                [("kind", *_narrow(row, significant=one.p_holm < 1 - comparison.level))],
            )
        )
    return found


def _narrow(row: Mapping[Hashable, Any], *, significant: bool) -> tuple[str, ...]:
    """The cells of a test below `_NARROW`."""
    name = textwrap.fill(row["test"], _TEST_WIDTH)
    return (
        f"{signed(row['difference'])}\n{_between(row['low'], row['high'])}",
        name if math.isnan(row["p_exact"]) else f"{name}\nexact p {format_number(row['p_exact'])}",
        format_number(row["p_holm"]),
        "yes" if significant else "no",
    )


def _test(name: str, exact: float) -> str:
    return name if math.isnan(exact) else f"{name} (exact p {format_number(exact)})"


def _between(low: float, high: float) -> str:
    return MISSING if math.isnan(low) else f"{signed(low)} – {signed(high)}"
