"""How far the metrics of a test set can be trusted: each with an interval around it."""

from __future__ import annotations

import pandas as pd
from numpy.typing import ArrayLike

from corrosion.evaluation.areas import roc_estimate
from corrosion.evaluation.decision_intervals import decision_estimates
from corrosion.evaluation.intervals import Estimate, proportions, within_0_and_1
from corrosion.evaluation.losses import brier_estimate, ece_estimate, log_loss_estimate
from corrosion.evaluation.metric_table import EVALUATED
from corrosion.evaluation.metrics import all_metrics, checked
from corrosion.evaluation.precision_areas import precision_estimate
from corrosion.evaluation.predictions import folds_of, groups_of
from corrosion.evaluation.resampling import group_numbers


def estimate_metrics(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float = 0.5,
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """All metrics with intervals, but for the calibration error, beside which stands what chance
    gives.

    Intervals take the shares of the classes as given. docs/statistics.md names the method of each
    and what it holds in simulations: 92 to 98 in 100 intervals of 95 % where there are 10
    independent images of each class, or a few more.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded.
        group: (N,) of any type: images that are not independent; each its own if None.
        fold: (N,) of any type: images judged by different networks, whose ROC-AUC and PR-AUC
            are the means of those within folds; a single one if None.
        level: confidence level of the intervals, in (0, 1).
        count: number of draws of the calibration error that chance gives.
        seed: seed of the draws.

    Returns:
        An `Estimate` for each of `EVALUATED`.

    Raises:
        CorrosionError: bad arrays (as `checked`), groups, level or count.

    Example:
        >>> metrics = estimate_metrics([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1], count=100)
        >>> metrics["recall"].value, metrics["recall"].method, metrics["auroc"].method
        (0.5, 'wilson', 'logit')
    """
    labels, scores = checked(label, probability)
    within_0_and_1(level, name="level")
    groups = group_numbers(group, len(labels))
    values = all_metrics(labels, scores, threshold=threshold)
    found = {
        **proportions(labels, scores, threshold=threshold, group=groups, level=level),
        **decision_estimates(labels, scores, threshold=threshold, group=groups, level=level),
        "auroc": roc_estimate(labels, scores, group=groups, fold=fold, level=level),
        "auprc": precision_estimate(labels, scores, group=groups, fold=fold, level=level),
        "auprc_negative": precision_estimate(
            1 - labels, 1 - scores, group=groups, fold=fold, level=level
        ),
        "brier": brier_estimate(labels, scores, group=groups, level=level),
        "log_loss": log_loss_estimate(labels, scores, group=groups, level=level),
        "ece": ece_estimate(values["ece"], scores, group=groups, count=count, seed=seed),
    }
    return {name: found[name] for name in EVALUATED}


def estimate_table(
    predictions: pd.DataFrame,
    *,
    threshold: float = 0.5,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """All metrics of a table of predictions with intervals: see `estimate_metrics`.

    Args:
        predictions: one row an image, with the columns label and probability, group where
            images are not independent, and test_fold where networks of several folds judged them.
        threshold: probability from which an image counts as corroded.
        level: confidence level of the intervals, in (0, 1).
        count: number of draws of the calibration error that chance gives.
        seed: seed of the draws.

    Raises:
        CorrosionError: as `estimate_metrics`.
    """
    return estimate_metrics(
        predictions["label"],
        predictions["probability"],
        threshold=threshold,
        group=groups_of(predictions),
        fold=folds_of(predictions),
        level=level,
        count=count,
        seed=seed,
    )
