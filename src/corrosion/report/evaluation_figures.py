"""The figures of an evaluation, each a matplotlib `Figure`: PNG for folders, SVG for pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from corrosion.data.labels import CLASSES
from corrosion.evaluation.calibration import reliability
from corrosion.evaluation.evaluation import Evaluation
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import METRICS
from corrosion.evaluation.metrics import Confusion, checked
from corrosion.evaluation.selective import area_under_risk_coverage, risk_coverage
from corrosion.evaluation.thresholds import Threshold, sweep

_CORROSION, _CLEAN, _GREY = "#b5532a", "#3b6ea8", "#777777"
_NAMES = tuple(name.replace("_", " ") for name in CLASSES)


def draw_figures(evaluation: Evaluation) -> dict[str, Figure]:
    """All figures of an evaluation.

    Returns:
        By name: confusion_matrix, roc_pr, reliability, risk_coverage, and thresholds if there are
        predictions for validation.
    """
    label, probability = evaluation.predictions["label"], evaluation.predictions["probability"]
    figures = {
        "confusion_matrix": draw_confusion(evaluation.confusion),
        "roc_pr": draw_roc_pr(
            label, probability, threshold=evaluation.threshold, metrics=evaluation.metrics
        ),
        "reliability": draw_reliability(label, probability, level=evaluation.settings.level),
        "risk_coverage": draw_risk_coverage(label, probability, threshold=evaluation.threshold),
    }
    if evaluation.choices:
        validation = evaluation.choices.validation
        chosen = [result.threshold for result in evaluation.choices.thresholds]
        figures["thresholds"] = draw_thresholds(
            validation["label"], validation["probability"], chosen
        )
    return figures


def draw_page_figures(evaluation: Evaluation) -> dict[str, Figure]:
    """The same as a page shows them: one pair of axes each, which a phone shows whole, and no
    confusion matrix, which is a table there.

    Returns:
        By name: roc, pr, and those of `draw_figures` but confusion_matrix and roc_pr.
    """
    table = evaluation.predictions
    figures = {}
    for name, plot in (("roc", plot_roc), ("pr", plot_pr)):
        figures[name] = Figure(figsize=(4.8, 4.2), layout="constrained")
        plot(
            figures[name].subplots(),
            table["label"],
            table["probability"],
            threshold=evaluation.threshold,
            metrics=evaluation.metrics,
        )
    others = draw_figures(evaluation)
    return figures | {
        name: drawing
        for name, drawing in others.items()
        if name not in ("confusion_matrix", "roc_pr")
    }


def draw_confusion(counts: Confusion) -> Figure:
    """The confusion matrix with counts and shares of the true class (paper, Figure 5)."""
    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    plot_confusion(figure.subplots(), counts)
    return figure


def plot_confusion(axes: Axes, counts: Confusion) -> None:
    """Draw a confusion matrix into axes."""
    matrix = np.array([[counts.tn, counts.fp], [counts.fn, counts.tp]])
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        of_class = f"\n{share:.1%}" if totals[row, 0] else ""
        color = "white" if share > 0.5 else "black"
        text = f"{matrix[row, column]}{of_class}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=13)
    axes.set_xticks([0, 1], labels=_NAMES)
    axes.set_yticks([0, 1], labels=_NAMES, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="true")


def draw_roc_pr(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float = 0.5,
    metrics: Mapping[str, Estimate],
) -> Figure:
    """ROC and precision-recall curves of both classes, with areas (paper, Figures 6 and 7).

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        threshold: threshold in use: the dot on each curve.
        metrics: estimates by key, auroc, auprc and auprc_negative among them.

    Raises:
        CorrosionError: bad arrays (as `checked`).
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    roc, pr = figure.subplots(1, 2)
    plot_roc(roc, label, probability, threshold=threshold, metrics=metrics)
    plot_pr(pr, label, probability, threshold=threshold, metrics=metrics)
    roc.set_title("ROC, area")
    pr.set_title("precision-recall, average precision")
    return figure


def plot_roc(
    axes: Axes,
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float,
    metrics: Mapping[str, Estimate],
) -> None:
    """Draw the ROC curves of both classes; arguments as `draw_roc_pr`."""
    table = sweep(label, probability)
    recall, specificity = table["recall"], table["specificity"]
    in_use = int(np.searchsorted(np.unique(np.asarray(probability)), threshold))
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1)
    for name, x, y, color in (
        (_NAMES[1], 1 - specificity, recall, _CORROSION),
        (_NAMES[0], 1 - recall, specificity, _CLEAN),
    ):
        axes.plot(x, y, color=color, label=f"{name}: {_with_interval(metrics['auroc'])}")
        axes.plot(x.iloc[in_use], y.iloc[in_use], "o", color=color, markersize=5)
    _unit_square(axes, "false positive rate", "true positive rate")


def plot_pr(
    axes: Axes,
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float,
    metrics: Mapping[str, Estimate],
) -> None:
    """Draw the precision-recall curves of both classes; arguments as `draw_roc_pr`."""
    table = sweep(label, probability)
    # with no image predicted of a class its precision is undefined; curves start at 1 by custom
    precision = table["precision"].fillna(1)
    precision_clean = (table["tn"] / (table["tn"] + table["fn"])).fillna(1)
    in_use = int(np.searchsorted(np.unique(np.asarray(probability)), threshold))
    # average precision holds each precision till the next
    for name, x, y, key, color, style in (
        (_NAMES[1], table["recall"], precision, "auprc", _CORROSION, "steps-post"),
        (_NAMES[0], table["specificity"], precision_clean, "auprc_negative", _CLEAN, "steps-pre"),
    ):
        text = f"{name}: {_with_interval(metrics[key])}"
        axes.plot(x, y, color=color, drawstyle=style, label=text)
        axes.plot(x.iloc[in_use], y.iloc[in_use], "o", color=color, markersize=5)
    _unit_square(axes, "recall", "precision")


def _with_interval(estimate: Estimate) -> str:
    if np.isnan(estimate.value):
        return "undefined"
    ends = "" if np.isnan(estimate.low) else f" ({estimate.low:.3f}–{estimate.high:.3f})"
    return f"{estimate.value:.3f}{ends}"


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left" if "recall" in x else "lower right")


def draw_reliability(label: ArrayLike, probability: ArrayLike, *, level: float = 0.95) -> Figure:
    """Share of corroded images against the probability of corrosion, with intervals and counts.

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.
    """
    table = reliability(label, probability, level=level)
    figure = Figure(figsize=(4.8, 5.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1, label="calibrated")
    ends = np.abs(table[["low", "high"]].to_numpy().T - table["corroded"].to_numpy())
    upper.errorbar(
        table["probability"],
        table["corroded"],
        yerr=ends,
        fmt="o",
        color=_CORROSION,
        ecolor=_GREY,
        capsize=2,
        label=f"observed, {level:.0%} interval",
    )
    upper.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="share of corroded images")
    upper.legend(loc="lower right")
    width = table["bin_high"] - table["bin_low"]
    lower.bar(table["bin_low"], table["images"], width, align="edge", color=_CLEAN, edgecolor="w")
    lower.set(xlabel="probability of corrosion", ylabel="images")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    return figure


def draw_thresholds(
    label: ArrayLike, probability: ArrayLike, chosen: Sequence[Threshold]
) -> Figure:
    """Precision, recall, specificity and F1 on validation at each threshold, with those chosen.

    Raises:
        CorrosionError: bad arrays (as `checked`).
    """
    table = sweep(*checked(label, probability))
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    axes = figure.subplots()
    for name, color, style in (
        ("precision", _CLEAN, "-"),
        ("recall", _CORROSION, "-"),
        ("specificity", _CLEAN, "--"),
        ("f1", "black", "-"),
    ):
        title = METRICS[name].title
        axes.step(table["threshold"], table[name], style, where="pre", color=color, label=title)
    for number, threshold in enumerate(chosen):
        text = f"{threshold.rule}: {threshold.value:.3f}"
        axes.axvline(threshold.value, color=_GREY, linestyle=_DASHES[number % 4], label=text)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), xlabel="threshold", ylabel="on validation")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=1, fontsize="small")
    return figure


_DASHES = ("-", "--", "-.", ":")


def draw_risk_coverage(
    label: ArrayLike, probability: ArrayLike, *, threshold: float = 0.5
) -> Figure:
    """Errors among the decisions kept when the least sure ones go to an inspector.

    Raises:
        CorrosionError: as `risk_coverage`.
    """
    curve: pd.DataFrame = risk_coverage(label, probability, threshold=threshold)
    figure = Figure(figsize=(4.8, 3.8), layout="constrained")
    axes = figure.subplots()
    area = area_under_risk_coverage(curve)
    axes.step(
        curve["coverage"], curve["risk"], where="pre", color=_CORROSION, label=f"area {area:.4f}"
    )
    axes.set(
        xlim=(0, 1.01), xlabel="coverage: share decided by the network", ylabel="risk: share wrong"
    )
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    return figure
