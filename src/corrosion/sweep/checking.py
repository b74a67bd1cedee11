"""The runs that a command stands for, as far as they must be looked at before the first starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from corrosion.errors import CorrosionError
from corrosion.settings.base import dotted
from corrosion.settings.sweep import SweeperSettings

_MOST_RUNS = 10_000


def combinations(overrides: Sequence[Override], *, several: bool) -> Iterator[list[str]]:
    """Overrides of single runs: of a multirun the first of all values, then each other one once.

    Continuous ranges are left out: `search_limits` has their limits.

    Args:
        overrides: of the command.
        several: whether the command is a multirun.

    Raises:
        CorrosionError: several values without a multirun, none, or far too many.
    """
    if not several:
        swept = [one.input_line for one in overrides if one.is_sweep_override()]
        if swept:
            raise CorrosionError(
                f"{swept[0]} has several values: -m trains one after the other; a value with a "
                f"comma is quoted."
            )
    runs = math.prod(max(1, _count(one)) for one in overrides)
    if runs > _MOST_RUNS:
        raise CorrosionError(f"this makes {runs:,} trainings: {_MOST_RUNS:,} are the most.")
    choices = [values for values in map(_choices, overrides) if values]
    first = [values[0] for values in choices]
    yield first
    for position, values in enumerate(choices):
        for value in values[1:]:
            yield [*first[:position], value, *first[position + 1 :]]


def search_limits(params: Mapping[str, Any], overrides: Sequence[Override]) -> Iterator[list[str]]:
    """The outermost values of a search, as overrides: what they come to must be allowed.

    All lower limits come first, then all upper ones, with the choices among them.

    Args:
        params: search space by key, in Hydra's override grammar.
        overrides: of the command line, which replace those.

    Raises:
        CorrosionError: a search that can't be read, or has no values.
    """
    given = {str(one.key_or_group) for one in overrides}
    parser = OverridesParser.create()
    limits = []
    for key, value in params.items():
        if key in given:
            continue
        try:
            [override] = parser.parse_overrides([f"{key}={value}"])
        except HydraException as error:
            raise CorrosionError(
                f"hydra.sweeper.params: {key}={value} can't be read: give interval(0.1,0.5), "
                f"range(1,5) or choice(1,2)."
            ) from error
        limits.append(_limits(override))
    limits += [_limits(one) for one in overrides if isinstance(one.value(), IntervalSweep)]
    for position in range(max(map(len, limits), default=0)):
        yield [values[min(position, len(values) - 1)] for values in limits]


def refuse_intervals(overrides: Sequence[Override]) -> None:
    """Refuse a continuous range where nothing searches.

    Raises:
        CorrosionError: there is one.
    """
    for one in overrides:
        if isinstance(one.value(), IntervalSweep):
            raise CorrosionError(
                f"{one.input_line} is searched by a sweep: add sweep=paper, or give single values."
            )


def read_sweeper(values: Mapping[str, Any]) -> SweeperSettings:
    """The settings of the sweeper, from Hydra's configuration of it.

    Raises:
        CorrosionError: naming the setting that can't be used.
    """
    own = {key: value for key, value in values.items() if not key.startswith("_")}
    return SweeperSettings.read(own, name=lambda path: f"hydra.sweeper.{dotted(path)}")


def _count(override: Override) -> int:
    """How many values an override has; 0 for a continuous range."""
    value = override.value()
    if not override.is_sweep_override():
        return 1
    if not isinstance(value, RangeSweep):
        return 0 if isinstance(value, IntervalSweep) else len(_choices(override))
    start, stop, step = float(value.start or 0), float(value.stop or 0), float(value.step)
    count = math.ceil((stop - start) / step) if step and math.isfinite(stop - start) else 0
    if count < 1:
        raise CorrosionError(f"{override.input_line} has no values: give range(FIRST,END,STEP).")
    return count


def _choices(override: Override) -> list[str]:
    """The overrides that an override stands for: of a range the first and the last."""
    line = str(override.input_line)
    if not override.is_sweep_override():
        return [line]
    if not override.is_discrete_sweep():
        return []
    values = override.sweep_string_iterator()
    key = line.partition("=")[0]
    if isinstance(override.value(), RangeSweep):
        count = _count(override)
        if count > _MOST_RUNS:
            raise CorrosionError(f"{line} has {count:,} values: {_MOST_RUNS:,} are the most.")
        first, *others = values
        values = iter([first, *others[-1:]])
    return [f"{key}={value}" for value in values]


def _limits(override: Override) -> list[str]:
    value = override.value()
    if not isinstance(value, IntervalSweep):
        return _choices(override)
    low, high = value.start or 0, value.end or 0
    if not low < high:
        raise CorrosionError(f"{override.input_line}: give interval(LOW,HIGH), the lower first.")
    return [f"{override.key_or_group}={limit}" for limit in (low, high)]
