"""What a subcommand consists of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.system.files import is_taken

NEEDED_WITHOUT = "needed_without"
"""Attribute of an argument that may be missing where the option is given that it names."""


def begin_again(options: argparse.Namespace) -> str:
    """What an interrupted command that can't go on has left, and what to do.

    Args:
        options: of the command; `corrosion.cli.paths.own_folder` notes the folder as `_own`.

    Example:
        >>> begin_again(argparse.Namespace())
        'No file is left half written: give the command again.'
    """
    folder = getattr(options, "_own", None)
    if folder is None or not is_taken(folder):
        return "No file is left half written: give the command again."
    return (
        f"{folder} holds what was written so far, which is not all: remove it, or choose another "
        f"--out, and give the command again."
    )


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        add_arguments: declares the arguments on the command's parser.
        run: does the work; returns the exit code, None for 0.
        description: what the help says above the arguments.
        interrupted: says of the command's options, once it was stopped by Ctrl-C, what is kept and
            how to go on.
    """

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
    description: str | None = None
    interrupted: Callable[[argparse.Namespace], str] = begin_again


class Gone(argparse.Action):
    """An option of earlier versions, refused with what to write instead (its `const`)."""

    def __init__(self, option_strings: list[str], dest: str, const: str) -> None:
        super().__init__(option_strings, dest, nargs="*", const=const, help=argparse.SUPPRESS)

    def __call__(self, *arguments: Any) -> None:
        """Refuse it.

        Raises:
            CorrosionError: always.
        """
        raise CorrosionError(f"{self.option_strings[0]} is gone: {self.const}")
