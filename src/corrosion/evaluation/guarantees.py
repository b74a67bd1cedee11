"""Figures that are promised with a confidence, by exact binomial bounds on validation images.

A share of errors that was seen on validation is exceeded on other images in about half of all
cases. A promise with confidence 0.9 is broken in at most one of ten choices, whatever the network:
the bounds of Clopper & Pearson (Biometrika 26, 1934) ask nothing of its probabilities. They ask
that images are drawn independently, like those that will come. Images of one group are counted as
one image's worth of evidence: with the design effect of groups that are right or wrong together
(Kish, 1965), the largest there can be.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from corrosion.evaluation.intervals import within_0_and_1
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.resampling import group_numbers


def upper_bound(errors: ArrayLike, images: ArrayLike, *, confidence: float) -> Floats:
    """The share of errors that is exceeded with no more than 1 - `confidence`.

    It is at most r where the binomial p-value of "the share is above r" is at most 1 - confidence.

    Args:
        errors: array of any shape, from 0 to `images`, whole or effective.
        images: array of the same shape, above 0.
        confidence: in (0, 1).

    Returns:
        Upper ends of one-sided Clopper-Pearson intervals, in (0, 1], of the same shape.

    Raises:
        CorrosionError: `confidence` is not in (0, 1).

    Example:
        >>> upper_bound([0, 0, 4], [229, 230, 230], confidence=0.9).round(4).tolist()
        [0.01, 0.01, 0.0345]
        >>> upper_bound([0, 0], [229, 230], confidence=0.9) <= 0.01
        array([False,  True])
    """
    within_0_and_1(confidence, name="confidence")
    wrong, right = np.broadcast_arrays(np.asarray(errors, float), np.asarray(images, float))
    right = right - wrong
    some_right = right > 1e-9
    return np.where(
        some_right, betaincinv(wrong + 1, np.where(some_right, right, 1.0), confidence), 1.0
    )


def images_needed(share: float, *, confidence: float) -> float:
    """How many independent images without an error promise at most this share of errors.

    Args:
        share: share of errors, in [0, 1).
        confidence: in (0, 1).

    Returns:
        A whole number; infinity for a share of 0, which no number of images promises.

    Example:
        >>> images_needed(0.01, confidence=0.9), images_needed(0.02, confidence=0.9)
        (230, 114)
    """
    if share == 0:
        return math.inf
    # the last digit of a float must not ask for one image more
    return math.ceil(
        math.log1p(-within_0_and_1(confidence, name="confidence")) / math.log1p(-share) - 1e-9
    )


def effective_images(group: ArrayLike | None, size: int) -> Floats:
    """How many independent images the first 1, 2, ... images are worth.

    Args:
        group: (N,) of any type; each image its own group if None.
        size: N.

    Returns:
        (N,) float64: n images in groups of n_1, n_2, ... are worth n^2 / (n_1^2 + n_2^2 + ...).

    Raises:
        CorrosionError: there is not one group an image.

    Example:
        >>> effective_images(["a", "a", "b", "c"], 4).round(2).tolist()
        [1.0, 1.0, 1.8, 2.67]
        >>> effective_images(None, 3).tolist()
        [1.0, 2.0, 3.0]
    """
    before = pd.Series(group_numbers(group, size)).groupby(group_numbers(group, size)).cumcount()
    squares = (2 * before.to_numpy(np.float64) + 1).cumsum()
    return np.arange(1, size + 1) ** 2 / squares
