"""Drawings of the inspection page as SVG: the histogram of probabilities, and the map.

Written by hand instead of by matplotlib: a page with 2,000 points stays small, follows the colours
of the reader's screen, light or dark, and each point leads to its card.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.shown import chance_of

_BINS = 20
_WIDTH, _HEIGHT, _BASE, _TOP = 400, 130, 108, 14
_MARGIN, _TALLEST = 24, 226  # the page shows no drawing taller, but smaller: texts too
_RADIUS, _CELL = 5, 8  # of a point; photographs that are this near are one, with their number
_RULER, _NAMED = 16, 8  # height of the line of the scale; photographs that a point names
_METRES_A_DEGREE = 111_320.0  # of latitude, and of longitude at the equator


def histogram(inspection: Inspection) -> Markup:
    """How many findings have which probability, with the threshold and the inspector's band.

    Bars tell the number when the pointer rests on them.
    """
    known = [one.probability for one in inspection.findings if one.probability is not None]
    counts = [0] * _BINS
    for probability in known:
        counts[min(int(probability * _BINS), _BINS - 1)] += 1
    most, step = max(counts, default=0), _WIDTH / _BINS
    parts = []
    low, high = (end * _WIDTH for end in inspection.band or (0, 0))
    if low < high:
        parts.append(
            f'<rect class="band" x="{low:.1f}" y="{_TOP}" width="{max(high - low, 1):.1f}" '
            f'height="{_BASE - _TOP}"><title>range that an inspector decides</title></rect>'
        )
    for number, count in enumerate(counts):
        height = 0 if not most else (_BASE - _TOP) * count / most
        if count:
            height = max(height, 2)  # a single photograph among thousands is seen too
        middle = (number + 0.5) / _BINS
        side = "bar detected" if middle >= inspection.threshold else "bar"
        parts.append(
            f'<rect class="{side}" x="{number * step + 1:.1f}" y="{_BASE - height:.1f}" '
            f'width="{step - 2:.1f}" height="{height:.1f}"><title>{number / _BINS:.2f} to '
            f"{(number + 1) / _BINS:.2f}: {count}</title></rect>"
        )
    at = inspection.threshold * _WIDTH
    parts.append(f'<line class="threshold" x1="{at:.1f}" x2="{at:.1f}" y1="4" y2="{_BASE}"/>')
    parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>')
    for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end")):
        parts.append(
            f'<text x="{share * _WIDTH:.0f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">'
            f"{share:g}</text>"
        )
    return _svg("How many photographs have which probability of corrosion", _HEIGHT, parts)


def position_map(findings: Sequence[Finding]) -> Markup | None:
    """Where photographs were taken, north up, distances true; None without two positions or more.

    Photographs of one place are one point, which tells their number.

    The projection is equirectangular about the middle, which over a site of some kilometres errs by
    less than a point's size.
    """
    places = [
        (one, one.latitude, one.longitude)
        for one in findings
        if one.latitude is not None and one.longitude is not None
    ]
    if len(places) < 2:
        return None
    latitudes, longitudes = [place[1] for place in places], [place[2] for place in places]
    middle = math.radians((min(latitudes) + max(latitudes)) / 2)
    across = _METRES_A_DEGREE * max(math.cos(middle), 1e-6)
    wide = (max(longitudes) - min(longitudes)) * across
    tall = (max(latitudes) - min(latitudes)) * _METRES_A_DEGREE
    room = _WIDTH - 2 * _MARGIN, _TALLEST - 2 * _MARGIN - _RULER
    scale = min(side / max(metres, 10.0) for side, metres in zip(room, (wide, tall), strict=True))
    height = max(tall * scale, 40) + 2 * _MARGIN + _RULER
    left = (_WIDTH - wide * scale) / 2
    at: dict[tuple[int, int], list[tuple[Finding, float, float]]] = {}
    for one, latitude, longitude in places:
        x = left + (longitude - min(longitudes)) * across * scale
        y = _MARGIN + (max(latitudes) - latitude) * _METRES_A_DEGREE * scale
        at.setdefault((int(x // _CELL), int(y // _CELL)), []).append((one, x, y))
    # what matters most is drawn last, upon the others
    groups = sorted(at.values(), key=lambda group: max(_weight(one) for one, _, _ in group))
    points = [_point(group) for group in groups]
    length = _round_length(0.4 * _WIDTH / scale)
    end, base = _MARGIN + length * scale, height - 12
    text = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"
    ruler = [
        f'<line class="axis" x1="{_MARGIN}" x2="{end:.1f}" y1="{base:.1f}" y2="{base:.1f}"/>',
        f'<text x="{end + 6:.1f}" y="{base + 4:.1f}">{text}, north is up</text>',
    ]
    return _svg("Where the photographs were taken", round(height), [*points, *ruler])


def _point(group: Sequence[tuple[Finding, float, float]]) -> str:
    """Photographs of one place: a point that is drawn as the one that matters most."""
    found = sorted((one for one, _, _ in group), key=_weight, reverse=True)
    first, count = found[0], len(found)
    x, y = sum(place[1] for place in group) / count, sum(place[2] for place in group) / count
    kind = ("detected" if first.detected else "clear") + (" review" if first.review else "")
    named = [
        one.name + ("" if one.probability is None else f", {chance_of(one.probability)}")
        for one in found[:_NAMED]
    ]
    more = [] if count <= _NAMED else [f"and {count - _NAMED} more"]
    title = "\n".join([*([f"{count} photographs here"] if count > 1 else []), *named, *more])
    numbers = " ".join(str(one.number) for one in found)
    radius = _RADIUS if count == 1 else _RADIUS + 3 + 2 * len(str(count))
    text = f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{count}</text>'
    return (
        f'<g class="{kind}" data-numbers="{numbers}">'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>{text if count > 1 else ""}'
        f"<title>{escape(title)}</title></g>"
    )


def _weight(one: Finding) -> tuple[bool, bool, float]:
    return one.detected, one.review, one.probability or 0


def _round_length(metres: float) -> float:
    """The largest of 1, 2, 5, 10, ... metres that is no longer.

    Example:
        >>> _round_length(73.0), _round_length(0.4)
        (50, 0.2)
    """
    power = 10 ** math.floor(math.log10(metres))
    return max(step for step in (1, 2, 5) if step * power <= metres) * power


def _svg(name: str, height: int, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {_WIDTH} {height}">'
        f"{''.join(parts)}</svg>"
    )
