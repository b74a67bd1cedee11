"""What `corrosion change` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from corrosion.settings.inference import InferenceSettings, Threshold
from corrosion.settings.types import Positive, Workers

DEFAULT_METRES = 10.0
"""Largest distance of two photographs that are paired by GPS, unless another is given."""

PairBy = Literal["auto", "name", "gps", "features"]
"""What tells which photographs of two inspections show the same place."""


class ChangeSettings(InferenceSettings):
    """How two inspections are compared."""

    pair_by: PairBy = "auto"
    """What tells which photographs show the same place: their names, the GPS positions in their
    EXIF data, or how alike the network's features of them are; auto takes these one after the
    other, each for what the ones before have left."""
    metres: Positive = DEFAULT_METRES
    """Largest distance of two photographs that are paired by GPS."""
    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold of the checkpoint, as recall or F1; by default the checkpoint's own."""
    recursive: bool = False
    """Look into subfolders of the two folders."""
    num_workers: Literal["auto"] | Workers = "auto"  # type: ignore[assignment]
    """Processes that read images for pairs by features; auto chooses by device and processors."""

    def conflicts(self) -> Iterable[str]:
        """A distance where no distances are looked at."""
        if self.pair_by in ("name", "features") and self.metres != DEFAULT_METRES:
            yield f"{{metres}} means nothing with {{pair_by}}={self.pair_by}: leave one out."
