"""Contact sheets: many small photographs in captioned blocks on a few pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from corrosion.data.images import read_image

log = logging.getLogger(__name__)

CELL = 160
"""Longest side of a photograph, in pixels."""

_WIDTH, _HEIGHT, _GAP, _LINE = 1400, 1800, 12, 16
_PAPER, _INK, _FAINT = (255, 255, 255), (29, 35, 41), (92, 102, 112)


@dataclass(frozen=True)
class Block:
    """Photographs that stand beside each other.

    Attributes:
        title: title of the block.
        paths: paths of the photographs, whose names stand below them.
        notes: what stands below the names.
    """

    title: str
    paths: Sequence[str]
    notes: Sequence[str]

    @property
    def width(self) -> int:
        """In pixels, with the gap behind it."""
        return len(self.paths) * (CELL + _GAP)


def contact_sheets(blocks: Iterable[Block], *, most: int) -> list[Image.Image]:
    """Draw blocks of photographs, left to right and top to bottom.

    Args:
        blocks: each narrower than a sheet: 8 photographs at the most.
        most: sheets; further blocks are left out.
    """
    sheets: list[Image.Image] = []
    height = CELL + 3 * _LINE + _GAP
    left, top = 0, _HEIGHT
    for block in blocks:
        if left + block.width > _WIDTH:
            left, top = 0, top + height
        if top + height > _HEIGHT:
            if len(sheets) == most:
                break
            sheets.append(Image.new("RGB", (_WIDTH + _GAP, _HEIGHT), _PAPER))
            left, top = 0, 0
        _draw(sheets[-1], block, left + _GAP, top + _GAP)
        left += block.width + _GAP
    if sheets and top < _HEIGHT:
        sheets[-1] = sheets[-1].crop((0, 0, _WIDTH + _GAP, top + height + _GAP))
    return sheets


def _draw(sheet: Image.Image, block: Block, left: int, top: int) -> None:
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    pen.text((left, top), _cut(block.title, font, block.width - _GAP), fill=_INK, font=font)
    for path, note in zip(block.paths, block.notes, strict=True):
        photograph = _thumbnail(path)
        sheet.paste(photograph, (left, top + _LINE))
        for line, text in enumerate((Path(path).name, note)):
            below = top + _LINE * (1 + line) + photograph.height
            pen.text((left, below), _cut(text, font, CELL), fill=_FAINT, font=font)
        left += CELL + _GAP


def _thumbnail(path: str) -> Image.Image:
    try:
        photograph = Image.fromarray(read_image(path, min_side=CELL))
    except Exception:  # changed since it was examined
        log.debug("%s can't be drawn", path, exc_info=True)
        photograph = Image.new("RGB", (CELL, CELL), _FAINT)
    photograph.thumbnail((CELL, CELL))
    return photograph


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, its beginning cut off where it is too wide: names differ in their ends."""
    if font.getlength(text) <= width:
        return text
    while len(text) > 1 and font.getlength("…" + text) > width:
        text = text[1:]
    return "…" + text
