"""What comparisons are simulated from: the runs of one model, and what more of them would say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import chi2, norm

from corrosion.errors import CorrosionError
from corrosion.evaluation.alignment import align_runs
from corrosion.evaluation.areas import roc_areas
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.run_tests import ENOUGH_RUNS, spread_of_seeds, student_test
from corrosion.evaluation.significance import mcnemar

ASSUMED_SPREAD = 0.01
"""Standard deviation of the accuracy between runs where there is a single one to look at."""

_RUNS = 40  # simulated runs by which noise and shifts are chosen
_STEPS = 30
_SURE = 1e-6  # probabilities are taken as this far from 0 and 1 at least
_CLASSES = {"accuracy": (0, 1), "recall": (1,), "specificity": (0,)}


@dataclass(frozen=True, eq=False)
class Basis:
    """What comparisons are simulated from.

    Attributes:
        metric: accuracy, recall, specificity or auroc.
        label: (N,) int64, 0 or 1.
        score: (N,) float64, mean logit of the runs above the threshold.
        value: the metric, mean over the runs.
        disagreement: share of images that two runs decide differently.
        spread: standard deviation of the metric between runs.
        runs: number of runs these two were seen in; 1 where they are assumed.
        noise: standard deviation of a run's own noise, on the scale of logits.
        skill: standard deviation of a run's shift towards errors, likewise.
        lasting: standard deviation of the metric that this shift alone gives, however many images.
        between: standard deviation of noise that the runs of a model share, and not the other's.
    """

    metric: str
    label: NDArray[np.int64]
    score: Floats
    value: float
    disagreement: float
    spread: float
    runs: int
    noise: float
    skill: float
    lasting: float
    between: float

    def difference(self, shift: float) -> float:
        """How much lower the metric is of runs that are shifted towards errors."""
        generator = np.random.default_rng(0)
        drawn = generator.normal(size=(_RUNS, len(self.label)))
        scores = self.score + np.hypot(self.noise, self.between) * drawn
        lower = scores - shift * _side(self.label)
        values = [_judge(self.metric, self.label, one)[0].mean() for one in (scores, lower)]
        return float(values[0] - values[1])

    def power(
        self, shift: float, *, images: int, seeds: int, level: float, count: int, seed: int = 0
    ) -> float:
        """Share of simulated comparisons in which the shifted model is found to be worse.

        Args:
            shift: of the second model towards errors, on the scale of logits.
            images: test images.
            seeds: runs of each model.
            level: confidence level, in (0, 1).
            count: simulated comparisons.
            seed: seed of the simulation.
        """
        generator, found = np.random.default_rng(seed), 0
        sides = [np.flatnonzero(self.label == side) for side in (0, 1)]
        corroded = round(images * len(sides[1]) / len(self.label))
        corroded = min(max(corroded, 2), images - 2)
        for _ in range(count):
            drawn = [
                generator.choice(side, size)
                for side, size in zip(sides, (images - corroded, corroded), strict=True)
            ]
            rows = np.concatenate(drawn)
            label, side = self.label[rows], _side(self.label[rows])
            skill = self.skill * generator.normal(size=2 * seeds) if seeds > 1 else np.zeros(2)
            skill[seeds:] -= shift
            scores = self.score[rows] + self.noise * generator.normal(size=(2 * seeds, images))
            own = self.between * generator.normal(size=(2, images))
            scores = scores + np.repeat(own, seeds, axis=0) + skill[:, None] * side
            better, p_value = _tested(self.metric, label, scores, seeds=seeds, level=level)
            found += better and p_value < 1 - level
        return found / count


def basis(tables: Sequence[pd.DataFrame], *, metric: str, threshold: float) -> Basis:
    """What the runs of a model say, as `corrosion.evaluation.pooling.pool` gives them.

    Args:
        tables: predictions, one a seed.
        metric: accuracy, recall, specificity or auroc.
        threshold: probability from which an image counts as corroded, in (0, 1).

    Raises:
        CorrosionError: images of one class.
    """
    runs = align_runs({"": list(tables)})[""]
    label = runs[0]["label"].to_numpy(np.int64)
    if min(np.bincount(label, minlength=2)) < 2:
        raise CorrosionError("The test images are of one class: a plan takes some of both.")
    probability = np.stack([run["probability"].to_numpy(np.float64) for run in runs])
    scores = logit(np.clip(probability, _SURE, 1 - _SURE)) - logit(threshold)
    values = _judge(metric, label, scores)[0]
    if len(runs) > 1:
        pairs = combinations(scores >= 0, 2)
        disagreement = float(np.mean([np.mean(a != b) for a, b in pairs]))
        spread = float(values.std(ddof=1))
    else:
        disagreement = float(np.mean((scores[0] >= 0) != label))
        spread = np.nan
    score = scores.mean(axis=0)
    drawn = np.random.default_rng(0).normal(size=(_RUNS, len(label)))

    def differing(noise: float) -> float:
        decided = (score + noise * drawn) >= 0
        share = decided.mean(axis=0)
        return float(np.mean(2 * share * (1 - share)) * _RUNS / (_RUNS - 1))

    noise = least(differing, disagreement)
    skills = norm.ppf((np.arange(_RUNS) + 0.5) / _RUNS)[:, None] * _side(label)

    def scattered(skill: float, *, of: str = metric, own: float = noise) -> float:
        return float(_judge(of, label, score + own * drawn + skill * skills)[0].std(ddof=1))

    if np.isnan(spread):
        skill = least(partial(scattered, of="accuracy"), ASSUMED_SPREAD)
        spread = scattered(skill)
    else:
        # few runs may scatter little by chance (Browne, Statistics in Medicine 14, 1995)
        skill = least(scattered, spread * _careful(len(runs)))
    lasting = scattered(skill, own=0.0)
    value = float(values.mean())
    seen = (value, disagreement, spread, len(runs))
    # another model differs from this one by as much again as its own runs do
    between = noise if len(runs) > 1 else 0.0
    return Basis(metric, label, score, *seen, noise, skill, lasting, between)


def _careful(runs: int) -> float:
    """The upper limit of a standard deviation seen in so many runs over it, with 80 % confidence.

    Example:
        >>> round(_careful(3), 2), round(_careful(30), 2)
        (2.12, 1.14)
    """
    return float(np.sqrt((runs - 1) / chi2.ppf(0.2, runs - 1)))


def least(rising: Callable[[float], float], wanted: float, *, steps: int = _STEPS) -> float:
    """The least argument from 0 on at which a rising function reaches a value, by bisection."""
    low, high = 0.0, 1.0
    if rising(low) >= wanted:
        return low
    while rising(high) < wanted and high < 64:
        low, high = high, 2 * high
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= wanted else (middle, high)
    return high


def _side(label: NDArray[np.int64]) -> Floats:
    """The direction (N,) of right scores: 1 for corroded images, -1 for others."""
    return np.where(label == 1, 1.0, -1.0)


def _right(metric: str, label: NDArray[np.int64], scores: Floats) -> NDArray[np.bool_]:
    """Whether each run is right on each of the images that the metric is about."""
    rows = np.isin(label, _CLASSES[metric])
    return (scores[:, rows] >= 0) == label[rows]


def _judge(metric: str, label: NDArray[np.int64], scores: Floats) -> tuple[Floats, Floats]:
    """The metric (K,) of runs (K, N) and its covariance (K, K) on other images."""
    if metric == "auroc":
        areas = roc_areas(label, scores)
        return areas.values, areas.covariance
    right = _right(metric, label, scores).astype(np.float64)
    covariance = np.asarray(np.atleast_2d(np.cov(right)) / right.shape[1], dtype=np.float64)
    return np.asarray(right.mean(axis=1), dtype=np.float64), covariance


def _tested(
    metric: str, label: NDArray[np.int64], scores: Floats, *, seeds: int, level: float
) -> tuple[bool, float]:
    """Whether the first model seems better, and the p-value, as a comparison has them."""
    values, covariance = _judge(metric, label, scores)
    first, second = values[:seeds], values[seeds:]
    difference = float(first.mean() - second.mean())
    if seeds == 1 and metric != "auroc":
        return difference > 0, mcnemar(*_right(metric, label, scores)).p_value
    if seeds >= ENOUGH_RUNS:
        of_class = int(np.bincount(label).min())
        spread = spread_of_seeds((first, second), covariance, images=of_class)
        return difference > 0, student_test(difference, spread, name="", level=level).p_value
    weight = np.repeat([1 / seeds, -1 / seeds], seeds)
    deviation = np.sqrt(max(weight @ covariance @ weight, 1e-18))
    return difference > 0, float(2 * norm.sf(abs(difference) / deviation))
