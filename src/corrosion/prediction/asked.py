"""What a run of `corrosion predict` was asked for, so that a resumed one is asked for the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corrosion.settings.explanation import side_of
from corrosion.settings.prediction import PredictionSettings


def asked_of_run(
    checkpoint: Path,
    paths: Sequence[str | Path],
    threshold: float,
    settings: PredictionSettings,
    *,
    image_size: int,
) -> dict[str, Any]:
    """What decides the rows of a run, as plain values: a resumed one must be asked for the same.

    Args:
        checkpoint: the file of the checkpoint.
        paths: what was given to be predicted.
        threshold: probability from which corrosion counts as detected.
        settings: how files are predicted.
        image_size: side of the network's input, that of tiles by default.
    """
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "checkpoint": digest,
        "paths": [str(path) for path in paths],
        "working directory": str(Path.cwd()),
        "threshold": threshold,
        # a word instead of true, so that runs begun before there were fine maps can go on
        "explain": settings.map if settings.map == "fine" else settings.explain,
        # nothing instead of full, likewise
        "overlay_size": side_of(settings.overlay_size),
        "every": settings.every,
        "recursive": settings.recursive,
        # nothing instead of false, likewise
        "masks": _asked_of_masks(settings) if settings.masks else None,
        "no_location": settings.no_location or None,
        "asset": settings.asset,
        "relative_to": None if settings.relative_to is None else str(settings.relative_to),
        # where rows are kept until the end; nothing for the ordinary engine, likewise
        "engine": None if settings.engine == "local" else settings.engine,
        "tiles": _asked_of_tiles(settings, image_size) if settings.tiles else None,
    }


def _asked_of_masks(settings: PredictionSettings) -> dict[str, str | None]:
    given = {"surface": settings.surface, "share_truth": settings.share_truth}
    return {name: None if path is None else str(path) for name, path in given.items()}


def _asked_of_tiles(settings: PredictionSettings, image_size: int) -> dict[str, Any]:
    folder = settings.tile_validation
    return {
        "size": settings.tile_size or image_size,
        "overlap": settings.tile_overlap,
        "rule": settings.tile_rule,
        "k": settings.tile_k,
        "share": settings.tile_share,
        "false_alarms": settings.tile_false_alarms,
        "validation": None if folder is None else str(folder),
        "threshold": settings.threshold,
    }
