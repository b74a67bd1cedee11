"""What `corrosion predict` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from corrosion.settings.explanation import MapKind
from corrosion.settings.inference import InferenceSettings, Threshold
from corrosion.settings.types import AnyPath, Count, NotNegative

TableFormat = Literal["csv", "parquet"]


class PredictionSettings(InferenceSettings):
    """How files are predicted."""

    explain: bool = False
    """Draw overlays and boxes."""
    map: MapKind = "plain"
    """How finely these tell where: plain costs about nothing; fine averages maps of several
    resolutions, and costs about 30 predictions an image."""
    masks: bool = False
    """Outline the rust: a mask of each photograph, its rusted share with an interval, and grades,
    at about 15 predictions for each photograph in which corrosion is detected."""
    surface: AnyPath | None = None
    """With masks, a folder of masks of the surface (white) that shares refer to, called as those of
    the rust; by default shares refer to the whole photograph."""
    share_truth: AnyPath | None = None
    """With masks, a folder of photographs of yours whose rust is marked (images/ and masks/), from
    which intervals of the share are taken; by default they come from photographs of others."""
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
        """Fine maps of which nothing would be drawn; how to measure masks that nobody wants."""
        if self.map == "fine" and not self.explain:
            yield "{map}=fine draws nothing without {explain}: give that too."
        for name in ("surface", "share_truth"):
            if getattr(self, name) is not None and not self.masks:
                yield f"{{{name}}} says how masks are measured: give {{masks}} too."
