"""When to leave the decision to an inspector: selective prediction with a band of abstention.

The nearer a probability is to the threshold, the less sure the decision. Leaving out the least sure
ones trades coverage for risk (El-Yaniv & Wiener, JMLR 11, 2010; Geifman & El-Yaniv, NIPS 2017). A
risk that is kept on validation is exceeded elsewhere about every second time; with a confidence it
is promised (Learn then Test: Angelopoulos et al., Annals of Applied Statistics, 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import logit
from corrosion.evaluation.decisions import is_corroded, needs_review
from corrosion.evaluation.guarantees import effective_images, images_needed, upper_bound
from corrosion.evaluation.intervals import Estimate, proportion
from corrosion.evaluation.metrics import Floats, checked
from corrosion.evaluation.resampling import group_numbers

_DIGITS = 7  # of margins: p and 1 - p are equally far from 0.5, but for the last digits of a float


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
        the threshold's. Margins that agree to seven decimals are one. Columns: margin, images
        (kept), errors (among them), coverage (images / N), risk (errors / images).

    Raises:
        CorrosionError: bad arrays (as `checked`), or a threshold outside (0, 1).

    Example:
        >>> curve = risk_coverage([1, 0, 0, 1], [0.9, 0.2, 0.6, 0.3])
        >>> curve[["coverage", "risk"]].to_numpy().round(2).tolist()
        [[0.25, 0.0], [0.5, 0.0], [0.75, 0.33], [1.0, 0.5]]
    """
    labels, scores = checked(label, probability)
    margin = _margins(scores, threshold)
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


def _margins(scores: Floats, threshold: float) -> Floats:
    """How far logits (N,) are from the threshold's."""
    if not 0 < threshold < 1:
        raise CorrosionError(f"threshold={threshold}: abstaining needs one between 0 and 1.")
    return np.abs(logit(scores) - logit(threshold)).round(_DIGITS)


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
        confidence: confidence that the risk is no higher, in (0, 1); None where it was kept on
            validation, which promises nothing.
        note: why the risk can't be promised, and which can; None where it is promised, or nothing
            was to be.
        every_fold: whether each fold of a cross-validation keeps the risk by itself.
    """

    low: float
    high: float
    threshold: float
    max_risk: float
    confidence: float | None = None
    note: str | None = None
    every_fold: bool = False

    @property
    def rule(self) -> str:
        """What the band was made for, in words.

        Example:
            >>> Band(0.2, 0.8, 0.5, 0.01).rule
            'at most 0.01 wrong on validation'
            >>> Band(0.1, 0.9, 0.5, 0.01, confidence=0.9).rule
            'at most 0.01 wrong, promised with confidence 0.9'
        """
        if self.confidence is None:
            where = "in every fold" if self.every_fold else "on validation"
            return f"at most {self.max_risk:g} wrong {where}"
        kept = "promised" if self.note is None else "which can't be promised"
        return f"at most {self.max_risk:g} wrong, {kept} with confidence {self.confidence:g}"


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
    label: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float = 0.5,
    max_risk: float = 0.01,
    confidence: float | None = None,
    group: ArrayLike | None = None,
) -> Band:
    """The narrowest band whose other decisions keep a risk, on validation or with a confidence.

    Its edges are equally far from the threshold in logits. If no decision is safe enough, all
    probabilities but 0 and 1 lie in the band.

    With a confidence, the surest decisions are tested first, as many as promise the risk if all are
    right, then one more each time, until the binomial p-value of "the risk is above `max_risk`"
    exceeds 1 - `confidence`: fixed sequence testing (Angelopoulos et al., Learn then Test, 2025),
    which needs no correction for the number of tests. It holds if less sure decisions are not more
    often right, and on images like those of validation, as many of them corroded.

    Args:
        label: (N,) 0 or 1, of validation images.
        probability: (N,) in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded, in (0, 1).
        max_risk: largest share of errors among the decisions outside the band, in [0, 1).
        confidence: in (0, 1), that the true risk is no larger; None looks at validation only.
        group: (N,) of any type: images that are not independent, which count as fewer where there
            is a confidence (`effective_images`); each its own if None.

    Raises:
        CorrosionError: `max_risk` is not in [0, 1), `confidence` not in (0, 1), or as
            `risk_coverage`.

    Example:
        >>> band = choose_band([1, 0, 0, 1], [0.9, 0.1, 0.6, 0.3])
        >>> round(band.low, 2), round(band.high, 2)
        (0.18, 0.82)
        >>> band = choose_band([1, 0, 0, 1], [0.9, 0.1, 0.6, 0.3], confidence=0.9)
        >>> band.low, band.high, band.rule
        (0.0, 1.0, "at most 0.01 wrong, which can't be promised with confidence 0.9")
    """
    if not 0 <= max_risk < 1:
        raise CorrosionError(f"max_risk={max_risk}: give a share of errors from 0 to below 1.")
    curve = risk_coverage(label, probability, threshold=threshold)
    margins, note = curve["margin"].to_numpy(), None
    if confidence is None:
        safe = np.flatnonzero(curve["risk"].to_numpy() <= max_risk)
    else:
        surest = np.argsort(-_margins(np.asarray(probability, np.float64), threshold))
        groups = group_numbers(group, len(surest))[surest]
        worth = effective_images(groups, len(surest))[curve["images"] - 1]
        safe = _promised(curve["risk"].to_numpy(), worth, max_risk, confidence)
        if not safe.size:
            note = _not_promised(worth, max_risk, confidence)
    if not safe.size:
        return Band(0.0, 1.0, threshold, max_risk, confidence, note)
    last = safe[-1]
    # midway to the next margin, so that images like those just kept are kept; 0 if all are
    margin = (margins[last] + margins[last + 1]) / 2 if last + 1 < len(margins) else 0.0
    centre = logit(threshold)
    low, high = (float(expit(centre - margin)), float(expit(centre + margin)))
    edges = (low, high) if margin else (threshold, threshold)
    return Band(*edges, threshold, max_risk, confidence)


def _promised(risk: Floats, worth: Floats, max_risk: float, confidence: float) -> NDArray[np.int64]:
    """Rows of a curve that are promised, one after the other, up to the first that is not."""
    possible = upper_bound(np.zeros_like(worth), worth, confidence=confidence) <= max_risk
    promised = upper_bound(risk * worth, worth, confidence=confidence) <= max_risk
    start = int(possible.argmax()) if possible.any() else len(worth)
    stops = np.flatnonzero(~promised[start:])
    return np.arange(start, start + (stops[0] if stops.size else len(worth) - start))


def _not_promised(worth: Floats, max_risk: float, confidence: float) -> str:
    """Why no decision is promised, and what can be."""
    needed = images_needed(max_risk, confidence=confidence)
    known = f"{worth.max():.0f} independent validation images"
    cannot = f"A risk of {max_risk:g} can't be promised with confidence {confidence:g}"
    if worth.max() >= needed:
        return (
            f"{cannot}: too many of the {needed} surest decisions on validation are wrong. All "
            f"photographs go to an inspector; look at these errors, label more, or allow more "
            f"risk."
        )
    most, half = (
        float(upper_bound(0, max(1.0, share * worth.max()), confidence=confidence))
        for share in (1, 0.5)
    )
    takes = f"it takes {needed} without an error" if np.isfinite(needed) else "no number does"
    return (
        f"{cannot} by {known}: {takes}. All photographs go to an inspector. These images can "
        f"promise {_up(most)} if all of them are decided rightly, and {_up(half)} if the surer "
        f"half is: give that as max_risk, or label more."
    )


def _up(share: float) -> str:
    """A share to three decimals, not below it."""
    return f"{np.ceil(share * 1000) / 1000:g}"


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
