"""Values with their intervals, drawn by hand as SVG: they follow the page's width and colours.

Places are percentages, so a drawing keeps its strokes and dots on a phone as on a wide screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from corrosion.evaluation.intervals import Estimate
from corrosion.report.tables import with_interval

_HEIGHT, _EDGE = 22, 4  # pixels; percent that are kept free at each side


def interval_drawing(
    estimate: Estimate | None,
    *,
    name: str,
    low: float = 0.0,
    high: float = 1.0,
    ticks: Sequence[float] = (),
) -> Markup:
    """A dot for a value and a line for its interval, on a scale.

    Args:
        estimate: what is drawn; the empty scale for None and for a value that is undefined.
        name: what it is of, for its title.
        low: left end of the scale.
        high: its right end.
        ticks: values of the scale that a faint line marks.

    Example:
        >>> drawn = interval_drawing(Estimate(0.9, 0.8, 0.95, "wilson"), name="recall")
        >>> "recall 0.900 (0.800–0.950)" in drawn, 'cx="86.8%"' in drawn
        (True, True)
    """

    def at(value: float) -> str:
        return f"{_place(min(max(value, low), high), low, high):.1f}%"

    parts = [
        f'<line class="tick" x1="{at(tick)}" x2="{at(tick)}" y1="0" y2="100%"/>' for tick in ticks
    ]
    if not ticks:
        parts.append(f'<line class="track" x1="{at(low)}" x2="{at(high)}" y1="50%" y2="50%"/>')
    words = name
    if estimate is not None and not math.isnan(estimate.value):
        words = f"{name} {with_interval(estimate)}"
        if not math.isnan(estimate.low):
            left, right = at(estimate.low), at(estimate.high)
            parts.append(
                f'<line class="interval" x1="{left}" x2="{right}" y1="50%" y2="50%"/>'
                f'<line class="interval" x1="{left}" x2="{left}" y1="30%" y2="70%"/>'
                f'<line class="interval" x1="{right}" x2="{right}" y1="30%" y2="70%"/>'
            )
        parts.append(f'<circle class="value" cx="{at(estimate.value)}" cy="50%" r="5"/>')
    title = escape(words)
    return Markup(
        f'<svg class="estimate" role="img" aria-label="{title}" width="100%" height="{_HEIGHT}">'
        f"<title>{title}</title>"
        f'<rect width="100%" height="100%" fill="transparent"/>{"".join(parts)}</svg>'
    )


def scale_drawing(low: float, high: float, ticks: Sequence[float]) -> Markup:
    """The numbers below a column of such drawings."""
    numbers = "".join(
        f'<text x="{_place(tick, low, high):.1f}%" y="14" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    )
    return Markup(
        f'<svg class="estimate" aria-hidden="true" width="100%" height="18">{numbers}</svg>'
    )


def scale_of(estimates: Sequence[Estimate]) -> tuple[float, float, list[float]]:
    """A scale that holds all values and intervals: its ends, and three or four round values.

    Example:
        >>> scale_of([Estimate(0.9, 0.82, 0.95, "wilson"), Estimate(0.7, 0.6, 0.77, "wilson")])
        (0.6, 1.0, [0.6, 0.8, 1.0])
    """
    from matplotlib.ticker import MaxNLocator

    known = [
        end
        for one in estimates
        for end in (one.value, one.low, one.high)
        if end is not None and not math.isnan(end)
    ]
    if not known:
        return 0.0, 1.0, [0.0, 0.5, 1.0]
    locator = MaxNLocator(3, steps=[1, 2, 5, 10])
    ticks = [round(float(one), 6) for one in locator.tick_values(min(known), max(known))]
    return ticks[0], ticks[-1], ticks


def _place(value: float, low: float, high: float) -> float:
    """Percent of the drawing's width."""
    share = (value - low) / (high - low) if high > low else 0.5
    return _EDGE + (100 - 2 * _EDGE) * share
