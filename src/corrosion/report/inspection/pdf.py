"""inspection.pdf: a report on paper, to be read and signed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from corrosion.errors import CorrosionError
from corrosion.report.inspection.findings import Finding, Inspection
from corrosion.report.inspection.pdf_fonts import BOLD, REGULAR, register_fonts, wrapped
from corrosion.report.inspection.shown import (
    counted,
    grades_of,
    marked_jpeg,
    photograph_jpeg,
    place_of,
    share_of,
    verdict_of,
)
from corrosion.system.files import replacing

FILE = "inspection.pdf"
"""Name of the file in its folder."""

_WIDTH, _HEIGHT = A4
_MARGIN = 16 * mm
_INNER = _WIDTH - 2 * _MARGIN
_TOP, _BOTTOM = _HEIGHT - 18 * mm, 18 * mm
_SIDE = 400  # pixels of a picture's longer side: 150 dots an inch in its place
_PICTURE = 60 * mm  # its width on paper
_BLOCK = 78 * mm  # height of a finding
_LINE = 1.35  # of the font's size
_GREY, _RULE, _CAUTION = HexColor("#5A6870"), HexColor("#C5CED2"), HexColor("#FFF3CD")
_HEAD, _BLACK = HexColor("#E8EEF0"), HexColor("#000000")


def write_pdf(inspection: Inspection) -> Path:
    """Write a report: cover, figures by asset, a block for each finding, and the rest as a list.

    A finding gets a block where corrosion was detected, an inspector shall look or has judged, or
    something went wrong after it was read; sound photographs, and those that can't be read, stand
    in lists. Blocks come by asset, the highest probability first.

    Args:
        inspection: what was found.

    Returns:
        The file.

    Raises:
        CorrosionError: it can't be written.
    """
    path = inspection.folder / FILE
    register_fonts()
    rl_config.useA85 = (
        0  # pictures as bytes: as text they are a quarter larger, and take 20 ms each
    )
    try:
        with replacing(path) as temporary:
            sheet = _Sheet(Canvas(str(temporary), pagesize=A4, pageCompression=1), inspection.title)
            sheet.canvas.setTitle(inspection.title)
            sheet.canvas.setAuthor(inspection.inspector)
            _write(sheet, inspection)
            sheet.save()
    except OSError as error:
        raise CorrosionError(f"{path} can't be written: {error}") from error
    return path


def _write(sheet: _Sheet, inspection: Inspection) -> None:
    _cover(sheet, inspection)
    shown = [one for one in inspection.findings if _has_block(one)]
    shown.sort(key=lambda one: (one.asset or "\uffff", -(one.probability or 0), one.number))
    sheet.new_page()
    _assets(sheet, inspection)
    if shown:
        sheet.need(_BLOCK + 30 * mm)
        sheet.y -= 8 * mm
        sheet.heading(f"Findings ({len(shown)})")
    for one in shown:
        _block(sheet, inspection, one)
    clean = [one for one in inspection.findings if not _has_block(one) and one.decision is not None]
    failed = [one for one in inspection.findings if one.decision is None]
    if failed:
        reasons = [(one.name, one.asset or "", one.error or "") for one in failed]
        sheet.table(f"Not read ({len(failed)})", ("Name", "Asset", "Why"), reasons, (55, 35, 88))
    if clean:
        rows = [
            (one.name, one.asset or "", f"{one.probability:.3f}", one.taken_at or "")
            for one in clean
        ]
        sheet.table(
            f"No corrosion detected ({len(clean)})",
            ("Name", "Asset", "Probability", "Taken at"),
            rows,
            (70, 40, 23, 45),
        )


def _has_block(one: Finding) -> bool:
    judged = one.verdict is not None and bool(one.verdict.verdict)
    return one.decision is not None and (one.detected or one.review or judged)


@dataclass
class _Sheet:
    """Pages that are filled from top to bottom.

    Attributes:
        canvas: what draws.
        title: stands at the foot of every page.
        y: where the next line goes, in points from the bottom.
        page: number of the page, from 1.
    """

    canvas: Canvas
    title: str
    y: float = _TOP
    page: int = 1

    def new_page(self) -> None:
        """End this page."""
        self._foot()
        self.canvas.showPage()
        self.page += 1
        self.y = _TOP

    def need(self, height: float) -> None:
        """Go to a new page where less than this is left."""
        if self.y - height < _BOTTOM:
            self.new_page()

    def save(self) -> None:
        """End the last page, and say on all how many there are."""
        self._foot()
        self.canvas.showPage()
        self.canvas.beginForm("pages", 0, 0, 60, 12)
        self.canvas.setFont(REGULAR, 8)
        self.canvas.setFillColor(_GREY)
        self.canvas.drawString(0, 2, f"{self.page}")
        self.canvas.endForm()
        self.canvas.save()

    def heading(self, text: str) -> None:
        """A heading of a part."""
        self.need(20 * mm)
        self.text(text, size=15, font=BOLD)
        self.y -= 2 * mm

    def text(
        self,
        text: str,
        *,
        size: float = 9,
        font: str = REGULAR,
        left: float = _MARGIN,
        width: float = _INNER,
        most: int = 12,
        colour: Any = _BLACK,
    ) -> None:
        """Lines of text below each other."""
        self.canvas.setFillColor(colour)
        for line in wrapped(text, width, size, font=font, most=most):
            self.need(size * _LINE)
            self.y -= size * _LINE
            self.canvas.setFont(font, size)
            self.canvas.setFillColor(colour)
            self.canvas.drawString(left, self.y, line)

    def table(
        self,
        title: str,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
    ) -> None:
        """A table of single lines over as many pages as it takes; widths in mm."""
        self.need(30 * mm)
        self.y -= 4 * mm
        self.heading(title)
        self._row(head, widths, bold=True)
        for row in rows:
            if self.y - 5 * mm < _BOTTOM:
                self.new_page()
                self._row(head, widths, bold=True)
            self._row(row, widths)

    def _row(self, cells: Sequence[str], widths: Sequence[float], *, bold: bool = False) -> None:
        font, size = BOLD if bold else REGULAR, 8
        fitted = [
            wrapped(cell, (width - 2) * mm, size, font=font, most=2 if bold else 1)
            for cell, width in zip(cells, widths, strict=True)
        ]
        height = 5 * mm + (max(map(len, fitted)) - 1) * size * _LINE
        self.y -= height
        canvas = self.canvas
        if bold:
            canvas.setFillColor(_HEAD)
            canvas.rect(_MARGIN, self.y - 1 * mm, _INNER, height, stroke=0, fill=1)
        canvas.setFillColor(_BLACK)
        canvas.setFont(font, size)
        left = _MARGIN + 1 * mm
        for lines, width in zip(fitted, widths, strict=True):
            for number, line in enumerate(reversed(lines)):
                canvas.drawString(left, self.y + 0.6 * mm + number * size * _LINE, line)
            left += width * mm
        canvas.setStrokeColor(_RULE)
        canvas.setLineWidth(0.3)
        canvas.line(_MARGIN, self.y - 1 * mm, _MARGIN + _INNER, self.y - 1 * mm)

    def _foot(self) -> None:
        canvas = self.canvas
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(_GREY)
        [title, *_] = wrapped(self.title, _INNER - 40 * mm, 8, most=1) or [""]
        canvas.drawString(_MARGIN, 10 * mm, title)
        right = _MARGIN + _INNER
        canvas.drawRightString(right - 6.5 * mm, 10 * mm, f"Page {self.page} of")
        canvas.saveState()
        canvas.translate(right - 5.5 * mm, 10 * mm - 2)
        canvas.doForm("pages")
        canvas.restoreState()


def _cover(sheet: _Sheet, inspection: Inspection) -> None:
    sheet.y -= 16 * mm
    sheet.text(inspection.title, size=24, font=BOLD, most=3)
    sheet.y -= 3 * mm
    totals = counted(inspection.findings)
    assets = inspection.assets
    sheet.text(
        f"{totals['photographs']} photographs and frames; corrosion detected in "
        f"{totals['detected']}, {totals['review']} for an inspector, {totals['failed']} not read",
        size=11,
        colour=_GREY,
    )
    sheet.y -= 7 * mm
    dates = sorted(one.taken_at[:10] for one in inspection.findings if one.taken_at)
    taken = "" if not dates else dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    facts = (
        ("Taken", taken or "not known"),
        ("Predicted", inspection.when),
        ("Assets", ", ".join(assets) or "not known"),
        ("Photographs of", ", ".join(inspection.given)),
        ("Network", inspection.model),
        ("Trained on", inspection.trained_on or "not known"),
        ("Threshold", _threshold(inspection)),
    )
    for name, value in facts:
        _fact(sheet, name, value)
    sheet.y -= 4 * mm
    for caution in inspection.cautions:
        _boxed(sheet, caution)
    for note in inspection.notes:
        sheet.text(note, size=8, colour=_GREY)
        sheet.y -= 1.5 * mm
    _signature(sheet, inspection)


def _threshold(inspection: Inspection) -> str:
    text = f"corrosion is detected from a probability of {inspection.threshold:.3g}"
    if inspection.band is None:
        return text
    low, high = inspection.band
    return f"{text}; between {low:.3g} and {high:.3g} an inspector decides"


def _fact(sheet: _Sheet, name: str, value: str) -> None:
    lines = wrapped(value, _INNER - 38 * mm, 10, most=6) or [""]
    sheet.need(len(lines) * 10 * _LINE)
    for number, line in enumerate(lines):
        sheet.y -= 10 * _LINE
        if number == 0:
            sheet.canvas.setFillColor(_GREY)
            sheet.canvas.setFont(REGULAR, 10)
            sheet.canvas.drawString(_MARGIN, sheet.y, name)
        sheet.canvas.setFillColor(_BLACK)
        sheet.canvas.setFont(REGULAR, 10)
        sheet.canvas.drawString(_MARGIN + 38 * mm, sheet.y, line)
    sheet.y -= 1 * mm


def _boxed(sheet: _Sheet, text: str) -> None:
    lines = wrapped(text, _INNER - 8 * mm, 9, most=8)
    height = len(lines) * 9 * _LINE + 4 * mm
    sheet.need(height + 2 * mm)
    sheet.canvas.setFillColor(_CAUTION)
    sheet.canvas.rect(_MARGIN, sheet.y - height, _INNER, height, stroke=0, fill=1)
    below = sheet.y - height
    sheet.y -= 1 * mm
    sheet.text(text, left=_MARGIN + 4 * mm, width=_INNER - 8 * mm, most=8)
    sheet.y = below - 2 * mm


def _signature(sheet: _Sheet, inspection: Inspection) -> None:
    """Lines for place and date, name and signature, at the foot of the cover."""
    sheet.need(32 * mm)
    sheet.y = _BOTTOM + 16 * mm
    canvas = sheet.canvas
    width = (_INNER - 10 * mm) / 3
    canvas.setStrokeColor(_BLACK)
    canvas.setLineWidth(0.5)
    filled = ("", inspection.inspector, "")
    names = ("Place and date", "Inspector", "Signature")
    for number, (name, value) in enumerate(zip(names, filled, strict=True)):
        left = _MARGIN + number * (width + 5 * mm)
        canvas.line(left, sheet.y, left + width, sheet.y)
        canvas.setFillColor(_BLACK)
        canvas.setFont(REGULAR, 10)
        [text, *_] = wrapped(value, width, 10, most=1) or [""]
        canvas.drawString(left, sheet.y + 1.5 * mm, text)
        canvas.setFillColor(_GREY)
        canvas.setFont(REGULAR, 8)
        canvas.drawString(left, sheet.y - 4 * mm, name)


def _assets(sheet: _Sheet, inspection: Inspection) -> None:
    groups: list[tuple[str, Sequence[Finding]]] = [("All", inspection.findings)]
    groups += [
        (name, [one for one in inspection.findings if one.asset == name])
        for name in inspection.assets
    ]
    unknown = [one for one in inspection.findings if one.asset is None]
    if inspection.assets and unknown:
        groups.append(("no asset", unknown))
    rows = []
    for name, findings in groups:
        chances = [one.probability for one in findings if one.probability is not None]
        shares = [one.share for one in findings if one.detected and one.share is not None]
        judged = [one for one in findings if one.verdict is not None and one.verdict.verdict]
        agreed = sum(
            one.verdict is not None and one.verdict.verdict == "corroded" for one in judged
        )
        rows.append(
            (
                name,
                *(str(value) for value in counted(findings).values()),
                f"{max(chances):.3f}" if chances else "",
                f"{max(shares):.1%}" if shares else "",
                f"{agreed} of {len(judged)}" if judged else "",
            )
        )
    head = (
        "Asset", "Photo- graphs", "Corrosion detected", "For an inspector", "Not read",
        "Highest probability", "Largest share", "Judged corroded",
    )  # fmt: skip
    sheet.table("Summary", head, rows, (40, 16, 22, 21, 16, 23, 20, 20))


def _block(sheet: _Sheet, inspection: Inspection, one: Finding) -> None:
    sheet.need(_BLOCK)
    canvas, top = sheet.canvas, sheet.y
    canvas.setStrokeColor(_RULE)
    canvas.setLineWidth(0.5)
    canvas.line(_MARGIN, top, _MARGIN + _INNER, top)
    title = " · ".join(filter(None, (str(one.number + 1), one.name, one.asset)))
    [name, *_] = wrapped(title, _INNER, 10, font=BOLD, most=1) or [""]
    canvas.setFont(BOLD, 10)
    canvas.setFillColor(_BLACK)
    canvas.drawString(_MARGIN, top - 5 * mm, name)
    place, below = top - 8 * mm, top - _BLOCK + 10 * mm
    pictures = (photograph_jpeg(inspection, one, _SIDE), marked_jpeg(inspection, one, _SIDE))
    for number, picture in enumerate(pictures):
        left = _MARGIN + number * (_PICTURE + 2 * mm)
        if picture is not None:
            _draw(canvas, picture, left, place, place - below)
    left = _MARGIN + 2 * (_PICTURE + 2 * mm) + 2 * mm
    sheet.y = place + 1 * mm
    width = _MARGIN + _INNER - left
    for label, value in _facts_of(one):
        room = int((sheet.y - below - 7 * _LINE) / (8 * _LINE))
        if room < 1:
            break
        sheet.text(label, size=6.5, left=left, width=width, most=1, colour=_GREY)
        sheet.text(value, size=8, left=left, width=width, most=min(room, 4))
        sheet.y -= 0.6 * mm
    sheet.y = below
    sheet.text(_origin(one), size=7.5, most=2, colour=_GREY)
    sheet.y = top - _BLOCK


def _origin(one: Finding) -> str:
    """Where, when and by what a photograph was taken, on one line."""
    place = place_of(one)
    if place and one.altitude is not None:
        place += f", {one.altitude:.0f} m"
    if one.direction is not None:
        place += f", looking {one.direction:.0f}°" if place else f"looking {one.direction:.0f}°"
    digest = "" if one.sha256 is None else f"SHA-256 {one.sha256[:16]}…"
    return " · ".join(filter(None, (place, one.taken_at, one.camera, digest, one.note)))


def _facts_of(one: Finding) -> list[tuple[str, str]]:
    """What is known, the most telling first: what has no room is left out from the end."""
    decision = one.decision or ""
    if one.probability is not None:
        decision = f"{decision} ({one.probability:.3f})"
    verdict = verdict_of(one)
    note = "" if one.verdict is None else one.verdict.note
    facts = (
        ("Decision", decision),
        ("Inspector's verdict", verdict or "▢ corroded  ▢ not corroded"),
        ("Note", note),
        ("For an inspector", " ".join(one.why_review)),
        # where nothing is detected the mask is empty, which measures nothing
        ("Rusted share", share_of(one) if one.detected else ""),
        ("Grade", grades_of(one) if one.detected else ""),
        ("Went wrong", one.error or ""),
    )
    return [(label, value) for label, value in facts if value]


def _draw(canvas: Canvas, picture: bytes, left: float, top: float, height: float) -> None:
    """A picture in its place, as large as fits, at the top left."""
    reader = ImageReader(io.BytesIO(picture))
    wide, high = reader.getSize()
    scale = min(_PICTURE / wide, height / high)
    canvas.drawImage(reader, left, top - high * scale, wide * scale, high * scale)
