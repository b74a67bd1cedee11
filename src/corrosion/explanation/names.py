"""Short names of networks and pictures, no two alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from corrosion.runs import RunDirectory
from corrosion.settings.explanation import JudgedMap


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
    run = RunDirectory.holding(checkpoint)
    if run is None:
        return checkpoint.stem
    name = run.path.resolve().name
    return name if checkpoint.name == run.best.name else f"{name}-{checkpoint.stem}"


RUST = "rust mask"
"""Name of the scores that masks of rust are cut from, among the maps that are judged."""


def map_names(method: str, kind: JudgedMap) -> list[str]:
    """The names of the maps of a method that are judged, the one that is asked for first.

    Args:
        method: a name of `corrosion.explanation.cam.METHODS`.
        kind: what is judged; plain maps stand beside all others.

    Example:
        >>> map_names("gradcam", "fine")
        ['fine gradcam', 'gradcam']
    """
    first: list[str] = {"plain": [], "fine": [f"fine {method}"], "mask": [RUST]}[kind]
    return [*first, method]
