"""The first screen of a comparison: a forest plot of the metrics, and a matrix of the tests."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import METRICS
from corrosion.report.comparison_sentences import CONCLUDED, concluded
from corrosion.report.estimate_drawings import interval_drawing, scale_drawing, scale_of
from corrosion.report.published import PUBLISHED
from corrosion.report.tables import MISSING, format_number, signed

if TYPE_CHECKING:  # compare measures with torch
    from corrosion.evaluation.comparison import Comparison


@dataclass(frozen=True)
class ForestRow:
    """A model in a forest plot.

    Attributes:
        name: its short name.
        full_name: its name with all settings.
        value: the metric.
        interval: the ends of its interval; empty where there is none.
        drawing: both on the scale of the plot.
        published: whether it is a published figure, and no run.
    """

    name: str
    full_name: str
    value: str
    interval: str
    drawing: Markup
    published: bool


@dataclass(frozen=True)
class Forest:
    """A metric of all models on one scale.

    Attributes:
        title: the metric.
        rows: models, the best first; published figures stand below the runs of their network.
        scale: the numbers of the scale.
    """

    title: str
    rows: tuple[ForestRow, ...]
    scale: Markup


def forests(
    comparison: Comparison, names: Mapping[str, str], *, paper: bool = False
) -> list[Forest]:
    """A forest plot of each metric on which sentences are written.

    Args:
        comparison: comparison of finished runs.
        names: short name of each model by its name.
        paper: add the published figures of the same networks.
    """
    models = sorted(comparison.models, key=lambda one: -_or_lowest(one.metrics[CONCLUDED[0]].value))
    found = []
    for metric in CONCLUDED:
        known: list[tuple[str, Estimate | None, bool]] = []
        for model in models:
            known.append((model.name, model.metrics[metric], False))
            published = PUBLISHED.get(name := model.pooled.runs[0].name)
            if paper and published:
                estimate = published.metrics(level=comparison.level).get(metric)
                known.append((f"{name}, published", estimate, True))
        low, high, ticks = scale_of([one for _, one, _ in known if one is not None])
        rows = tuple(
            ForestRow(
                names.get(name, name),
                name,
                MISSING if one is None else format_number(one.value, 3),
                "" if one is None or math.isnan(one.low) else f"{one.low:.3f} to {one.high:.3f}",
                interval_drawing(
                    one, name=f"{name}: {METRICS[metric].title}", low=low, high=high, ticks=ticks
                ),
                published,
            )
            for name, one, published in known
        )
        found.append(Forest(METRICS[metric].title, rows, scale_drawing(low, high, ticks)))
    return found


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value


@dataclass(frozen=True)
class Verdict:
    """What the tests say of a pair on a metric.

    Attributes:
        text: the difference in words.
        title: difference, interval, test and p.
        significant: whether it is significant.
    """

    text: str
    title: str
    significant: bool


@dataclass(frozen=True)
class Matrix:
    """What the tests say of each pair of models.

    Attributes:
        columns: short names of the models but the last.
        rows: short names of the models but the first, each with cells of verdicts, a metric each;
            None where the pair stands in another cell, or is none.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Verdict, ...] | None, ...]], ...]


def matrix(comparison: Comparison, names: Mapping[str, str]) -> Matrix | None:
    """The tests on what sentences are written of; None for a single model.

    Args:
        comparison: comparison of finished runs.
        names: short name of each model by its name.
    """
    if comparison.tests is None:
        return None
    of_pair: dict[tuple[str, str], list[Verdict]] = {}
    shown = concluded(comparison, hints=False)
    chosen = comparison.tests[comparison.tests["metric"].isin(shown)]
    for row in chosen.to_dict("records"):
        # rows of the matrix are the later models: the difference is told from their side
        of_pair.setdefault((row["b"], row["a"]), []).append(_verdict(row))
    models = [model.name for model in comparison.models]
    rows = tuple(
        (
            names[name],
            tuple(
                tuple(of_pair[name, other]) if (name, other) in of_pair else None
                for other in models[:-1]
            ),
        )
        for name in models[1:]
    )
    return Matrix(tuple(names[name] for name in models[:-1]), rows)


def _verdict(row: Mapping[Hashable, Any]) -> Verdict:
    title, difference = METRICS[row["metric"]].title, -row["difference"]
    between = (
        "" if math.isnan(row["low"]) else f" ({signed(-row['high'])} to {signed(-row['low'])})"
    )
    told = (
        f"{row['b']} minus {row['a']}, {title}: {signed(difference)}{between}, {row['test']}, "
        f"p (Holm) {format_number(row['p_holm'])}, "
        f"{'significant' if row['significant'] else 'not significant'} for {row['speaks_of']}"
    )
    short = MISSING if math.isnan(difference) else f"{difference:+z.3f}"
    return Verdict(f"{title} {short}", told, bool(row["significant"]))
