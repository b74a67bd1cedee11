"""A progress bar for what takes long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def progress(
    items: Iterable[T], description: str, *, total: int | None = None, worth: int = 0
) -> Iterable[T]:
    """Yield the items under a bar on standard error, which vanishes at the end.

    Args:
        items: what is gone through.
        description: what is being done.
        total: number of items, where `len` does not tell it.
        worth: fewer items than this are done too soon for a bar.

    Returns:
        The items; without a bar where standard error is no terminal.
    """
    console = Console(stderr=True)
    few = total is not None and total < worth
    return track(
        items,
        description,
        total=total,
        console=console,
        disable=few or not console.is_terminal,
        transient=True,
    )
