"""What `corrosion update` can be told."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Le

from corrosion.settings.base import Settings
from corrosion.settings.types import Count


class UpdateSettings(Settings):
    """How a trained network goes on with photographs that were judged since."""

    lr_share: Annotated[float, Gt(0), Le(1)] = 0.1
    """Share of the run's learning rate: a low one keeps what was learnt."""
    epochs: Count | None = None
    """Number of epochs; by default as many as the run had."""
