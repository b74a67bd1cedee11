"""Tables of text, the same in a terminal and on a page, and figures as they stand in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from corrosion.evaluate.intervals import Estimate

MISSING = "–"


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are ready to be read.

    Attributes:
        title: what it shows.
        columns: their heads; the first column names the rows, the others hold figures.
        rows: of cells, each as long as `columns`.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, title: str, columns: Iterable[str], rows: Iterable[Sequence[str]]) -> TextTable:
        """A table from anything that can be iterated over."""
        return cls(title, tuple(columns), tuple(tuple(row) for row in rows))

    def as_rich(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table


def figure(value: float | None, digits: int = 4) -> str:
    """A number with this many digits behind the point; a dash for None and NaN."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def ends(estimate: Estimate | None) -> str:
    """The ends of an interval; a dash where it is undefined."""
    if estimate is None or math.isnan(estimate.low):
        return MISSING
    return f"{figure(estimate.low)} – {figure(estimate.high)}"


def with_interval(estimate: Estimate) -> str:
    """A value with its interval in brackets, to three digits."""
    if math.isnan(estimate.value) or math.isnan(estimate.low):
        return figure(estimate.value, 3)
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"
