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


class ChoiceSettings(Settings):
    """What is asked of the thresholds and the inspector's band that are chosen on validation."""

    min_recall: Annotated[float, Gt(0), Le(1)] | None = None
    """Recall of one of the thresholds; by default 0.98, if there are predictions for validation.
    Without confidence it is reached on validation, which other images miss about every second
    time."""
    max_risk: ShareBelowOne = 0.01
    """Largest share of errors among the decisions that no inspector sees; without confidence on
    validation, likewise."""
    confidence: Probability | None = None
    """Confidence, as 0.9, with which min_recall and max_risk are promised for other images too;
    where validation is too small it is said what can be. By default nothing is promised."""


class EvaluationSettings(ChoiceSettings):
    """How predictions are evaluated."""

    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold chosen on validation, as recall or F1; by default the run's own."""
    costs: Costs | None = None
    """Costs of a missed corrosion and of a false alarm, for a threshold of the lowest cost; by
    default none."""
    prevalence: Probability | None = None
    """Share of corroded photographs among those to be inspected, as 0.05: precision, negative
    predictive value, false alarms and costs are restated for it. By default they are those of the
    test images."""
    level: Probability = 0.95
    """Confidence level of the intervals, in (0, 1)."""
    resamples: Count = 2000
    """Number of draws of the calibration error that chance gives."""
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
    """Number of resamples, and of random swaps, of the tests between models."""
    seed: Seed = 0
    """Seed of the resamples."""
    paper: bool = False
    """Put the published figures and their errata beside the runs."""
    latex: bool = False
    """Also write tables.tex (booktabs), and the figures as PDF and SVG."""
    device: Device = "auto"
    """Where costs are measured: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."""
