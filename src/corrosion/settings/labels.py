"""What `corrosion labels` can be told."""

from __future__ import annotations

from corrosion.settings.base import Settings
from corrosion.settings.types import Count


class LabelSettings(Settings):
    """How many labels are shown."""

    count: Count = 100
    """Number of photographs on the page; the table has all."""
