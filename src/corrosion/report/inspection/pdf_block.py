"""The block of a finding in a report on paper."""

from __future__ import annotations

import io

from PIL import Image
from reportlab.lib.units import mm

from corrosion.evaluation.kind_competence import is_guessed
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.pdf_file import SpooledCanvas
from corrosion.report.inspection.pdf_fonts import BOLD, wrapped
from corrosion.report.inspection.pdf_sheet import BLACK, GREY, INNER, LINE, MARGIN, RULE, Sheet
from corrosion.report.inspection.shown import (
    chance_of,
    grades_of,
    kind_of,
    marked_jpeg,
    photograph_jpeg,
    place_of,
    share_of,
    verdict_of,
)

BLOCK_HEIGHT = 78 * mm
_SIDE = 400  # pixels of a picture's longer side: 150 dots an inch in its place
_PICTURE = 60 * mm  # its width on paper


def draw_finding(sheet: Sheet, inspection: Inspection, one: Finding) -> None:
    """Draw the photograph, what is seen in it, and what is known of it.

    Args:
        sheet: where to draw; a block that does not fit goes to a new page.
        inspection: the inspection.
        one: the finding.
    """
    sheet.need(BLOCK_HEIGHT)
    canvas, top = sheet.canvas, sheet.y
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, top, MARGIN + INNER, top)
    title = " · ".join(filter(None, (str(one.number + 1), one.name, one.asset)))
    [name, *_] = wrapped(title, INNER, 10, font=BOLD, most=1) or [""]
    canvas.setFont(BOLD, 10)
    canvas.setFillColor(BLACK)
    canvas.drawString(MARGIN, top - 5 * mm, name)
    place, below = top - 8 * mm, top - BLOCK_HEIGHT + 10 * mm
    pictures = (photograph_jpeg(inspection, one, _SIDE), marked_jpeg(inspection, one, _SIDE))
    for number, picture in enumerate(pictures):
        left = MARGIN + number * (_PICTURE + 2 * mm)
        if picture is not None:
            _draw(canvas, picture, left, place, place - below)
    left = MARGIN + 2 * (_PICTURE + 2 * mm) + 2 * mm
    sheet.y = place + 1 * mm
    width = MARGIN + INNER - left
    for label, value in _facts_of(one, guessed=is_guessed(inspection.cautions)):
        room = int((sheet.y - below - 7 * LINE) / (8 * LINE))
        if room < 1:
            break
        sheet.text(label, size=6.5, left=left, width=width, most=1, colour=GREY)
        sheet.text(value, size=8, left=left, width=width, most=min(room, 4))
        sheet.y -= 0.6 * mm
    sheet.y = below
    sheet.text(_origin(one), size=7.5, most=2, colour=GREY)
    sheet.y = top - BLOCK_HEIGHT


def _origin(one: Finding) -> str:
    """Where, when and by what a photograph was taken, on one line."""
    place = place_of(one)
    if place and one.altitude is not None:
        place += f", {one.altitude:.0f} m"
    if one.direction is not None:
        place += f", looking {one.direction:.0f}°" if place else f"looking {one.direction:.0f}°"
    digest = "" if one.sha256 is None else f"SHA-256 {one.sha256[:16]}…"
    return " · ".join(filter(None, (place, one.taken_at, one.camera, digest, one.note)))


def _facts_of(one: Finding, *, guessed: bool) -> list[tuple[str, str]]:
    """What is known, the most telling first: what has no room is left out from the end."""
    decision = one.decision or ""
    if one.probability is not None:
        decision = f"{decision} ({chance_of(one.probability)})"
    verdict = verdict_of(one)
    note = "" if one.verdict is None else one.verdict.note
    facts = (
        ("Decision", decision),
        ("Inspector's verdict", verdict or "▢ corroded  ▢ not corroded"),
        ("Note", note),
        ("For an inspector", " ".join(one.why_review)),
        # where nothing is detected the mask is empty, which measures nothing
        ("Kind", kind_of(one, guessed=guessed)),
        ("Rusted share", share_of(one) if one.detected else ""),
        ("Grade", ", ".join(grades_of(one)) if one.detected else ""),
        ("Went wrong", one.error or ""),
    )
    return [(label, value) for label, value in facts if value]


def _draw(canvas: SpooledCanvas, picture: bytes, left: float, top: float, height: float) -> None:
    """A picture in its place, as large as fits, at the top left."""
    with Image.open(io.BytesIO(picture)) as opened:
        wide, high = opened.size
    scale = min(_PICTURE / wide, height / high)
    place = (left, top - high * scale, wide * scale, high * scale)
    canvas.draw_jpeg(picture, (wide, high), place)
