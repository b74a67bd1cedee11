"""`corrosion info`: what a checkpoint holds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.paths import CHECKPOINT
from corrosion.runs import checkpoint_of


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=CHECKPOINT)


def _run(options: argparse.Namespace) -> None:
    checkpoint = checkpoint_of(options.checkpoint)
    from corrosion.models.checkpoint import describe

    for name, value in describe(checkpoint).items():
        sys.stdout.write(f"{name:<18} {value}\n")


COMMANDS = {"info": Command(_add_arguments, _run)}
