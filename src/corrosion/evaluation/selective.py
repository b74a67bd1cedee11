"""When to leave the decision to an inspector: selective prediction with a band of abstention.

The nearer a probability is to the threshold, the less sure the decision. Leaving out the least sure
ones trades coverage for risk (El-Yaniv & Wiener, JMLR 11, 2010; Geifman & El-Yaniv, NIPS 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import logit
from corrosion.evaluation.decisions import is_corroded, needs_review
from corrosion.evaluation.intervals import Estimate, proportion
from corrosion.evaluation.metrics import checked
from corrosion.evaluation.resampling import group_numbers


def risk_coverage(
    label: ArrayLike, probability: ArrayLike, *, threshold: float = 0.5
) -> pd.DataFrame:
    """Risk of the decisions that are kept, against how many are.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded, in (0, 1).

    Returns:
        One row a margin, falling; decisions are kept whose logit is at least that margin away from
        the threshold's. Columns: margin, images (kept), errors (among them), coverage
        (images / N), risk (errors / images).

    Raises:
        CorrosionError: bad arrays (as `checked`), or a threshold outside (0, 1).

    Example:
        >>> curve = risk_coverage([1, 0, 0, 1], [0.9, 0.2, 0.6, 0.3])
        >>> curve[["coverage", "risk"]].to_numpy().round(2).tolist()
        [[0.25, 0.0], [0.5, 0.0], [0.75, 0.33], [1.0, 0.5]]
    """
    labels, scores = checked(label, probability)
    if not 0 < threshold < 1:
        raise CorrosionError(f"threshold={threshold}: abstaining needs one between 0 and 1.")
    margin = np.abs(logit(scores) - logit(threshold))
    wrong = is_corroded(scores, threshold) != labels
    distinct, position = np.unique(-margin, return_inverse=True)
    images = np.bincount(position).cumsum()
    errors = np.bincount(position, wrong).cumsum().astype(np.int64)
    return pd.DataFrame(
        {
            "margin": -distinct,
            "images": images,
            "errors": errors,
            "coverage": images / len(labels),
            "risk": errors / images,
        }
    )


def area_under_risk_coverage(curve: pd.DataFrame) -> float:
    """Mean risk over all coverages (AURC; Geifman, Uziel & El-Yaniv, ICLR 2019); less is better.

    Args:
        curve: table of `risk_coverage`.

    Example:
        >>> round(area_under_risk_coverage(risk_coverage([1, 0, 0, 1], [0.9, 0.2, 0.6, 0.3])), 3)
        0.208
    """
    added = np.diff(curve["coverage"].to_numpy(), prepend=0.0)
    return float((curve["risk"].to_numpy() * added).sum())


@dataclass(frozen=True)
class Band:
    """Probabilities that go to an inspector: those strictly between `low` and `high`.

    Attributes:
        low: probability up to which an image counts as clean.
        high: probability from which it counts as corroded.
        threshold: probability between them, which decides where nobody abstains.
        max_risk: the risk that the band was made for.
    """

    low: float
    high: float
    threshold: float
    max_risk: float


@dataclass(frozen=True)
class BandResult:
    """What a band does to a set of images.

    Attributes:
        coverage: share of images decided without an inspector.
        risk: share of wrong decisions among those.
    """

    coverage: Estimate
    risk: Estimate


def choose_band(
    label: ArrayLike, probability: ArrayLike, *, threshold: float = 0.5, max_risk: float = 0.01
) -> Band:
    """The narrowest band that keeps the risk of the other decisions at `max_risk` on validation.

    Its edges are equally far from the threshold in logits. If no decision is safe enough, all
    probabilities but 0 and 1 lie in the band.

    Raises:
        CorrosionError: `max_risk` is not in [0, 1), or as `risk_coverage`.

    Example:
        >>> band = choose_band([1, 0, 0, 1], [0.9, 0.1, 0.6, 0.3])
        >>> round(band.low, 2), round(band.high, 2)
        (0.18, 0.82)
    """
    if not 0 <= max_risk < 1:
        raise CorrosionError(f"max_risk={max_risk}: give a share of errors from 0 to below 1.")
    curve = risk_coverage(label, probability, threshold=threshold)
    margins = curve["margin"].to_numpy()
    safe = np.flatnonzero(curve["risk"].to_numpy() <= max_risk)
    if not safe.size:
        return Band(0.0, 1.0, threshold, max_risk)
    last = safe[-1]
    # midway to the next margin, so that images like those just kept are kept; 0 if all are
    margin = (margins[last] + margins[last + 1]) / 2 if last + 1 < len(margins) else 0.0
    centre = logit(threshold)
    low, high = (float(expit(centre - margin)), float(expit(centre + margin)))
    return Band(*((low, high) if margin else (threshold, threshold)), threshold, max_risk)


def apply_band(
    band: Band,
    label: ArrayLike,
    probability: ArrayLike,
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
) -> BandResult:
    """Coverage and risk of a band on other images than it was chosen on, with Wilson's intervals.

    Args:
        band: band that was chosen on validation.
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        group: (N,) of any type; each image its own group if None.
        level: confidence level of the intervals, in (0, 1).

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> result = apply_band(Band(0.3, 0.7, 0.5, 0.01), [1, 0, 0, 1], [0.9, 0.1, 0.6, 0.2])
        >>> result.coverage.value, round(result.risk.value, 3)
        (0.75, 0.333)
    """
    labels, scores = checked(label, probability)
    groups = group_numbers(group, len(labels))
    kept = ~needs_review(scores, (band.low, band.high))
    wrong = is_corroded(scores, band.threshold) != labels
    return BandResult(
        coverage=proportion(kept, group=groups, level=level),
        risk=proportion(wrong[kept], group=groups[kept], level=level),
    )
