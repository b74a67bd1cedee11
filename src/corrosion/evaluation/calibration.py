"""Whether probabilities mean what they say, and how to mend them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit

from corrosion.errors import CorrosionError
from corrosion.evaluation.intervals import wilson
from corrosion.evaluation.metrics import BINS, Floats, all_metrics, bin_of, checked

_TEMPERATURES = (0.05, 20.0)
_SATURATED = 2.0**-24  # float32 knows no probability between 1 - this and 1


def logit(probability: ArrayLike) -> Floats:
    """Logits of probabilities; those of 0 and 1 are taken as -16.6 and 16.6, float32's last.

    Example:
        >>> [round(float(value), 3) for value in logit([0.5, 0.9, 1.0])]
        [0.0, 2.197, 16.636]
    """
    clipped = np.clip(np.asarray(probability, dtype=np.float64), _SATURATED, 1 - _SATURATED)
    return np.log(clipped) - np.log1p(-clipped)


@dataclass(frozen=True)
class Temperature:
    """A temperature fitted on validation, and what it changes there.

    Attributes:
        value: T > 0; above 1 the network was too sure of itself, below 1 too timid.
        log_loss: log loss on validation, before and after.
        ece: expected calibration error on validation, before and after.
        images: number of images it was fitted on.
        none_best: why there is no best temperature, and `value` is 1; None if there is one.

    Example:
        >>> label, logits = [1, 1, 0, 0, 0], [2.0, -1.0, -2.0, 1.5, -3.0]
        >>> found = fit_temperature(label, logits)
        >>> round(found.value, 2), found.images
        (2.02, 5)
        >>> [round(float(value), 2) for value in found.apply(logits)]
        [0.73, 0.38, 0.27, 0.68, 0.18]
    """

    value: float
    log_loss: tuple[float, float]
    ece: tuple[float, float]
    images: int
    none_best: str | None = None

    def apply(self, logits: ArrayLike) -> Floats:
        """Calibrated probabilities (N,) of logits (N,): sigmoid(logit / T); their order stays."""
        return expit(np.asarray(logits, dtype=np.float64) / self.value)


def fit_temperature(label: ArrayLike, logits: ArrayLike) -> Temperature:
    """Fit temperature scaling (Guo et al., ICML 2017, section 4.2) by least log loss.

    Args:
        label: (N,) 0 or 1, of the validation set (never of the test set).
        logits: (N,) float, of corrosion, finite.

    Returns:
        T in [0.05, 20]; 1, with the reason in `none_best`, if there is no best one: the images are
        all right (any smaller T were better still) or the network is no better than chance (any
        larger).

    Raises:
        CorrosionError: only one class, a logit that is not finite, or bad arrays (as `checked`).

    Example:
        >>> fit_temperature([1, 0], [3.0, -3.0]).none_best
        'no decision is wrong'
    """
    z = np.asarray(logits, dtype=np.float64)
    if not np.isfinite(z).all():
        raise CorrosionError(
            f"{(~np.isfinite(z)).sum()} logit(s) are not finite: a temperature can't be fitted."
        )
    labels, before = checked(label, expit(z))
    if labels.min() == labels.max():
        raise CorrosionError("A temperature needs validation images of both classes.")
    signed = np.where(labels == 1, -z, z)
    bounds = np.log(_TEMPERATURES)
    # convex in 1 / T, so with a single minimum in log T
    found = minimize_scalar(
        lambda log_t: np.logaddexp(0, signed * np.exp(-log_t)).mean(),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-6},
    )
    value, none_best = float(np.exp(found.x)), None
    if np.abs(found.x - bounds).min() < 1e-3:
        none_best = "no decision is wrong" if value < 1 else "the network is no better than chance"
        value = 1.0
    metrics = [all_metrics(labels, probability) for probability in (before, expit(z / value))]
    return Temperature(
        value,
        log_loss=(metrics[0]["log_loss"], metrics[1]["log_loss"]),
        ece=(metrics[0]["ece"], metrics[1]["ece"]),
        images=len(labels),
        none_best=none_best,
    )


def reliability(
    label: ArrayLike, probability: ArrayLike, *, bins: int = BINS, level: float = 0.95
) -> pd.DataFrame:
    """What a reliability diagram shows (DeGroot & Fienberg, 1983).

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        bins: number of bins of equal width, as in the expected calibration error.
        level: confidence level of Wilson's intervals, in (0, 1).

    Returns:
        One row a bin that has images: bin_low, bin_high (its edges), images, probability (mean),
        corroded (share), low, high (interval of the share).

    Raises:
        CorrosionError: bad arrays (as `checked`) or level.

    Example:
        >>> table = reliability([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], bins=2)
        >>> table[["bin_low", "images", "probability", "corroded"]].to_numpy().round(2).tolist()
        [[0.0, 2.0, 0.15, 0.0], [0.5, 2.0, 0.85, 1.0]]
    """
    labels, scores = checked(label, probability)
    edges = np.linspace(0, 1, bins + 1)
    number = bin_of(scores, bins)
    images = np.bincount(number, minlength=bins)
    used = images > 0
    corroded = np.bincount(number, labels, bins)[used]
    low, high = wilson(corroded, images[used], level=level)
    return pd.DataFrame(
        {
            "bin_low": edges[:-1][used],
            "bin_high": edges[1:][used],
            "images": images[used],
            "probability": np.bincount(number, scores, bins)[used] / images[used],
            "corroded": corroded / images[used],
            "low": low,
            "high": high,
        }
    )
