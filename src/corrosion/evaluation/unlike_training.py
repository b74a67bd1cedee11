"""What it is worth to send photographs unlike those of the training to an inspector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from corrosion.evaluation.decisions import is_corroded, is_unlike, needs_review
from corrosion.evaluation.intervals import Estimate, proportion
from corrosion.evaluation.predictions import groups_of
from corrosion.evaluation.selective import Band, BandResult

COLUMN = "unlike_training"
"""The column of predictions with the distance to the nearest training photograph over its limit."""


@dataclass(frozen=True)
class UnlikeTraining:
    """Decisions for photographs like and unlike those of the training.

    Attributes:
        images: number of the test images that are unlike.
        share: share of the test images that are unlike.
        accuracy_like: accuracy of the others.
        accuracy_unlike: accuracy of the unlike ones.
        decided: coverage and risk where the band and unlike images go to an inspector; None where
            there is no band.
    """

    images: int
    share: Estimate
    accuracy_like: Estimate
    accuracy_unlike: Estimate
    decided: BandResult | None


def unlike_training(
    predictions: pd.DataFrame, *, threshold: float, band: Band | None, level: float = 0.95
) -> UnlikeTraining | None:
    """Look at photographs like and unlike those of the training apart.

    Args:
        predictions: table of the test images, as `read_predictions` gives it.
        threshold: probability from which an image counts as corroded.
        band: band that was chosen on validation, if one was.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        What is known; None where a prediction has no number in the column `unlike_training`.

    Raises:
        CorrosionError: `level` is not in (0, 1).

    Example:
        >>> table = pd.DataFrame(
        ...     {"label": [1, 0, 1], "probability": [0.9, 0.2, 0.1], COLUMN: [0.5, 1.0, 1.7]}
        ... )
        >>> found = unlike_training(table, threshold=0.5, band=None)
        >>> found.images, found.accuracy_like.value, found.accuracy_unlike.value
        (1, 1.0, 0.0)
    """
    if COLUMN not in predictions:
        return None
    distance = pd.to_numeric(predictions[COLUMN], errors="coerce").to_numpy(np.float64)
    if np.isnan(distance).any():
        return None
    label, probability = (predictions[name].to_numpy() for name in ("label", "probability"))
    groups = groups_of(predictions)
    right = is_corroded(probability, threshold) == label
    unlike = is_unlike(distance)

    def share(of: np.ndarray, among: np.ndarray | None = None) -> Estimate:
        chosen = np.ones(len(of), bool) if among is None else among
        group = None if groups is None else groups[chosen]
        return proportion(of[chosen], group=group, level=level)

    decided = None
    if band is not None:
        kept = ~needs_review(probability, (band.low, band.high)) & ~unlike
        decided = BandResult(coverage=share(kept), risk=share(~right, kept))
    return UnlikeTraining(
        images=int(unlike.sum()),
        share=share(unlike),
        accuracy_like=share(right, ~unlike),
        accuracy_unlike=share(right, unlike),
        decided=decided,
    )
