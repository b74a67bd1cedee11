"""Short names of networks and pictures, no two alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def network_names(checkpoints: Iterable[Path]) -> list[str]:
    """A distinct name for each checkpoint: of its run, where it lies in one, else its own."""
    return distinct(map(_name, checkpoints))


def distinct(names: Iterable[str]) -> list[str]:
    """Names with -2, -3 ... behind those that were there before."""
    given: dict[str, None] = {}
    for name in names:
        candidate, number = name, 1
        while candidate in given:
            number += 1
            candidate = f"{name}-{number}"
        given[candidate] = None
    return list(given)


def _name(checkpoint: Path) -> str:
    folder = checkpoint.resolve().parent
    if folder.name != "checkpoints":
        return checkpoint.stem
    run = folder.parent.name
    return run if checkpoint.stem == "best" else f"{run}-{checkpoint.stem}"
