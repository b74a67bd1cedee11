"""Every metric once: its name in tables, its direction and range, and where it is computed.

Training, evaluation, the console, reports and sweeps take from here what they say of a metric. A
new one is a row of the table, and a value in `corrosion.evaluation.metrics.WeightedMetrics` (and in
`corrosion.training.epoch_metrics.compute_metrics` if it is logged).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from corrosion.errors import CorrosionError

_STAGE = "val/"

_FEW = 30  # test images below which figures are no more than a hint
_FEW_FOR_LOSSES = 100  # below which a rare large loss may not have been seen
_FEW_OF_CLASS = 10  # independent images from which intervals hold what they promise
_NEAR_ONE = 0.99  # ROC-AUC from which simulated intervals of areas cover more than 0.98

# Table 7 of the paper; bands meet at their upper bound
_AGREEMENT = (
    (0.20, "slight"),
    (0.40, "fair"),
    (0.60, "moderate"),
    (0.80, "strong"),
    (1.00, "almost perfect"),
)


@dataclass(frozen=True)
class Metric:
    """What is to be known of a metric before it is computed.

    Attributes:
        key: its name in files, behind "val/" or "test/" where there are several stages.
        title: its name in tables and figures.
        higher_is_better: whether the best value is the highest.
        low: the lowest value it can have.
        high: the highest value it can have, infinity for none.
        needs: "decisions" of the threshold in use, or "probabilities".
        needs_both_classes: whether it is undefined on images of one class.
        is_share: whether it is a share of some of the images: what Wilson's interval is for.
        logged: whether it is computed after every epoch of a training.
        evaluated: whether it is computed, with an interval, of a finished run.
        tested: whether models are tested on it against each other.
    """

    key: str
    title: str
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0
    needs: Literal["decisions", "probabilities"] = "decisions"
    needs_both_classes: bool = False
    is_share: bool = False
    logged: bool = False
    evaluated: bool = True
    tested: bool = True


_OF_PROBABILITIES: Literal["probabilities"] = "probabilities"

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.key: metric
        for metric in (
            Metric(
                "loss",
                "loss",
                higher_is_better=False,
                high=math.inf,
                needs=_OF_PROBABILITIES,
                logged=True,
                evaluated=False,  # of the training: weighted, and before any temperature
            ),
            Metric("accuracy", "accuracy", is_share=True, logged=True),
            Metric("precision", "precision", is_share=True, logged=True),
            Metric("recall", "recall", is_share=True, logged=True),
            Metric("specificity", "specificity", is_share=True, logged=True),
            Metric("f1", "F1", logged=True),
            Metric("kappa", "Cohen's kappa", low=-1.0, needs_both_classes=True, logged=True),
            Metric("mcc", "MCC", low=-1.0, needs_both_classes=True),
            Metric("balanced_accuracy", "balanced accuracy", needs_both_classes=True),
            Metric(
                "auroc",
                "ROC-AUC (either class)",
                needs=_OF_PROBABILITIES,
                needs_both_classes=True,
                logged=True,
            ),
            Metric(
                "auprc",
                "PR-AUC corrosion",
                needs=_OF_PROBABILITIES,
                needs_both_classes=True,
                logged=True,
            ),
            Metric(
                "auprc_negative",
                "PR-AUC no corrosion",
                needs=_OF_PROBABILITIES,
                needs_both_classes=True,
                logged=True,
            ),
            Metric("brier", "Brier score", higher_is_better=False, needs=_OF_PROBABILITIES),
            Metric(
                "log_loss",
                "log loss",
                higher_is_better=False,
                high=math.inf,
                needs=_OF_PROBABILITIES,
            ),
            Metric(
                "ece",
                "expected calibration error",
                higher_is_better=False,
                needs=_OF_PROBABILITIES,
                tested=False,  # chance gives it another size for models of other skill
            ),
        )
    }
)
"""All metrics by key, in the order of tables."""

LOGGED = tuple(key for key, metric in METRICS.items() if metric.logged)
"""Keys of what is logged in training, the loss too."""

EVALUATED = tuple(key for key, metric in METRICS.items() if metric.evaluated)
"""Keys of what is computed, with intervals, of a finished run."""

SHARES = tuple(key for key, metric in METRICS.items() if metric.is_share)
"""Keys of shares of images: what Wilson's interval is for."""
LOSSES = ("brier", "log_loss")
"""Keys of losses, which a few sure and wrong probabilities decide."""

WITHIN_FOLDS = ("auroc", "auprc", "auprc_negative")
"""Keys of areas, which rank images: over folds the means of those within folds."""

TESTED = tuple(key for key, metric in METRICS.items() if metric.tested and metric.evaluated)
"""Keys of what models are tested on against each other."""


def direction(objective: str) -> Literal["min", "max"]:
    """Whether an objective is to be small or large.

    Args:
        objective: a metric that is logged on validation, as "val/auroc".

    Returns:
        "min" or "max", as Lightning and Optuna call it.

    Raises:
        CorrosionError: there is no such metric on validation.

    Example:
        >>> direction("val/loss"), direction("val/auroc")
        ('min', 'max')
        >>> direction("test/auroc")
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: objective=test/auroc: choose one of val/loss, \
val/accuracy, val/precision, val/recall, val/specificity, val/f1, val/kappa, val/auroc, val/auprc, \
val/auprc_negative. (A metric of the test set would leak it into the choice of the epoch.)
    """
    key = objective.removeprefix(_STAGE)
    if key == objective or key not in LOGGED:
        raise CorrosionError(
            f"objective={objective}: choose one of "
            f"{', '.join(_STAGE + name for name in LOGGED)}. "
            f"(A metric of the test set would leak it into the choice of the epoch.)"
        )
    return "max" if METRICS[key].higher_is_better else "min"


def agreement(kappa: float) -> str:
    """Level of agreement that a value of Cohen's kappa stands for (paper, Table 7).

    Args:
        kappa: value of Cohen's kappa, in [-1, 1].

    Returns:
        poor, slight, fair, moderate, strong, almost perfect; "undefined" for NaN.

    Raises:
        ValueError: outside [-1, 1].

    Example:
        >>> agreement(0.93), agreement(0.204), agreement(-0.1)
        ('almost perfect', 'slight', 'poor')
    """
    if math.isnan(kappa):
        return "undefined"
    if not -1 <= kappa <= 1:
        raise ValueError(f"Cohen's kappa lies in [-1, 1], not {kappa}")
    if kappa < 0:
        return "poor"
    # figures are given to two digits, so 0.204 is still "slight"
    return next(level for bound, level in _AGREEMENT if round(kappa, 2) <= bound)


def few_images(images: int, *, kind: str = "test", more: str = "label") -> str | None:
    """What to say beside figures of a small test set; None from 30 images on.

    Args:
        images: number of test images.
        kind: what photographs they are.
        more: what makes more of them.

    Example:
        >>> few_images(2)[:24], few_images(30)
        ('only 2 test photographs:', None)
    """
    if images >= _FEW:
        return None
    photographs = "photograph" if images == 1 else "photographs"
    return (
        f"only {images} {kind} {photographs}: these figures may be chance, look at their intervals "
        f"and {more} more"
    )


def few_for_losses(corroded: int, sound: int) -> str | None:
    """What to say beside Brier score and log loss of a small test set; None of a large one.

    Args:
        corroded: number of corroded test images.
        sound: number of those without corrosion.

    Example:
        >>> few_for_losses(9, 200)[:75]
        'Brier score and log loss are hints only (9 corroded and 200 sound test phot'
        >>> few_for_losses(50, 50)
    """
    if corroded + sound >= _FEW_FOR_LOSSES and min(corroded, sound) >= _FEW_OF_CLASS:
        return None
    return (
        f"Brier score and log loss are hints only ({corroded} corroded and {sound} sound test "
        f"photographs): rare large losses may not have been seen, and then these figures and their "
        f"intervals are too good. Look at them from {_FEW_FOR_LOSSES} photographs on, "
        f"{_FEW_OF_CLASS} of each class."
    )


def hinted_intervals(corroded: int, sound: int, area: float) -> str | None:
    """What to say of intervals that may miss what they promise; None where nothing speaks for it.

    Args:
        corroded: number of corroded test images.
        sound: number of those without corrosion.
        area: ROC-AUC, in [0, 1]; NaN where it is undefined.

    Example:
        >>> hinted_intervals(5, 90, 0.9)[:52]
        'Intervals are hints: they hold what they promise fro'
        >>> hinted_intervals(50, 90, 0.995)[:46]
        'Few photographs are ranked wrongly (ROC-AUC 0.'
        >>> hinted_intervals(50, 90, 0.9)
    """
    if min(corroded, sound) < _FEW_OF_CLASS:
        return (
            f"Intervals are hints: they hold what they promise from {_FEW_OF_CLASS} test "
            f"photographs of each class on, and there are {corroded} corroded and {sound} sound "
            f"ones."
        )
    if area < _NEAR_ONE or math.isnan(area):
        return None
    return (
        f"Few photographs are ranked wrongly (ROC-AUC {area:.4f}), and they alone tell how sure "
        f"ROC-AUC and PR-AUC are: their intervals are rather too wide, or too narrow where single "
        f"probabilities are far off."
    )
