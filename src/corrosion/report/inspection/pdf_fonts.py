"""Type for reports on paper: DejaVu Sans, which matplotlib brings along under a free licence."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

REGULAR, BOLD = "CorrosionSans", "CorrosionSans-Bold"
"""Names of the fonts, once `register_fonts` was called."""

_FILES = {REGULAR: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}
_FALLBACK = {REGULAR: "Helvetica", BOLD: "Helvetica-Bold"}
_MISSING = "\u25a1"  # an empty square


@cache
def register_fonts() -> None:
    """Make the fonts known to reportlab; those of every PDF reader where the files are missing."""
    spec = find_spec("matplotlib")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    for name, file in _FILES.items():
        try:
            pdfmetrics.registerFont(TTFont(name, str(folder / "mpl-data/fonts/ttf" / file)))
        except (TTFError, OSError):
            pdfmetrics.registerFont(pdfmetrics.Font(name, _FALLBACK[name], "WinAnsiEncoding"))


def printable(text: str, font: str = REGULAR) -> str:
    """A text of which the font has all characters: an empty square stands for those that it lacks.

    DejaVu has the Latin, Greek, Cyrillic, Arabic, Hebrew and Georgian letters, but no Chinese ones.

    Example:
        >>> register_fonts()
        >>> printable("Brücke Мост 橋")
        'Brücke Мост □'
    """
    glyphs = getattr(getattr(pdfmetrics.getFont(font), "face", None), "charToGlyph", None)
    if glyphs is None:  # one of the 14 fonts that every reader has
        return text.encode("cp1252", "replace").decode("cp1252")
    return "".join(one if ord(one) in glyphs else _MISSING for one in text)


def wrapped(text: str, width: float, size: float, *, font: str = REGULAR, most: int) -> list[str]:
    """A text as lines that fit a width; a last line that is cut ends in an ellipsis.

    Args:
        text: the text.
        width: width in points.
        size: size of the font in points.
        font: name of the font.
        most: number of lines, at least 1.
    """
    lines = [
        part
        for line in simpleSplit(printable(text, font), font, size, width)
        for part in _broken(line, width, size, font)
    ]
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and pdfmetrics.stringWidth(f"{last}…", font, size) > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last}…"]


def _broken(line: str, width: float, size: float, font: str) -> list[str]:
    """A line in parts that fit: a path or digest without a space is longer than any."""
    parts = []
    while pdfmetrics.stringWidth(line, font, size) > width and len(line) > 1:
        end = len(line)
        while end > 1 and pdfmetrics.stringWidth(line[:end], font, size) > width:
            end -= max(1, (end - int(width / size)) // 4)
        parts.append(line[:end])
        line = line[end:]
    return [*parts, line]
