"""What people are told of a run in tiles: which thresholds were used, and what they rest on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from corrosion.prediction.journal import Row
from corrosion.prediction.tile_threshold import Basis
from corrosion.prediction.tiled import TileViewer

_GUESSED: Basis = "beyond validation"
_OUT_OF_REACH = 0.999  # hardly any tile is that sure


def used_thresholds(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The thresholds of a run: one entry a number of tiles, rising, with the photographs it had.

    Args:
        rows: rows of the run, in any order.

    Returns:
        Plain values: tiles, threshold, basis, photographs.
    """
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row.tiles is not None:
            facts = row.tiles
            entry = {
                "tiles": facts.tiles,
                "threshold": facts.tile_threshold,
                "basis": facts.tile_threshold_basis,
                "photographs": 0,
            }
            found.setdefault(facts.tiles, entry)["photographs"] += 1
    return [found[tiles] for tiles in sorted(found)]


def sentence_of_tiles(viewer: TileViewer, used: Iterable[dict[str, Any]]) -> str:
    """How photographs in tiles were decided, in a sentence.

    Args:
        viewer: what looked at them.
        used: from `used_thresholds`.
    """
    values = [entry["threshold"] for entry in used]
    if not values:
        return (
            f"No photograph is larger than a tile of {viewer.tiling.size} px: all are seen whole."
        )
    low, high = min(values), max(values)
    reach = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}, by the number of tiles"
    return (
        f"Photographs larger than a tile of {viewer.tiling.size} px are decided by their tiles "
        f"({viewer.rule}; a tile is corroded from {reach}), or as a whole by the usual threshold."
    )


def warning_of_tiles(used: Iterable[dict[str, Any]]) -> str | None:
    """What to say of thresholds that no validation photograph supports; None if there are none.

    Args:
        used: from `used_thresholds`.
    """
    guessed = [entry for entry in used if entry["basis"] == _GUESSED]
    if not guessed:
        return None
    photographs, most = sum(entry["photographs"] for entry in guessed), guessed[-1]["tiles"]
    high = max(entry["threshold"] for entry in guessed)
    blind = (
        f" Hardly any tile reaches {high:.7g}: such photographs are decided as a whole, and small "
        f"rust in them is missed."
        if high > _OUT_OF_REACH
        else ""
    )
    return (
        f"For {photographs} photographs of up to {most} tiles the threshold lies beyond all sound "
        f"validation tiles: it is a guess, and the share of false alarms may be another.{blind} "
        f"Give more sound photographs as large as these (--tile-validation) to have it measured."
    )
