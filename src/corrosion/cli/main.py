"""The `corrosion` command; heavy imports wait for their use."""

from __future__ import annotations

import argparse
import difflib
import io
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, NoReturn

import corrosion
from corrosion.cli.command import NEEDED_WITHOUT
from corrosion.errors import INTERRUPTED, CorrosionError, full_disk_told, in_words_of
from corrosion.system.extras import install_command
from corrosion.system.processors import keep_freed_memory

_FAMILIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "train": ("train", "train and test a network: takes the overrides of train.py"),
        "evaluate": ("evaluate", "metrics with intervals, of a run or on a labelled folder"),
        "compare": ("evaluate", "finished runs side by side: metrics, tests between models, costs"),
        "plan": ("plan", "how many test images and seeds a comparison needs"),
        "report": ("evaluate", "write a run on one page: report.html"),
        "inspection-report": ("inspection", "write the pages of an inspection again"),
        "verdicts": ("inspection", "merge what inspectors said: agreement, and a labelled folder"),
        "labels": (
            "labels",
            "which labels a cross-validation contradicts: likely errors, to look at",
        ),
        "predict": ("predict", "probability and decision for photographs and videos"),
        "serve": ("serve", "answer over HTTP, with a page to drop photographs on"),
        "train-masks": ("train_masks", "teach a trained network from masks where rust is"),
        "average": (
            "average",
            "one network of the folds of a cross-validation, or of several seeds",
        ),
        "update": ("update", "go on from a run with photographs that inspectors have judged"),
        "change": ("change", "compare the photographs of two inspections: has the rust grown?"),
        "next": ("next", "choose the unlabelled photographs that are worth labelling next"),
        "explain": ("explain", "draw what one or several networks see in photographs"),
        "explain-score": ("explain", "judge maps by masks or boxes, against baselines"),
        "audit": ("folders", "find leaks, conflicting labels and bad images in folders"),
        "sample": ("folders", "write the embedded sample photographs"),
        "export": ("export", "write a checkpoint as one file that needs no PyTorch"),
        "pack": ("pack", "write a checkpoint as a folder for timm and the Hugging Face hub"),
        "info": ("info", "describe a checkpoint or an exported file"),
    }
)
"""The module of each command, and its line in the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those behind `corrosion`; None takes them from the process.

    Returns:
        The exit code: 0 fine, 1 something for the user to mend, 2 no such command, 3 done except
        for some files, 130 interrupted. (2 is argparse's too, for arguments that it can't make
        out.)
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given else ""
    if name and not name.startswith("-") and name not in _FAMILIES:
        print(f"corrosion: {_unknown(name)}", file=sys.stderr)  # noqa: T201
        return 2
    if name == "train":  # Hydra reads its arguments and sets up logging
        from corrosion.cli.train import train

        return train(given[1:])
    for stream in (sys.stdout, sys.stderr):  # names of files may be anything
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("torch").setLevel(logging.WARNING)  # as torch does, once it is imported whole
    options = argparse.Namespace(_names={})
    try:
        options, unknown = _parser(name).parse_known_args(given)
        if unknown:
            raise _UsageError(_unknown_option(unknown[0], name, options._names.values()))
        keep_freed_memory()
        with _named(options._names), full_disk_told(), ExitStack() as options._held:
            code = options._run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as by `| head`, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return 0
    except KeyboardInterrupt:
        kept = options._interrupted(options) if "_run" in options else "Nothing was begun."
        print(f"corrosion: interrupted. {kept}", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except ModuleNotFoundError as error:
        package = (error.name or __package__).partition(".")[0]
        if package == "corrosion":
            raise
        said = f"{name} needs the package {package}: {install_command(package)}."
        if find_spec("torch") is None:
            said = (
                f"{name} needs what an installation of runtime/ leaves out, first of all "
                f"{package}: install the whole of corrosion. Without it, give predict, serve and "
                f"info a file that corrosion export has written instead of a checkpoint."
            )
        print(f"corrosion: {said}", file=sys.stderr)  # noqa: T201
        return 1
    except CorrosionError as error:
        print(f"corrosion: {error.called(options._names)}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, _UsageError) else 1
    return int(code or 0)


class _UsageError(CorrosionError):
    """A command line that can't be made out."""


class _Parser(argparse.ArgumentParser):
    """Takes whole options only, paths behind them too, and tells errors in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)
        self._in_a_pass = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments, some of which may be missing with an option (`NEEDED_WITHOUT`)."""
        if self._in_a_pass or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        for action in self._actions:
            option = getattr(action, NEEDED_WITHOUT, None)
            if option is not None:
                given = (str(one).partition("=")[0] for one in args or ())
                action.required = option not in given
        self._in_a_pass = True  # options, then what is left: it calls this method for both
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._in_a_pass = False

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            CorrosionError: always.
        """
        said = message.removeprefix("argument ")
        raise _UsageError(f"{said}. {self.prog} --help shows what there is.")


class _Naming(logging.Filter):
    """Calls parameters in what is logged as the user gave them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the message; no record is held back."""
        record.msg, record.args = in_words_of(record.getMessage(), self._names), None
        return True


@contextmanager
def _named(names: Mapping[str, str]) -> Iterator[None]:
    """Call parameters in all that is logged as the user gave them."""
    naming, handlers = _Naming(names), list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(naming)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(naming)


def _unknown_option(argument: str, command: str, options: Iterable[str]) -> str:
    """What to say of an argument too many, with the option that looks most like it."""
    name = argument.partition("=")[0]
    if not name.startswith("-"):
        return (
            f"{argument} is one argument too many: corrosion {command} --help shows what it takes."
        )
    known = list(options)
    near = [one for one in known if one.startswith(name)] or difflib.get_close_matches(name, known)
    meant = f"Did you mean {near[0]}?" if near else f"corrosion {command} --help shows all."
    return f"{name} is no option of corrosion {command}. {meant}"


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The parser of the command line; only the chosen command's module is imported."""
    parser = _Parser(
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
            own.set_defaults(_run=command.run, _interrupted=command.interrupted, _names=names)
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
