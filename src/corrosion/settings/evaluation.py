"""What `corrosion evaluate`, `corrosion report` and `corrosion compare` can be told."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Le
from pydantic import Strict

from corrosion.settings.base import Settings
from corrosion.settings.inference import Device, Threshold
from corrosion.settings.types import Count, Names, Positive, Probability, Seed, ShareBelowOne

Costs = Annotated[tuple[Positive, Positive], Strict(False)]
"""Cost of a missed corrosion (FN) and of a false alarm (FP)."""


class EvaluationSettings(Settings):
    """How predictions are evaluated."""

    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold chosen on validation, as recall or F1; by default the run's own."""
    min_recall: Annotated[float, Gt(0), Le(1)] | None = None
    """Recall that one of the thresholds shall reach on validation; by default 0.98, if there are
    predictions for validation."""
    costs: Costs | None = None
    """Costs of a missed corrosion and of a false alarm, for a threshold of the lowest cost; by
    default none."""
    max_risk: ShareBelowOne = 0.01
    """Largest share of errors among the decisions that no inspector sees."""
    level: Probability = 0.95
    """Confidence level of the intervals, in (0, 1)."""
    resamples: Count = 2000
    """Number of resamples of the bootstrap."""
    seed: Seed = 0
    """Seed of the resamples."""
    by: Names | None = None
    """Columns to tell subgroups by; by default source, where there are several."""


class ComparisonSettings(Settings):
    """How finished runs are compared."""

    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold chosen on validation, as recall or F1; by default the runs' own."""
    level: Probability = 0.95
    """Confidence level of the intervals, in (0, 1)."""
    resamples: Count = 2000
    """Number of resamples of the bootstrap."""
    seed: Seed = 0
    """Seed of the resamples."""
    paper: bool = False
    """Put the published figures and their errata beside the runs."""
    device: Device = "auto"
    """Where costs are measured: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."""
