"""`corrosion train`: what `python train.py` does, with the same overrides."""

from __future__ import annotations

from collections.abc import Sequence


def train(arguments: Sequence[str]) -> int:
    """Train and test a network.

    Args:
        arguments: overrides and options in Hydra's grammar.

    Returns:
        The exit code.
    """
    from corrosion.launch import main

    return main(list(arguments))
