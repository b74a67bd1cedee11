"""The `corrosion` command; heavy imports wait for their use."""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import corrosion
from corrosion.errors import CorrosionError
from corrosion.system.processors import keep_freed_memory

_FAMILIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "train": ("train", "train and test a network: takes the overrides of train.py"),
        "evaluate": ("evaluate", "metrics with intervals, of a run or on a labelled folder"),
        "compare": ("evaluate", "finished runs side by side: metrics, tests between models, costs"),
        "plan": ("plan", "how many test images and seeds a comparison needs"),
        "report": ("evaluate", "write a run on one page: report.html"),
        "labels": (
            "labels",
            "which labels a cross-validation contradicts: likely errors, to look at",
        ),
        "predict": ("predict", "probability and decision for photographs and videos"),
        "train-masks": ("train_masks", "teach a trained network from masks where rust is"),
        "change": ("change", "compare the photographs of two inspections: has the rust grown?"),
        "next": ("next", "choose the unlabelled photographs that are worth labelling next"),
        "explain": ("explain", "draw what one or several networks see in photographs"),
        "explain-score": ("explain", "judge maps by masks or boxes, against baselines"),
        "audit": ("folders", "find leaks, conflicting labels and bad images in folders"),
        "sample": ("folders", "write the embedded sample photographs"),
        "export": ("export", "write a checkpoint as one file that needs no PyTorch"),
        "info": ("info", "describe a checkpoint"),
    }
)
"""The module of each command, and its line in the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those behind `corrosion`; None takes them from the process.

    Returns:
        The exit code: 0 fine, 1 something for the user to mend, 2 no such command, 3 done except
        for some files. (2 is argparse's too, for arguments that it can't make out.)
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given else ""
    if name and not name.startswith("-") and name not in _FAMILIES:
        print(f"corrosion: {_unknown(name)}", file=sys.stderr)  # noqa: T201
        return 2
    if name == "train":  # Hydra reads its arguments and sets up logging
        from corrosion.cli.train import train

        return train(given[1:])
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    options = argparse.Namespace(_names={})
    try:
        options = _parser(name).parse_args(given)
        keep_freed_memory()
        code = options._run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as by `| head`, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return 0
    except CorrosionError as error:
        print(f"corrosion: {error.called(options._names)}", file=sys.stderr)  # noqa: T201
        return 1
    return int(code or 0)


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The parser of the command line; only the chosen command's module is imported."""
    parser = argparse.ArgumentParser(
        prog="corrosion",
        description="Explainable image classification of corroded metal. "
        "`corrosion COMMAND --help` shows the options of a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (family, line) in _FAMILIES.items():
        own = commands.add_parser(name, help=line)
        if name == chosen:
            command = import_module(f"corrosion.cli.{family}").COMMANDS[name]
            own.description = command.description or f"{line[0].upper()}{line[1:]}."
            command.add_arguments(own)
            names = {action.dest: action.option_strings for action in own._actions}
            names = {dest: strings[-1] for dest, strings in names.items() if strings}
            own.set_defaults(_run=command.run, _names=names)
    return parser


class _Version(argparse.Action):
    """Looks the version up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        sys.stdout.write(f"corrosion {corrosion.__version__}\n")
        parser.exit()


def _unknown(name: str) -> str:
    """One sentence that helps who has mistyped a command."""
    if "=" in name:
        return f"{name} is an override of a training: corrosion train {name}."
    near = difflib.get_close_matches(name.lower().removesuffix(".py"), _FAMILIES, n=1)
    if near:
        return f"there is no command {name}: did you mean corrosion {near[0]}?"
    return f"there is no command {name}: choose {', '.join(_FAMILIES)}."
