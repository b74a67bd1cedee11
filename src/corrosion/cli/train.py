"""`corrosion train`: what `python train.py` does, with the same overrides."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from corrosion.errors import INTERRUPTED


def train(arguments: Sequence[str]) -> int:
    """Train and test a network.

    Args:
        arguments: overrides and options in Hydra's grammar.

    Returns:
        The exit code. (Interrupted and pre-empted trainings raise SystemExit with their own codes.)
    """
    try:
        from corrosion.launch import main

        return main(list(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted while no network was trained: give it again.\n")
        return INTERRUPTED
