"""Ways to choose which photographs are labelled next, from the literature, on frozen features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import pairwise_distances

from corrosion.selection.choice import FACTOR, choose_diverse

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Round:
    """What is known when photographs are chosen.

    Attributes:
        features: (N, C), of the photographs that may be chosen.
        labelled: (L, C), of those that have a label; L is 0 in the first round.
        probability: (N,), what the head fitted on the labelled ones says; None in the first round.
        count: number of photographs to choose.
        generator: random numbers.
    """

    features: NDArray[np.floating]
    labelled: NDArray[np.floating]
    probability: NDArray[np.floating] | None
    count: int
    generator: np.random.Generator

    @property
    def seed(self) -> int:
        return int(self.generator.integers(2**31))

    @property
    def uncertainty(self) -> NDArray[np.floating]:
        """min(p, 1 - p) of each photograph; not in the first round."""
        assert self.probability is not None
        return np.minimum(self.probability, 1 - self.probability)


def at_random(now: Round) -> Rows:
    return now.generator.permutation(len(now.features))[: now.count]


def uncertain(now: Round) -> Rows:
    """The probabilities nearest to 0.5 (Lewis and Gale, SIGIR 1994)."""
    if now.probability is None:
        return at_random(now)
    return np.argsort(-now.uncertainty, kind="stable")[: now.count]


def spread(now: Round) -> Rows:
    """k-means++ (Arthur and Vassilvitskii, SODA 2007) that goes on from the labelled ones."""
    return _far_apart(now.features, now.labelled, now)


def badge(now: Round) -> Rows:
    """k-means++ on the gradients of the head (Ash et al., ICLR 2020): |p - y| times the features.

    The label y is the one that the head predicts, so that |p - y| is min(p, 1 - p).
    """
    if now.probability is None:
        return spread(now)
    gradients = now.features * now.uncertainty[:, None]
    return _far_apart(gradients, gradients[:0], now)


def typical(now: Round) -> Rows:
    """TypiClust (Hacohen et al., ICML 2022): the most typical of large clusters without label.

    As many clusters as labels there will be; typicality is the inverse of the mean distance to the
    20 nearest neighbours in the cluster.
    """
    known = len(now.labelled)
    together = np.concatenate([now.labelled, now.features])
    clusters = known + now.count
    found = KMeans(clusters, n_init=1, random_state=now.seed).fit_predict(together)
    labels = np.bincount(found[:known], minlength=clusters)
    sizes = np.bincount(found, minlength=clusters)
    own, free = found[known:], np.ones(len(now.features), bool)
    chosen: list[int] = []
    while len(chosen) < now.count:
        left = np.bincount(own[free], minlength=clusters)
        cluster = np.lexsort((-sizes, labels, left == 0))[0]
        rows = np.flatnonzero((own == cluster) & free)
        distances = np.sort(
            pairwise_distances(now.features[rows], now.features[own == cluster]), axis=1
        )
        near = distances[:, 1:21].mean(axis=1) if distances.shape[1] > 1 else distances[:, 0]
        chosen.append(int(rows[near.argmin()]))
        free[chosen[-1]] = False
        labels[cluster] += 1
    return np.array(chosen)


def cluster_margin(now: Round) -> Rows:
    """Uncertain ones in turn from clusters, the smallest first (Citovsky et al., NeurIPS 2021).

    Clustered by average linkage are the most uncertain, `FACTOR` times as many as are wanted.
    """
    if now.probability is None:
        return diverse(now)
    rows = np.argsort(-now.uncertainty, kind="stable")[: FACTOR * now.count]
    found = AgglomerativeClustering(now.count, linkage="average").fit_predict(now.features[rows])
    order = np.argsort(np.bincount(found), kind="stable")
    rank = np.argsort(order, kind="stable")[found]
    turn = np.array([(found[:place] == found[place]).sum() for place in range(len(rows))])
    return rows[np.lexsort((rank, turn))][: now.count]


def diverse(now: Round) -> Rows:
    """What `corrosion next` does."""
    return choose_diverse(now.features, now.count, probability=now.probability, seed=now.seed).rows


NEXT, RANDOM = "corrosion next", "random"
"""Names of what is judged and of what it is judged by."""

STRATEGIES: Mapping[str, Callable[[Round], Rows]] = {
    RANDOM: at_random,
    "random, no near-duplicates": at_random,
    "uncertainty": uncertain,
    "k-means++": spread,
    "BADGE": badge,
    "TypiClust": typical,
    "cluster-margin": cluster_margin,
    NEXT: diverse,
}
"""All but the first never see two near-duplicates, nor one of a labelled photograph."""


def _far_apart(points: NDArray[np.floating], start: NDArray[np.floating], now: Round) -> Rows:
    """Each drawn by its squared distance from all before; the longest first if there are none."""
    chosen: list[int] = []
    if len(start):
        nearest = pairwise_distances(points, start, metric="sqeuclidean").min(axis=1)
    elif now.probability is None:
        nearest = np.ones(len(points))
    else:
        chosen.append(int((points**2).sum(axis=1).argmax()))
        nearest = ((points - points[chosen]) ** 2).sum(axis=1)
    while len(chosen) < now.count:
        nearest[chosen] = 0
        row = int(now.generator.choice(len(points), p=nearest / nearest.sum()))
        distances = ((points - points[row]) ** 2).sum(axis=1)
        nearest = distances if not chosen and not len(start) else np.minimum(nearest, distances)
        chosen.append(row)
    return np.array(chosen)
