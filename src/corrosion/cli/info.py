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
    from corrosion.evaluation.competence import cautions
    from corrosion.models.checkpoint import describe, load_model

    for name, value in describe(checkpoint).items():
        sys.stdout.write(f"{name:<18} {value}\n")
    for caution in cautions(load_model(checkpoint)).values():
        sys.stdout.write(f"{'CAUTION':<18} {caution}\n")


COMMANDS = {"info": Command(_add_arguments, _run)}
