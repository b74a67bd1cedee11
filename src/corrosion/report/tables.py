"""Tables of text, the same in a terminal and on a page, and figures as they stand in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corrosion.evaluation.intervals import Estimate

if TYPE_CHECKING:  # what runs exported files may do without
    from rich.console import Console

MISSING = "–"
_NAME, _HEAD = 16, 20  # characters that are kept on a line where a terminal is narrow


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are ready to be read.

    Attributes:
        title: what it shows.
        columns: their heads; the first ones name the rows, the others hold figures.
        rows: rows of cells, each as long as `columns`.
        names: number of columns that name the rows.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1

    @classmethod
    def of(
        cls, title: str, columns: Iterable[str], rows: Iterable[Sequence[str]], *, names: int = 1
    ) -> TextTable:
        """A table from anything that can be iterated over."""
        return cls(title, tuple(columns), tuple(tuple(row) for row in rows), names)

    @property
    def anchor(self) -> str:
        """What a page leads to it by: the words that its title begins with.

        Example:
            >>> TextTable.of("Training time and cost (Table 8); times of an image", [], []).anchor
            'training-time-and-cost'
        """
        words = re.split(r"[(,;:]", self.title)[0]
        return re.sub(r"\W+", "-", words.lower()).strip("-")

    def print(self, console: Console) -> None:
        """Print it, in several parts one below the other where the terminal is too narrow.

        Figures are never cut or broken; heads and names of rows are.
        """
        from rich.table import Table

        widths = [
            max(_longest(head.split("\n")), cells)
            for head, cells in zip(self.columns, self._cells(), strict=True)
        ]
        if _with_borders(widths) > console.width:
            widths = [
                min(width, _NAME)
                if column < self.names
                else max(min(_longest(self.columns[column].split()), _HEAD), cells)
                for column, (width, cells) in enumerate(zip(widths, self._cells(), strict=True))
            ]
        for number, columns in enumerate(self._parts(widths, console.width)):
            table = Table(title=None if number else self.title, title_justify="left")
            for column in columns:
                name = column < self.names
                table.add_column(
                    self.columns[column],
                    justify="left" if name else "right",
                    overflow="fold",
                    width=None if name else widths[column],
                )
            for row in self.rows:
                table.add_row(*(row[column] for column in columns))
            console.print(table, soft_wrap=False)

    def _cells(self) -> list[int]:
        """The width of each column without its head."""
        return [
            _longest(line for row in self.rows for line in row[column].split("\n"))
            for column in range(len(self.columns))
        ]

    def _parts(self, widths: Sequence[int], space: int) -> list[list[int]]:
        """Numbers of columns that fit side by side; those that name the rows are in every part."""
        names = list(range(self.names))
        parts: list[list[int]] = []
        for column in range(self.names, len(self.columns)):
            if not parts or _with_borders(widths[one] for one in (*parts[-1], column)) > space:
                parts.append(list(names))
            parts[-1].append(column)
        return parts or [names]


def print_sentences(sentences: Iterable[str]) -> None:
    """Print sentences, a paragraph each, broken between words where they are read in a terminal.

    In a pipe or a file each stays on a line.
    """
    from rich.console import Console

    console = Console()
    for sentence in sentences:
        console.print(sentence, highlight=False, markup=False, soft_wrap=not console.is_terminal)


def _longest(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)


def _with_borders(widths: Iterable[int]) -> int:
    """Width of a table whose columns have these."""
    return 1 + sum(3 + width for width in widths)


def format_number(value: float | None, digits: int = 4) -> str:
    """A number with this many digits behind the point; a dash for None and NaN."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A difference with its sign; a dash for NaN."""
    return MISSING if math.isnan(value) else f"{value:+z.4f}"


def ends(estimate: Estimate | None) -> str:
    """The ends of an interval; a dash where it is undefined, what chance gives where it is told."""
    if estimate is not None and estimate.expected is not None:
        return f"{format_number(estimate.expected)} if calibrated"
    if estimate is None or math.isnan(estimate.low):
        return MISSING
    return f"{format_number(estimate.low)} – {format_number(estimate.high)}"


def with_interval(estimate: Estimate) -> str:
    """A value with its interval in brackets, or with what chance gives, to three digits."""
    if estimate.expected is not None:
        return f"{estimate.value:.3f} ({estimate.expected:.3f} if calibrated)"
    if math.isnan(estimate.value) or math.isnan(estimate.low):
        return format_number(estimate.value, 3)
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"
