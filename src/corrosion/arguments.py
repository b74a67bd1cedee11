"""The arguments of a training's command, in Hydra's grammar and ours: `--data PATH`."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException

from corrosion.errors import CorrosionError

_OPTIONS = {
    **dict.fromkeys(("--multirun", "-m", "--run", "-r"), 0),
    **dict.fromkeys(("--config-dir", "-cd"), 1),
}
"""Options of Hydra with which something is trained, and how many values each takes."""

_PATHS = ("data.root", "data.split_file", "model.weights", "resume")
_QUOTED = re.compile(r"""^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')$""")


def with_data(arguments: Sequence[str]) -> list[str]:
    """`--data PATH` as overrides, with the path quoted as Hydra's grammar asks for."""
    paths = list(values_of(arguments, "--data"))
    if not paths:
        return list(arguments)
    rest: list[str] = []
    remaining = iter(arguments)
    for one in remaining:
        if one == "--data":
            next(remaining, None)
        elif not one.startswith("--data="):
            rest.append(one)
    source = [] if any(one.startswith("data=") for one in rest) else ["data=folder"]
    roots = ",".join(quoted(path) for path in paths)
    return [*rest, *source, f"data.root={roots}" if len(paths) == 1 else f"data.root=[{roots}]"]


def values_of(arguments: Sequence[str], *options: str) -> Iterator[str]:
    """What is given for an option, as `--option VALUE` or `--option=VALUE`."""
    for one, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        name, equals, value = one.partition("=")
        if name not in options:
            continue
        if not equals and (not following or following.startswith("-")):
            raise CorrosionError(f"{name} needs a path: {name} PHOTOS")
        yield value if equals else following


def quoted(path: str) -> str:
    """A path as Hydra's grammar reads it whatever is in it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _without_options(arguments: Sequence[str]) -> list[str]:
    """The overrides among arguments; refuses options that there are not."""
    overrides = []
    remaining = iter(arguments)
    for one in remaining:
        if not one.startswith("-"):
            overrides.append(one)
            continue
        name, equals, _ = one.partition("=")
        if name not in _OPTIONS:
            near = difflib.get_close_matches(name, ["--data", *_OPTIONS], n=1)
            meant = {"--data": " Did you mean --data PHOTOS?"}
            said = meant.get(near[0], f" Did you mean {near[0]}?") if near else ""
            raise CorrosionError(
                f"{name} is no option.{said} Settings are given without dashes, as "
                f"trainer.max_epochs=3."
            )
        if not equals and _OPTIONS[name]:
            next(remaining, None)
    return overrides


def _refuse_bare(argument: str) -> None:
    """Refuse what is no KEY=VALUE at all: often the folder of photographs, without --data."""
    deletes = argument.startswith("~") and "/" not in argument and argument != "~"
    if "=" in argument[1:] or deletes:
        return
    path = Path(argument).expanduser()
    if path.is_dir() or "/" in argument:
        raise CorrosionError(
            f"{argument} is no setting. A folder of photographs is given by --data: python "
            f"train.py --data {shlex.quote(argument)}"
        )
    raise CorrosionError(
        f"{argument} is no KEY=VALUE, as trainer.max_epochs=3 is. (A folder of photographs is "
        f"given by --data PHOTOS; there is none called {argument} here.)"
    )


def overrides_of(arguments: Sequence[str]) -> list[Override]:
    """The overrides among the arguments of a command, as Hydra's grammar reads them.

    Args:
        arguments: of the command, as `with_data` leaves them.

    Raises:
        CorrosionError: an option that there is not, or what can't be read as KEY=VALUE.
    """
    parser = OverridesParser.create()
    parsed = []
    for argument in _without_options(arguments):
        _refuse_bare(argument)
        key, _, value = argument.partition("=")
        if key in _PATHS and not _QUOTED.match(value) and Path(value).expanduser().exists():
            _check_quoting(parser, argument)
        try:
            parsed += parser.parse_overrides([argument])
        except (HydraException, OverrideParseException) as error:
            reason = str(error).split("\n", 1)[0]
            raise CorrosionError(
                f"{argument} can't be read as KEY=VALUE: quote values with spaces, brackets, "
                f"commas or equals signs, as {shlex.quote(f'{key}={quoted(value)}')} [{reason}]"
            ) from error
    return parsed


def _check_quoting(parser: OverridesParser, argument: str) -> None:
    """Refuse a path that is there, but that Hydra's grammar reads as something else."""
    key, _, value = argument.partition("=")
    try:
        [override] = parser.parse_overrides([argument])
        read = None if override.is_sweep_override() else override.value()
    except (HydraException, OverrideParseException):
        read = None
    if str(read) != value:
        hint = f" (or: corrosion train --data {shlex.quote(value)})" if key == "data.root" else ""
        raise CorrosionError(
            f"the path {value} must be quoted, for the shell and for Hydra: "
            f"{shlex.quote(f'{key}={quoted(value)}')}{hint}"
        )
