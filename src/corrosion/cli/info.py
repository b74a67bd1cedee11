"""`corrosion info`: what a checkpoint holds, or an exported file says of itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corrosion.cli.command import Command
from corrosion.cli.paths import CHECKPOINT
from corrosion.runs import checkpoint_of

DESCRIBED = (".onnx", ".xml", ".pt2", ".html")
"""Endings of exported files, as `corrosion.runtime.described` has them."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help=f"{CHECKPOINT}; or a file that corrosion export has written",
    )


def _run(options: argparse.Namespace) -> None:
    if options.checkpoint.suffix.lower() in DESCRIBED:
        _exported(options.checkpoint)
    else:
        _checkpoint(checkpoint_of(options.checkpoint))


def _checkpoint(checkpoint: Path) -> None:
    from corrosion.evaluation.competence import cautions
    from corrosion.evaluation.decisions import Rule
    from corrosion.models.checkpoint import describe, load_model

    for name, value in describe(checkpoint).items():
        sys.stdout.write(f"{name:<18} {_shown(value)}\n")
    network = load_model(checkpoint)
    sys.stdout.write(f"{'decision':<18} {Rule(network.threshold, network.band).in_words}\n")
    for caution in cautions(network).values():
        sys.stdout.write(f"{'CAUTION':<18} {caution}\n")


def _shown(value: Any) -> str:
    """A value as people read it: numbers to four digits, lists and tables without quotes."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return str(value)


def _exported(path: Path) -> None:
    from corrosion.runtime.described import describe_file

    metadata = describe_file(path)
    for name, value in metadata.plain().items():
        if name not in ("schema_version", "resize_rule", "cautions"):
            sys.stdout.write(f"{name:<18} {_shown(value)}\n")
    sys.stdout.write(f"{'decision':<18} {metadata.rule.in_words}\n")
    for caution in metadata.cautions:
        sys.stdout.write(f"{'CAUTION':<18} {caution}\n")


COMMANDS = {"info": Command(_add_arguments, _run)}
