"""The `corrosion` command: one thin function a subcommand; heavy imports wait for their use."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from corrosion.errors import CorrosionError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 fine, 1 an error of the user's to mend)."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except CorrosionError as error:
        print(f"corrosion: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="corrosion",
        description="Explainable image classification of corroded metal. Training is "
        "`python train.py` in a checkout of the project.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="describe a checkpoint")
    info.add_argument("checkpoint", type=Path, help="best.ckpt or last.ckpt of a run")
    info.set_defaults(run=_info)

    sample = commands.add_parser("sample", help="write the embedded sample photographs")
    sample.add_argument("out", type=Path, help="directory to write to")
    sample.add_argument("--count", type=int, default=600, help="images, half of each class")
    sample.add_argument("--size", type=int, default=256, help="side in pixels")
    sample.add_argument("--seed", type=int, default=0)
    sample.set_defaults(run=_sample)
    return parser


def _info(options: argparse.Namespace) -> None:
    from corrosion.checkpoint import describe

    for name, value in describe(options.checkpoint).items():
        sys.stdout.write(f"{name:<18} {value}\n")


def _sample(options: argparse.Namespace) -> None:
    from corrosion.data.sample import make_sample

    root = make_sample(options.out, count=options.count, size=options.size, seed=options.seed)
    sys.stdout.write(f"{root}\n")
