"""How far loops are that take long: bars in a terminal, lines in a log that nobody watches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # what runs exported files may do without
    from rich.console import Console

T = TypeVar("T")

log = logging.getLogger(__name__)

_STEPS = 10  # in each of these parts of the work a line is due
_SOONEST, _LATEST = 3.0, 30.0  # seconds between lines, whatever their share


def progress(
    items: Iterable[T], description: str, *, total: int | None = None, fewest: int = 0
) -> Iterable[T]:
    """Yield the items under a bar on standard error, which vanishes at the end.

    Where standard error is no terminal, as under nohup, SLURM and in a pipeline, or rich is not
    installed, lines are logged instead (`Milestones`).

    Args:
        items: items that are worked on, one after the other.
        description: text beside the bar, as "decoding images".
        total: number of items, where `len` does not tell it.
        fewest: least number of items that get a bar; fewer are done too soon.
    """
    console = _console(stderr=True)
    if console is None or not console.is_terminal:
        if total is None and isinstance(items, Sized):
            total = len(items)
        return _logged(items, Milestones(description, total))
    from rich.progress import track

    few = total is not None and total < fewest
    return track(items, description, total=total, console=console, disable=few, transient=True)


def is_watched() -> bool:
    """Whether somebody watches standard output, in a terminal or a notebook."""
    console = _console()
    return console is not None and (console.is_terminal or console.is_jupyter)


def _console(*, stderr: bool = False) -> Console | None:
    """The terminal as rich sees it; None where that is not installed."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    return Console(stderr=stderr)


class Milestones:
    """Logs a line of a loop that nobody watches after each 10 % of it, and at least every 30 s.

    What takes a few seconds says nothing: lines are 3 s apart at least.

    Args:
        description: what is done, as "predicting".
        total: number of items; None if it is not known, and then a line comes every 30 s.
        first: number of items that were done before, as by a run that this one goes on with.
        clock: seconds that go on.

    Example:
        >>> now = iter((0.0, 40.0, 80.0))
        >>> milestones = Milestones("predicting", 20, clock=lambda: next(now))
        >>> milestones.line(5), milestones.line(20)
        ('predicting: 5 of 20 (25 %), about 2 min left', 'predicting: 20 of 20 (100 %), took 1 min')
    """

    def __init__(
        self,
        description: str,
        total: int | None,
        *,
        first: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.description = description
        self._total = total or None
        self._clock = clock
        self._started = self._said = clock()
        self._first = first
        self._step = self._steps(first)

    def reached(self, done: int, more: str = "") -> None:
        """Log a line if one is due.

        Args:
            done: number of items that are done, of all.
            more: what else there is to say.
        """
        if (line := self.line(done)) is not None:
            log.info("%s%s", line, f"; {more}" if more else "")

    def line(self, done: int) -> str | None:
        """The line for so many items, if one is due."""
        now = self._clock()
        share = None if self._total is None else done / self._total
        waited = now - self._said
        step = self._steps(done)
        if not (waited >= _LATEST or (step > self._step and waited >= _SOONEST)):
            return None
        self._said, self._step = now, step
        spent = now - self._started
        if share is None or not 0 < share <= 1:
            return f"{self.description}: {done} after {_duration(spent)}"
        left = "took " + _duration(spent)
        if share < 1:
            rate = spent / max(done - self._first, 1)
            left = f"about {_duration(rate * ((self._total or 0) - done))} left"
        return f"{self.description}: {done} of {self._total} ({100 * share:.0f} %), {left}"

    def _steps(self, done: int) -> int:
        return 0 if self._total is None else done * _STEPS // self._total


def _logged(items: Iterable[T], milestones: Milestones) -> Iterator[T]:
    for done, item in enumerate(items, start=1):
        yield item  # which is done when the next one is asked for
        milestones.reached(done)


def _duration(seconds: float) -> str:
    """A time in one unit.

    Example:
        >>> _duration(8.2), _duration(90), _duration(5400)
        ('8 s', '2 min', '1.5 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
