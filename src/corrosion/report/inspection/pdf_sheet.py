"""Pages of a report on paper, filled from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm

from corrosion.report.inspection.pdf_file import SpooledCanvas
from corrosion.report.inspection.pdf_fonts import BOLD, REGULAR, wrapped

MARGIN = 16 * mm
INNER = A4[0] - 2 * MARGIN
"""Width between the margins."""

TOP, BOTTOM = A4[1] - 18 * mm, 18 * mm
LINE = 1.35
"""Height of a line, of the font's size."""

BLACK, GREY, RULE = HexColor("#000000"), HexColor("#5A6870"), HexColor("#C5CED2")
_HEAD = HexColor("#E8EEF0")


@dataclass
class Sheet:
    """Pages that are filled from top to bottom.

    Attributes:
        canvas: what draws.
        title: stands at the foot of every page.
        y: where the next line goes, in points from the bottom.
        page: number of the page, from 1.
    """

    canvas: SpooledCanvas
    title: str
    y: float = TOP
    page: int = 1

    def new_page(self) -> None:
        """End this page."""
        self._foot()
        self.canvas.showPage()
        self.page += 1
        self.y = TOP

    def need(self, height: float) -> None:
        """Go to a new page where less than this is left."""
        if self.y - height < BOTTOM:
            self.new_page()

    def save(self) -> None:
        """End the last page, and say on all how many there are."""
        self._foot()
        self.canvas.showPage()
        self.canvas.beginForm("pages", 0, 0, 60, 12)
        self.canvas.setFont(REGULAR, 8)
        self.canvas.setFillColor(GREY)
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
        left: float = MARGIN,
        width: float = INNER,
        most: int = 12,
        colour: Any = BLACK,
    ) -> None:
        """Lines of text below each other."""
        self.canvas.setFillColor(colour)
        for line in wrapped(text, width, size, font=font, most=most):
            self.need(size * LINE)
            self.y -= size * LINE
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
            if self.y - 5 * mm < BOTTOM:
                self.new_page()
                self._row(head, widths, bold=True)
            self._row(row, widths)

    def _row(self, cells: Sequence[str], widths: Sequence[float], *, bold: bool = False) -> None:
        font, size = BOLD if bold else REGULAR, 8
        fitted = [
            wrapped(cell, (width - 2) * mm, size, font=font, most=2 if bold else 1)
            for cell, width in zip(cells, widths, strict=True)
        ]
        height = 5 * mm + (max(map(len, fitted)) - 1) * size * LINE
        self.y -= height
        canvas = self.canvas
        if bold:
            canvas.setFillColor(_HEAD)
            canvas.rect(MARGIN, self.y - 1 * mm, INNER, height, stroke=0, fill=1)
        canvas.setFillColor(BLACK)
        canvas.setFont(font, size)
        left = MARGIN + 1 * mm
        for lines, width in zip(fitted, widths, strict=True):
            for number, line in enumerate(reversed(lines)):
                canvas.drawString(left, self.y + 0.6 * mm + number * size * LINE, line)
            left += width * mm
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.3)
        canvas.line(MARGIN, self.y - 1 * mm, MARGIN + INNER, self.y - 1 * mm)

    def _foot(self) -> None:
        canvas = self.canvas
        canvas.setFont(REGULAR, 8)
        canvas.setFillColor(GREY)
        [title, *_] = wrapped(self.title, INNER - 40 * mm, 8, most=1) or [""]
        canvas.drawString(MARGIN, 10 * mm, title)
        right = MARGIN + INNER
        canvas.drawRightString(right - 6.5 * mm, 10 * mm, f"Page {self.page} of")
        canvas.saveState()
        canvas.translate(right - 5.5 * mm, 10 * mm - 2)
        canvas.doForm("pages")
        canvas.restoreState()
