"""Runs as a plan simulates them: they score as those that were seen, and agree as much.

A run's score of an image is turned into a normal one by its rank within its class. There it is
made of what all networks see in the image, what the runs of a recipe see, and what a run alone
sees; turned back, the scores of simulated runs are distributed as those that were seen, however
the parts are weighted (the Gaussian copula: Nelsen, An Introduction to Copulas, 2006, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from corrosion.evaluation.areas import roc_areas
from corrosion.evaluation.metrics import Floats

_CLASSES = {"accuracy": (0, 1), "recall": (1,), "specificity": (0,)}
_POINTS = 4000  # of the grid by which distributions are taken
_PAIRED = 400  # of each class where pairs of images count


@dataclass(frozen=True, eq=False)
class Scores:
    """How the scores of a recipe's runs are distributed.

    Attributes:
        share: share of corroded images.
        normal: for sound and corroded images (M,) float64, normal scores, ascending.
        score: for both (M,) float64, the scores there, on the scale of logits above the threshold.
    """

    share: float
    normal: tuple[Floats, Floats]
    score: tuple[Floats, Floats]

    @classmethod
    def of(cls, label: NDArray[np.int64], scores: Floats) -> Scores:
        """The distribution of the scores (K, N) of K runs, on images with labels (N,).

        Example:
            >>> found = Scores.of(np.array([0, 1, 0, 1]), np.array([[-1.0, 1.0, 2.0, 3.0]]))
            >>> found.draw(np.array([-1.0, 1.0, -1.0, 1.0]), 2).tolist()
            [-1.0, 2.0, 1.0, 3.0]
        """
        parts = [_knots(scores[:, label == side].ravel()) for side in (0, 1)]
        normal, score = zip(*parts, strict=True)
        return cls(float(label.mean()), normal, score)

    def draw(self, normal: Floats, corroded: int) -> Floats:
        """Scores (..., N) of normal ones, the last `corroded` of them of corroded images."""
        sound = normal.shape[-1] - corroded
        parts = (normal[..., :sound], normal[..., sound:])
        drawn = [np.interp(*one) for one in zip(parts, self.normal, self.score, strict=True)]
        return np.concatenate(drawn, axis=-1)

    def labels(self, images: int) -> NDArray[np.int64]:
        """Labels (images,) of a test set, the sound images first, two of each class at least."""
        corroded = min(max(round(images * self.share), 2), images - 2)
        return (np.arange(images) >= images - corroded).astype(np.int64)

    def shifts(self, metric: str) -> Floats:
        """The shifts towards errors that bring a metric to 1, ..., 0 in even steps."""
        label = self.labels(2 * _PAIRED if metric == "auroc" else _POINTS)
        even = [(np.arange(size) + 0.5) / size for size in np.bincount(label)]
        scores = self.draw(ndtri(np.concatenate(even)), int(label.sum()))
        return margins(metric, label, scores)


def _knots(scores: Floats) -> tuple[Floats, Floats]:
    """Normal scores and scores, with one at the threshold, so that errors keep their share."""
    ordered, size = np.sort(scores), len(scores)
    shares = (np.arange(size) + 0.5) / size
    below = int(np.searchsorted(ordered, 0.0))
    if 0 < below < size:
        shares = np.insert(shares, below, below / size)
        ordered = np.insert(ordered, below, 0.0)
    return ndtri(shares), ordered


def margins(metric: str, label: NDArray[np.int64], scores: Floats) -> Floats:
    """How far a run's scores must be shifted towards errors for each of its images to be wrong.

    Args:
        metric: accuracy, recall, specificity or auroc; of the last, half the distance of pairs.
        label: (N,) 0 or 1.
        scores: (N,) above the threshold.

    Returns:
        Quantiles of these shifts, ascending, from 0 to 1 in even steps.

    Example:
        >>> found = margins("accuracy", np.array([0, 1]), np.array([-1.0, 3.0]))
        >>> float(found[0]), float(found[-1])
        (1.0, 3.0)
    """
    even = np.linspace(0, 1, _POINTS + 1)
    if metric == "auroc":
        pairs = np.linspace(0, 1, _PAIRED)
        sound, corroded = (np.quantile(scores[label == side], pairs) for side in (0, 1))
        found = (corroded[:, None] - sound).ravel() / 2
    else:
        found = (scores * toward(label))[np.isin(label, _CLASSES[metric])]
    return np.quantile(found, even)


def shift_to(value: Floats, shifts: Floats) -> Floats:
    """The shifts at which a metric has these values, given `margins`.

    Example:
        >>> float(shift_to(np.array(0.75), np.array([0.0, 1.0, 2.0])))
        0.5
    """
    return np.interp(1 - value, np.linspace(0, 1, len(shifts)), shifts)


def shift_between(value: float, wanted: Floats, shifts: Floats) -> Floats:
    """The shifts that bring a metric from the value of unshifted scores to others.

    Where nothing is wrong yet, part of the way to the first error changes nothing.

    Example:
        >>> shifts = np.array([3.0, 4.0, 5.0])
        >>> shift_between(1.0, np.array([1.0, 0.5]), shifts).tolist()
        [0.0, 4.0]
        >>> shift_between(0.75, np.array([0.75, 0.5]), shifts - 3.5).tolist()
        [0.0, 0.5]
    """
    if value == 1:
        return np.where(wanted < 1, shift_to(wanted, shifts), 0.0)
    return shift_to(wanted, shifts) - shift_to(np.array(value), shifts)


def toward(label: NDArray[np.int64]) -> Floats:
    """The direction (N,) of right scores: 1 for corroded images, -1 for others."""
    return np.where(label == 1, 1.0, -1.0)


def right(metric: str, label: NDArray[np.int64], scores: Floats) -> NDArray[np.bool_]:
    """Whether each run (K, N) is right on each of the images that the metric is about."""
    rows = np.isin(label, _CLASSES[metric])
    return (scores[:, rows] >= 0) == label[rows]


def judge(metric: str, label: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """The metric (K,) of runs (K, N) and its covariance (K, K) on other images."""
    if metric == "auroc":
        areas = roc_areas(label, scores)
        return areas.values, areas.covariance
    decided = right(metric, label, scores).astype(np.float64)
    covariance = np.asarray(np.atleast_2d(np.cov(decided)) / decided.shape[1], dtype=np.float64)
    return np.asarray(decided.mean(axis=1), dtype=np.float64), covariance
