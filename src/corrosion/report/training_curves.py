"""The curves of a training, and figures as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from corrosion.evaluation.metric_table import METRICS
from corrosion.system.files import replacing

_SHOWN = ("loss", "accuracy")


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure as its suffix says (.png, .svg, .pdf), whole or not at all."""
    with replacing(path) as temporary:
        # without a date the same figures are the same bytes
        dates = {".svg": "Date", ".pdf": "CreationDate"}
        metadata = {dates[path.suffix]: None} if path.suffix in dates else {}
        figure.savefig(temporary, dpi=150, metadata=metadata)


def draw_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy of training and validation by epoch (paper, Figure 4).

    Args:
        history: one row an epoch, as a run's history holds them.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")  # no pyplot: no global state
    for axes, name in zip(figure.subplots(1, 2), _SHOWN, strict=True):
        _plot_curve(axes, history, name)
    return figure


def draw_page_curves(history: pd.DataFrame) -> dict[str, Figure]:
    """The same in figures of their own, by metric, as a page shows them."""
    figures = {name: Figure(figsize=(4.8, 3.6), layout="constrained") for name in _SHOWN}
    for name, figure in figures.items():
        _plot_curve(figure.subplots(), history, name)
    return figures


def _plot_curve(axes: Axes, history: pd.DataFrame, name: str) -> None:
    metric = METRICS[name]
    for stage, label in (("train", "training"), ("val", "validation")):
        if (column := f"{stage}/{name}") in history:
            axes.plot(history["epoch"], history[column], marker=".", label=label)
    axes.set(xlabel="epoch", ylabel=metric.title)
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    if metric.higher_is_better:
        axes.set_ylim(top=metric.high + 0.01)
    else:
        axes.set_ylim(bottom=metric.low)
