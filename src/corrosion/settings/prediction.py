"""What `corrosion predict` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from corrosion.settings.explanation import MapKind
from corrosion.settings.inference import InferenceSettings, Threshold
from corrosion.settings.types import Count, NotNegative

TableFormat = Literal["csv", "parquet"]


class PredictionSettings(InferenceSettings):
    """How files are predicted."""

    explain: bool = False
    """Draw overlays and boxes."""
    map: MapKind = "plain"
    """How finely these tell where: plain costs about nothing; fine averages maps of several
    resolutions, and costs about 30 predictions an image."""
    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold of the checkpoint, as recall or F1; by default the checkpoint's own."""
    recursive: bool = False
    """Look into subfolders of folders."""
    every: NotNegative = 1.0
    """Seconds between frames of videos; 0 takes all of them."""
    format: TableFormat = "csv"
    """Format of the table."""
    devices: Literal[-1] | Count = 1
    """Number of devices, -1 for all."""
    num_nodes: Count = 1
    """Number of machines; each runs the same command, as Lightning's documentation says."""

    def conflicts(self) -> Iterable[str]:
        """Fine maps of which nothing would be drawn."""
        if self.map == "fine" and not self.explain:
            yield "{map}=fine draws nothing without {explain}: give that too."
