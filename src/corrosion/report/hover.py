"""Values that a figure on a page tells where the pointer rests: titles of unseen marks over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 60  # of a line: more can't be told apart by a pointer, and make pages heavy
_RADIUS = 5  # points of the figure
_DOTS = 72  # of an inch of SVG


def hover_values(figure: Figure) -> Markup:
    """Unseen circles over the points of lines and error bars, and rectangles over bars.

    Args:
        figure: figure of matplotlib that has been drawn, and keeps its layout.

    Returns:
        Elements of SVG, in the coordinates that matplotlib writes, each with a title.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure = Figure(figsize=(2, 2))
        >>> axes = figure.subplots()
        >>> _ = axes.plot([0, 1], [0.5, 0.75], label="training")
        >>> _ = axes.set(xlabel="epoch", ylabel="loss")
        >>> str(hover_values(figure)).count("<title>training"), "loss 0.75" in hover_values(figure)
        (2, True)
    """
    found = [mark for axes in figure.axes for mark in (*_lines(figure, axes), *_bars(figure, axes))]
    return Markup(f'<g class="hover">{"".join(found)}</g>')


def _lines(figure: Figure, axes: Axes) -> Iterator[str]:
    intervals = dict(_intervals(axes))
    for line in axes.lines:
        if line.get_transform() != axes.transData:  # a line across, named by the legend
            continue
        points = np.column_stack([np.asarray(line.get_xdata(), float), line.get_ydata()])
        told = intervals.get(id(line), (str(line.get_label()), [""] * len(points)))
        if told[0].startswith("_"):  # of what is drawn beside: its dot, or the diagonal
            continue
        for row in np.unique(np.linspace(0, len(points) - 1, _POINTS).round().astype(int)):
            x, y = points[row]
            if np.isfinite((x, y)).all():
                words = f"{_said(axes, x, y)}{told[1][row]}"
                left, top = _place(figure, axes, x, y)
                yield (
                    f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{_RADIUS}">'
                    f"<title>{escape(told[0])}\n{escape(words)}</title></circle>"
                )


def _intervals(axes: Axes) -> Iterator[tuple[int, tuple[str, list[str]]]]:
    """By the line of an error bar: its label, and the ends of each interval in words."""
    from matplotlib.container import ErrorbarContainer

    for bars in axes.containers:
        if not isinstance(bars, ErrorbarContainer) or bars.lines[0] is None:
            continue
        words = [
            f" ({low:.3g} to {high:.3g})"
            for low, high in (segment[:, 1] for segment in bars.lines[2][0].get_segments())
        ]
        yield id(bars.lines[0]), (str(bars.get_label()), words)


def _bars(figure: Figure, axes: Axes) -> Iterator[str]:
    from matplotlib.patches import Rectangle

    for bar in axes.patches:
        if isinstance(bar, Rectangle):
            low, high, count = bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()
            ends: Sequence[tuple[float, float]] = ((low, count), (high, 0))
            (left, top), (right, bottom) = (_place(figure, axes, *end) for end in ends)
            yield (
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{max(bottom - top, 2):.1f}"><title>{low:.3g} to {high:.3g}: {count:g} '
                f"{escape(axes.get_ylabel())}</title></rect>"
            )


def _said(axes: Axes, x: float, y: float) -> str:
    labels = (one.get_xlabel() for one in axes.get_shared_x_axes().get_siblings(axes))
    across = axes.get_xlabel() or next(filter(None, labels), "")
    return f"{across} {x:.4g}, {axes.get_ylabel()} {y:.4g}"


def _place(figure: Figure, axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Where a point of the data lies in the drawing: from its left and its top."""
    left, up = axes.transData.transform((x, y)) * _DOTS / figure.dpi
    return left, figure.get_figheight() * _DOTS - up
