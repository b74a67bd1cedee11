"""Figures of a comparison: the paper's Figures 4 to 7 for its models, and accuracy against cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from corrosion.report.evaluation_figures import plot_confusion, plot_pr, plot_roc

if TYPE_CHECKING:  # compare measures with torch, which drawing needs not
    from corrosion.evaluation.comparison import ComparedModel, Comparison
    from corrosion.models.cost import Cost

_SIDE = 4.0  # inches of a model's panel
_WIDE = 5  # times: costs that lie further apart stand on a logarithmic axis


def draw_comparison(comparison: Comparison) -> dict[str, Figure]:
    """All figures of a comparison.

    Returns:
        By name: loss_curves (Figure 4), confusion_matrices (5), roc (6), pr (7), and
        accuracy_cost where costs are known.
    """
    figures = {
        "loss_curves": _panels(comparison, _plot_losses),
        "confusion_matrices": _panels(
            comparison, lambda axes, model: plot_confusion(axes, model.confusion)
        ),
        "roc": _panels(comparison, _plot_roc),
        "pr": _panels(comparison, _plot_pr),
    }
    if any(model.cost for model in comparison.models):
        figures["accuracy_cost"] = draw_accuracy_cost(comparison)
    return figures


def draw_page_comparison(comparison: Comparison) -> dict[str, dict[str, Figure]]:
    """The same as a page shows them: figures of one pair of axes, which a phone shows whole.

    Returns:
        By name as `draw_comparison` but confusion_matrices, which are tables there; then by model,
        or by what is counted as cost.
    """
    plots = {"loss_curves": _plot_losses, "roc": _plot_roc, "pr": _plot_pr}
    figures = {
        name: {model.name: _single(partial(plot, model=model)) for model in comparison.models}
        for name, plot in plots.items()
    }
    if any(model.cost for model in comparison.models):
        figures["accuracy_cost"] = {
            title: _single(partial(_plot_cost, comparison=comparison, title=title))
            for title in _COSTS
        }
    return figures


def _single(plot: Callable[[Axes], None]) -> Figure:
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    plot(figure.subplots())
    return figure


def _panels(comparison: Comparison, plot: Callable[[Axes, ComparedModel], None]) -> Figure:
    """A panel a model, two in a row."""
    count = len(comparison.models)
    columns = min(2, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(_SIDE * columns, 0.9 * _SIDE * rows), layout="constrained")
    panels: Iterator[Axes] = iter(figure.subplots(rows, columns, squeeze=False).flat)
    for model in comparison.models:
        axes = next(panels)
        plot(axes, model)
        axes.set_title(model.name, fontsize="medium")
    for axes in panels:
        axes.set_axis_off()
    return figure


def _plot_losses(axes: Axes, model: ComparedModel) -> None:
    colors = {"train": "#3b6ea8", "val": "#b5532a"}
    for number, run in enumerate(model.pooled.runs):
        if run.history is None:
            continue
        for stage, name in (("train", "training"), ("val", "validation")):
            axes.plot(
                run.history["epoch"],
                run.history[f"{stage}/loss"],
                marker=".",
                color=colors[stage],
                label=name if number == 0 else None,
            )
    axes.set(xlabel="epoch", ylabel="loss")
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()


def _plot_roc(axes: Axes, model: ComparedModel) -> None:
    _plot_curves(axes, model, plot_roc)


def _plot_pr(axes: Axes, model: ComparedModel) -> None:
    _plot_curves(axes, model, plot_pr)


def _plot_curves(axes: Axes, model: ComparedModel, plot: Callable[..., None]) -> None:
    """Curves of each seed, under one legend with the means."""
    for table in model.pooled.tables:
        plot(
            axes,
            table["label"],
            table["probability"],
            threshold=model.pooled.threshold,
            metrics=model.metrics,
        )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:2], labels[:2], loc="lower center", fontsize="small")


def draw_accuracy_cost(comparison: Comparison) -> Figure:
    """Accuracy with its interval against operations and against time of an image."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, title in zip(figure.subplots(1, 2, sharey=True), _COSTS, strict=True):
        _plot_cost(axes, comparison, title)
    return figure


_COSTS: dict[str, Callable[[Cost], float]] = {
    "GFLOPs an image": lambda cost: cost.flops / 1e9,
    "milliseconds an image": lambda cost: cost.latency.median,
}


def _plot_cost(axes: Axes, comparison: Comparison, title: str) -> None:
    markers = cycle("osD^vP*X")
    costs = []
    for model in comparison.models:
        marker, accuracy = next(markers), model.metrics["accuracy"]
        if model.cost is None:
            continue
        ends = [[accuracy.value - accuracy.low], [accuracy.high - accuracy.value]]
        costs.append(_COSTS[title](model.cost))
        axes.errorbar(
            costs[-1],
            accuracy.value,
            yerr=ends,
            fmt=marker,
            capsize=3,
            markersize=8,
            label=model.name,
        )
    axes.set(xlabel=title, ylabel=f"test accuracy, {comparison.level:.0%} interval")
    if max(costs) > _WIDE * min(costs):
        axes.set_xscale("log")
        # 1, 2, 5, 10 alone: numbers at all steps lie over each other
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.15)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
