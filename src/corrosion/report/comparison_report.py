"""A comparison as people and programs read it: the paper's tables, JSON, figures, a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import (
    EVALUATED,
    LOSSES,
    METRICS,
    TESTED,
    agreement,
    few_for_losses,
    few_images,
)
from corrosion.report.comparison_badges import comparison_badges
from corrosion.report.comparison_figures import draw_comparison, draw_page_comparison
from corrosion.report.comparison_names import short_names
from corrosion.report.comparison_outcome import forests, matrix
from corrosion.report.comparison_sentences import concluded, conclusions, headline, notices
from corrosion.report.comparison_tables import (
    kind_tests_table,
    kinds_table,
    narrow_tests_tables,
    runs_table,
    tests_table,
)
from corrosion.report.latex import write_latex
from corrosion.report.page import inline_svg, write_page
from corrosion.report.published import ERRATA, PUBLISHED, Published
from corrosion.report.tables import MISSING, TextTable, ends, format_number, print_sentences
from corrosion.report.training_curves import write_figure
from corrosion.system.files import write_json
from corrosion.system.provenance import processor

if TYPE_CHECKING:  # compare measures with torch
    from corrosion.evaluation.comparison import ComparedModel, Comparison
    from corrosion.models.cost import Latency

_SETTINGS = {
    "spatial_dropout": "spatial dropout",
    "dense_units": "dense units",
    "dropout": "dropout",
    "lr": "learning rate",
}
_OF_SOURCES = ("accuracy", "recall", "specificity", "auroc", "ece")
_CAPTIONS = {  # and the number of the figure in the paper
    "loss_curves": ("Loss of training and validation by epoch", 4),
    "confusion_matrices": ("Confusion matrices of the test set, summed over seeds", 5),
    "roc": ("ROC curves of both classes with their areas", 6),
    "pr": ("Precision-recall curves with average precision", 7),
    "accuracy_cost": ("Accuracy against cost: up and to the left is better", None),
}


def write_comparison(
    directory: Path, comparison: Comparison, *, paper: bool = False, latex: bool = False
) -> None:
    """Write compare.json, figures/*.png and compare.html.

    Args:
        directory: new or empty folder.
        comparison: comparison of finished runs.
        paper: put the published figures beside those of the same networks.
        latex: also write tables.tex, and the figures as PDF and SVG.

    Raises:
        CorrosionError: the directory can't be written.
    """
    write_json(directory / "compare.json", comparison.as_dict())
    figures = draw_comparison(comparison)
    names = short_names([model.name for model in comparison.models])
    if latex:
        write_latex(directory, tables_for_latex(comparison, paper=paper), figures)
    for name, drawing in figures.items():
        write_figure(directory / "figures" / f"{name}.png", drawing)
    write_page(
        directory / "compare.html",
        "compare.html",
        comparison=comparison,
        headline=headline(comparison),
        names=names,
        badges=comparison_badges(comparison, names),
        forests=forests(comparison, names, paper=paper),
        matrix=matrix(comparison, names),
        notices=notices(comparison, paper=paper),
        conclusions=conclusions(comparison),
        tables=[*tables(comparison, paper=paper), *filter(None, (kind_tests_table(comparison),))],
        tests=None if comparison.tests is None else tests_table(comparison, TESTED),
        figures={
            name: [
                (of, inline_svg(drawing, name=f"{name.replace('_', ' ')} {of}"))
                for of, drawing in drawings.items()
            ]
            for name, drawings in draw_page_comparison(comparison).items()
        },
        captions={
            name: f"{caption} (the paper's Figure {number})." if paper and number else f"{caption}."
            for name, (caption, number) in _CAPTIONS.items()
        },
        errata=ERRATA if paper else (),
    )


def print_comparison(comparison: Comparison, *, paper: bool = False) -> None:
    """Print the tables and what is significant on standard output."""
    console = Console(soft_wrap=True)
    print_sentences(notices(comparison, paper=paper))
    for table in tables(comparison, paper=paper):
        table.print(console)
    for table in narrow_tests_tables(comparison):
        table.print(console)
    print_sentences([*conclusions(comparison), *(ERRATA if paper else ())])


def tables_for_latex(comparison: Comparison, *, paper: bool = False) -> list[TextTable]:
    """`tables`, and where there are several models the tests on kinds and on what is concluded."""
    found = [*tables(comparison, paper=paper), *filter(None, (kind_tests_table(comparison),))]
    if comparison.tests is not None:
        found.append(tests_table(comparison, concluded(comparison)))
    return found


def tables(comparison: Comparison, *, paper: bool = False) -> list[TextTable]:
    """The paper's Tables 6, 8 (with costs), 9 and 10 for the models of a comparison.

    They are called so where the published figures stand beside.

    Tables of single runs follow for models with several, one of metrics by source where the test
    images come from several, and those of kinds of corrosion where runs tell them.

    Args:
        comparison: comparison of finished runs.
        paper: add a column of the published figures for each network that has them.
    """
    label = comparison.models[0].pooled.tables[0]["label"]
    images, corroded = len(label), int(label.sum())

    def of_paper(number: int) -> str:
        return f" (Table {number})" if paper else ""

    hint = " (hint only)" if few_for_losses(corroded, images - corroded) else ""
    metrics = [name for name in EVALUATED if name != "kappa"]
    interval = f"{comparison.level:.0%} interval"
    found = [
        _table(
            comparison,
            paper,
            f"Hyperparameters{of_paper(6)}",
            {
                title: (
                    lambda model, key=key: _setting(
                        (model.pooled.runs[0].facts.get("hyperparameters") or {}).get(key)
                    ),
                    lambda published, key=key: _setting(published.hyperparameters[key]),
                )
                for key, title in _SETTINGS.items()
            }
            | {"first weights": (_weights, lambda _: "imagenet")},
        ),
        _table(
            comparison,
            paper,
            f"Training time and cost{of_paper(8)}; times of an image on {processor()}",
            {
                "training minutes": (
                    lambda model: format_number(model.minutes, 2),
                    lambda published: f"{published.minutes:g}",
                ),
                **{title: (cost, _not_published) for title, cost in _COSTS.items()},
            },
        ),
        _table(
            comparison,
            paper,
            f"Metrics{of_paper(9)}, on {images} test images, {interval} below",
            {
                METRICS[name].title + (hint if name in LOSSES else ""): (
                    lambda model, name=name: _estimate(model.metrics[name]),
                    lambda published, name=name: _estimate(
                        published.metrics(level=comparison.level).get(name)
                    ),
                )
                for name in metrics
            },
        ),
        _table(
            comparison,
            paper,
            f"Agreement{of_paper(10)}, {interval} below",
            {
                METRICS["kappa"].title: (
                    lambda model: _estimate(model.metrics["kappa"]),
                    lambda published: _estimate(published.metrics(level=comparison.level)["kappa"]),
                ),
                "means": (
                    lambda model: (
                        MISSING
                        if few_images(len(model.pooled.tables[0]))
                        else agreement(model.metrics["kappa"].value)
                    ),
                    lambda published: agreement(published.metrics()["kappa"].value),
                ),
            },
        ),
    ]
    found += [runs_table(model) for model in comparison.models if len(model.of_runs) > 1]
    if sources := list(comparison.models[0].by_source):
        of_sources = {
            f"{source}: {METRICS[name].title}": (
                lambda model, source=source, name=name: _estimate(
                    model.by_source.get(source, {}).get(name)
                ),
                _not_published,
            )
            for source in sources
            for name in _OF_SOURCES
        }
        found.append(_table(comparison, paper, f"Metrics by source, {interval} below", of_sources))
    found += filter(None, (kinds_table(comparison),))
    return found


_Row = tuple[Callable[..., str], Callable[..., str]]


def _table(comparison: Comparison, paper: bool, title: str, rows: dict[str, _Row]) -> TextTable:
    """A column a model, and one of what was published for it; cells by two functions a row."""
    columns = [""]
    sources: list[tuple[int, ComparedModel | Published]] = []
    for model in comparison.models:
        seeds = len(model.pooled.tables)
        columns.append(model.name + (f", mean of {seeds} seeds" if seeds > 1 else ""))
        sources.append((0, model))
        published = PUBLISHED.get(model.pooled.runs[0].name)
        if paper and published:
            columns.append(f"{model.pooled.runs[0].name}, published")
            sources.append((1, published))
    return TextTable.of(
        title,
        columns,
        (
            (name, *(functions[which](source) for which, source in sources))
            for name, functions in rows.items()
        ),
    )


def _setting(value: float | None) -> str:
    return MISSING if value is None else f"{value:g}"


def _weights(model: ComparedModel) -> str:
    return str((model.pooled.runs[0].facts.get("weights") or {}).get("used", MISSING))


def _not_published(_: Published) -> str:
    return MISSING


def _latency(latency: Latency) -> str:
    quartiles = f"{format_number(latency.low, 1)} – {format_number(latency.high, 1)}"
    return f"{format_number(latency.median, 1)}\n{quartiles}"


_COSTS: dict[str, Callable[[ComparedModel], str]] = {
    "parameters": lambda model: f"{model.cost.parameters:,}" if model.cost else MISSING,
    "GFLOPs": lambda model: format_number(model.cost.flops / 1e9, 3) if model.cost else MISSING,
    "input, px": lambda model: str(model.cost.image_size) if model.cost else MISSING,
    "checkpoint, MB": lambda model: (
        format_number(model.cost.checkpoint_bytes / 1e6, 1) if model.cost else MISSING
    ),
    "latency, ms (quartiles)": lambda model: (
        _latency(model.cost.latency) if model.cost else MISSING
    ),
}


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return MISSING
    interval = ends(estimate)
    return format_number(estimate.value) + (f"\n{interval}" if interval != MISSING else "")
