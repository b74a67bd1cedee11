"""Which photographs tell the most once they are labelled: uncertain ones, unlike each other."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from corrosion.errors import CorrosionError

FACTOR = 4
"""Photographs among which one is chosen: the most uncertain of all, so many for each choice."""

_LEAST_WEIGHT = 1e-6  # certain photographs still lie somewhere


@dataclass(frozen=True, eq=False)
class Choice:
    """K photographs of N.

    Attributes:
        rows: (K,) int64, their rows, those that stand for most first.
        stands_for: (K,) int64, the photographs that each stands for, itself included.
    """

    rows: NDArray[np.int64]
    stands_for: NDArray[np.int64]


def choose_diverse(
    features: NDArray[np.floating],
    count: int,
    *,
    probability: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Choice:
    """Choose photographs to label by k-means, weighted by how uncertain the network is of them.

    With probabilities this is the diverse mini-batch active learning of Zhdanov (2019,
    arXiv:1901.05954): the most uncertain photographs, `FACTOR` times as many as are wanted, are
    clustered with the weights min(p, 1 - p), and the one nearest to each centre is taken. Without
    probabilities, before there is a network to be uncertain, all photographs are clustered alike.

    Args:
        features: (N, C), what the backbone sees of each photograph.
        count: number of photographs to choose, at least 1; all are taken where there are fewer.
        probability: (N,) in [0, 1], probability of corrosion; None without a trained network.
        seed: seed of the first centres, 0 or more.

    Raises:
        CorrosionError: a feature or probability is not finite.

    Example:
        Two heaps of photographs, each of which gives one:

        >>> random = np.random.default_rng(0)
        >>> features = random.normal(size=(30, 4)) + np.repeat([0, 50], [20, 10])[:, None]
        >>> choice = choose_diverse(features, 2)
        >>> (choice.rows < 20).tolist(), choice.stands_for.tolist()
        ([True, False], [20, 10])
    """
    if (
        not np.isfinite(features).all()
        or not np.isfinite(0 if probability is None else probability).all()
    ):
        raise CorrosionError(
            "The network's features are not finite (NaN): its weights are damaged, or its training "
            "has diverged. Take other weights."
        )
    rows, weight = np.arange(len(features)), np.ones(len(features))
    if probability is not None:
        uncertain = np.minimum(probability, 1 - probability)
        rows = np.argsort(-uncertain, kind="stable")[: FACTOR * count]
        weight = np.maximum(uncertain[rows], _LEAST_WEIGHT)
    if len(rows) <= count:
        return Choice(rows, np.ones(len(rows), np.int64))
    points = features[rows]
    clusters = KMeans(count, n_init=1, random_state=seed)
    with warnings.catch_warnings():  # of fewer distinct points than clusters: some stay empty
        warnings.simplefilter("ignore", ConvergenceWarning)
        distances = clusters.fit(points, sample_weight=weight).transform(points)
    heaviest_first = np.argsort(-np.bincount(clusters.labels_, weight, count), kind="stable")
    free, chosen = np.ones(len(rows), bool), []
    for cluster in heaviest_first:
        nearest = int(np.where(free, distances[:, cluster], np.inf).argmin())
        free[nearest] = False
        chosen.append(nearest)
    sizes = np.bincount(clusters.labels_, minlength=count)[heaviest_first]
    return Choice(rows[chosen], np.maximum(sizes, 1))
