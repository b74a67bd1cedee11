"""Values that settings of a training, and options of the commands, don't take."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from attacks.child import Action
from attacks.world import Attack, Result, Verdict, World, is_clear

BAD = (
    "x;y", "[1,2]", "{a:1}", "nan", "inf", "-inf", "-1", "0", "1e400", "1000000000000", "true",
    "null", "''", "[]", "[[]]", "${oc.env:HOME}", "${nothing}", "1.5", "-0.0", "\u0661", "0x10",
    "1_000", "?",
)  # fmt: skip


def attacks(world: World, draw: random.Random) -> Iterator[Attack]:
    """Each setting and option with drawn values, again and again."""
    from corrosion.settings.run import RunSettings

    keys = list(leaves(RunSettings))
    options = list(options_of_commands())
    while True:
        if draw.random() < 0.6:
            yield setting(f"{draw.choice(keys)}={draw.choice(BAD)}")
        else:
            command, option = draw.choice(options)
            yield with_option(command, f"{option}={draw.choice(BAD)}")


def leaves(group: Any, before: str = "") -> Iterator[str]:
    """Dotted names of all settings."""
    for name in group.model_fields:
        inner = group.inner(name)
        yield from leaves(inner, f"{before}{name}.") if inner else (f"{before}{name}",)


def options_of_commands() -> Iterator[tuple[str, str]]:
    """Every option that takes a value, with its command."""
    from corrosion.cli.main import _FAMILIES

    for name, (family, _) in _FAMILIES.items():
        if name == "train":
            continue
        parser = argparse.ArgumentParser()
        import_module(f"corrosion.cli.{family}").COMMANDS[name].add_arguments(parser)
        for action in parser._actions:
            if action.option_strings and action.nargs != 0:
                yield name, action.option_strings[-1]


def setting(override: str) -> Attack:
    """A training that is checked, and goes no further."""

    def prepare(folder: Path, world: World) -> Action:
        return partial(_check, override)

    return Attack("settings", override, prepare, _judge_setting)


def _check(override: str) -> int:
    from corrosion.command_check import check, user_names
    from corrosion.errors import CorrosionError

    try:
        check([override])
    except CorrosionError as error:
        print(f"train: {error.called(user_names())}", file=sys.stderr)
        return 1
    return 0


def _judge_setting(folder: Path, world: World, result: Result) -> Verdict:
    if any(folder.iterdir()):
        return "wrong"  # something was made before all was known to be right
    if result.code == 0:
        return "right"  # a value of its type and range, which tests of the settings look at
    return "clear" if is_clear(result) else "wrong"


def with_option(command: str, option: str) -> Attack:
    """A command with a value of an option, on sound files."""

    def prepare(folder: Path, world: World) -> Action:
        shutil.copytree(world.run, folder / "run")
        photographs = str(world.photographs)
        paths: Mapping[str, tuple[str, ...]] = {
            "compare": ("run", "run"),
            "change": ("run", photographs, photographs),
            "audit": (str(world.labelled),),
            "sample": ("made",),
        }
        of_photographs = ("predict", "explain", "next", "explain-score", "train-masks")
        usual = ("run", photographs) if command in of_photographs else ("run",)
        arguments = (command, *paths.get(command, usual), option)
        return partial(_started, arguments) if command == "serve" else arguments

    return Attack("options", f"{command} {option}", prepare, _judge_option)


def _started(arguments: Sequence[str]) -> int:
    """Start a service, which would run until somebody ends it, and end it at once."""
    from corrosion.cli.main import main
    from corrosion.serve import server

    server.serve = lambda *_: None
    return main(list(arguments))


def _judge_option(folder: Path, world: World, result: Result) -> Verdict:
    if result.code in (1, 2):
        usage = "error:" in result.text
        return "clear" if usage or is_clear(result) else "wrong"
    return "right"
