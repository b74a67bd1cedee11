"""Short names of networks and pictures, no two alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from corrosion.runs import RunDirectory


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


def map_names(method: str, *, fine: bool) -> list[str]:
    """The names of the maps of a method that are judged, the one that is asked for first.

    Args:
        method: a name of `corrosion.explanation.cam.METHODS`.
        fine: whether fine maps are asked for, which plain ones stand beside.

    Example:
        >>> map_names("gradcam", fine=True)
        ['fine gradcam', 'gradcam']
    """
    return [f"fine {method}", method] if fine else [method]
