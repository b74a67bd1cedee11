"""What `corrosion plan` can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Strict

from corrosion.settings.base import Settings
from corrosion.settings.inference import Threshold
from corrosion.settings.types import Probability


class PlanSettings(Settings):
    """Which comparison is planned."""

    difference: Probability = 0.02
    """True difference of two models in the metric that is to be found, in (0, 1)."""
    power: Probability = 0.8
    """Chance with which it is to be found, in (0, 1)."""
    metric: Literal["accuracy", "recall", "specificity", "auroc"] = "accuracy"
    """Metric that is compared."""
    seeds: Annotated[tuple[Annotated[int, Ge(1), Le(100)], ...], Strict(False)] = (1, 3, 5)
    """Numbers of runs of each model to plan for; fewer than 3 speak of single checkpoints."""
    images: Annotated[int, Ge(10), Le(10**5)] | None = None
    """Test images of a comparison whose detectable difference is told; by default those of the
    runs."""
    level: Probability = 0.95
    """Confidence level: a difference is significant if its p-value is below 1 - level."""
    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold chosen on validation, as recall or F1; by default the runs' own."""
    simulations: Annotated[int, Ge(1), Le(10**5)] = 200
    """Number of simulated comparisons for each number of images."""
