"""Progress bars for loops that take long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def progress(
    items: Iterable[T], description: str, *, total: int | None = None, fewest: int = 0
) -> Iterable[T]:
    """Yield the items under a bar on standard error, which vanishes at the end.

    Args:
        items: items that are worked on, one after the other.
        description: text beside the bar, as "decoding images".
        total: number of items, where `len` does not tell it.
        fewest: least number of items that get a bar; fewer are done too soon.

    Returns:
        The items; without a bar where standard error is no terminal.
    """
    console = Console(stderr=True)
    few = total is not None and total < fewest
    return track(
        items,
        description,
        total=total,
        console=console,
        disable=few or not console.is_terminal,
        transient=True,
    )
