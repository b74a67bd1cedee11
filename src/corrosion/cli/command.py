"""What a subcommand consists of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from corrosion.errors import CorrosionError

NEEDED_WITHOUT = "needed_without"
"""Attribute of an argument that may be missing where the option is given that it names."""


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        add_arguments: declares the arguments on the command's parser.
        run: does the work; returns the exit code, None for 0.
        description: what the help says above the arguments.
    """

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
    description: str | None = None


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
