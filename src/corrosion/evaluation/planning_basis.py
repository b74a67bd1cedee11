"""What comparisons are simulated from: the runs of one model, and what more of them would say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import norm
from scipy.stats import t as student

from corrosion.errors import CorrosionError
from corrosion.evaluation.alignment import align_runs
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.planning_runs import (
    Scores,
    judge,
    margins,
    right,
    shift_between,
    shift_to,
    toward,
)
from corrosion.evaluation.run_tests import ENOUGH_RUNS, spread_of_seeds, student_test
from corrosion.evaluation.significance import mcnemar

ASSUMED_SPREAD = 0.01
"""Standard deviation of the accuracy between runs: taken for known where there is a single one to
look at, and for as much as three runs would say before the scatter of several is seen."""

ANOTHER = 1 / 2
"""By how much more the runs of two recipes differ in an image than two runs of one do: variance of
normal scores. Measured on fine-tuned networks it is 0.2 to 0.6 (docs/results.md); other kinds of
weights may differ more (Gontijo-Lopes, Dauphin & Cubuk, ICLR 2022)."""

_PRIOR_FREEDOM = 2.0  # of the prior of the scatter: as many as three runs have
_PLAUSIBLE = 400  # spreads that stand for what is known of it
_ENDLESS = 50  # comparisons on endless images by each of these
_DRAWN = 20_000  # simulated images by which the agreement of runs is chosen
_STEPS = 20
_SURE = 1e-6  # probabilities are taken as this far from 0 and 1 at least


@dataclass(frozen=True, eq=False)
class Basis:
    """What comparisons are simulated from.

    Attributes:
        metric: accuracy, recall, specificity or auroc.
        images: number of test images of the runs.
        value: the metric, mean over the runs.
        disagreement: share of images that two runs decide differently.
        spread: standard deviation of the metric between runs.
        runs: number of runs these two were seen in; 1 where they are assumed.
        scores: distribution of the runs' scores.
        shifts: shifts towards errors that bring the metric from 1 to 0 (`Scores.shifts`).
        alike: correlation of the normal scores of two runs of a recipe.
        across: of runs of two recipes.
        spreads: (S,) float64, standard deviations of the metric between runs on endless images,
            each as likely as another.
    """

    metric: str
    images: int
    value: float
    disagreement: float
    spread: float
    runs: int
    scores: Scores
    shifts: Floats
    alike: float
    across: float
    spreads: Floats

    def power(
        self,
        difference: float,
        *,
        images: int,
        seeds: int,
        level: float,
        count: int,
        seed: int = 0,
    ) -> float:
        """Share of simulated comparisons in which the second model is found to be worse.

        With fewer than `ENOUGH_RUNS` of each the difference is that of these checkpoints; with more
        it is one of models, whose runs scatter, each comparison by another plausible spread. So
        this is the chance that is to be expected of what is known (the assurance: O'Hagan, Stevens
        & Campbell, Pharmaceutical Statistics 4, 2005).

        Args:
            difference: true difference in the metric.
            images: test images.
            seeds: runs of each model.
            level: confidence level, in (0, 1).
            count: simulated comparisons.
            seed: seed of the simulation.
        """
        generator, found = np.random.default_rng(seed), 0
        label = self.scores.labels(images)
        quantiles = np.linspace(0, 1, count + 2)[1:-1]
        for spread in generator.permutation(np.quantile(self.spreads, quantiles)):
            values = np.full(2 * seeds, self.value)
            values[seeds:] -= difference
            if seeds >= ENOUGH_RUNS:
                values += spread * generator.normal(size=2 * seeds)
            scores = self.draw(values, label, generator)
            better, p_value = _tested(self.metric, label, scores, seeds=seeds, level=level)
            found += better and p_value < 1 - level
        return found / count

    def draw(
        self, values: Floats, label: NDArray[np.int64], generator: np.random.Generator
    ) -> Floats:
        """Scores of runs of two models on the same images.

        Args:
            values: (2 R,) the metric of R runs of each on endless images.
            label: (N,) 0 or 1, the sound images first.
            generator: of the images.

        Returns:
            (2 R, N) float64, logits above the threshold.
        """
        size = (len(values), len(label))
        own = np.sqrt(self.alike - self.across) * generator.normal(size=(2, size[1]))
        normal = np.repeat(own, size[0] // 2, axis=0)
        normal += np.sqrt(self.across) * generator.normal(size=size[1])
        normal += np.sqrt(1 - self.alike) * generator.normal(size=size)
        shift = shift_between(self.value, values, self.shifts)
        return self.scores.draw(normal, int(label.sum())) - shift[:, None] * toward(label)

    def most_power(self, difference: float, *, seeds: int, level: float) -> float:
        """The chance on endless images: of the t test of the runs alone, as `spread_of_seeds`."""
        if seeds < ENOUGH_RUNS:
            return 1.0
        drawn = np.random.default_rng(0).normal(size=(_ENDLESS, len(self.spreads), 2, seeds))
        values = self.spreads[:, None, None] * drawn
        own = values.var(axis=-1, ddof=1) / seeds
        variance = own.sum(axis=-1)
        # degrees of freedom of the scatter seen: half of 2 R - 2 where one model's is all of it
        freedom = (seeds - 1) * variance**2 / np.square(own).sum(axis=-1)
        first, second = np.moveaxis(values.mean(axis=-1), -1, 0)
        found = difference + first - second > np.sqrt(variance) * student.isf(
            (1 - level) / 2, freedom
        )
        return float(found.mean())


def basis(tables: Sequence[pd.DataFrame], *, metric: str, threshold: float) -> Basis:
    """What the runs of a model say, as `corrosion.evaluation.pooling.pool` gives them.

    Args:
        tables: predictions, one a seed.
        metric: accuracy, recall, specificity or auroc.
        threshold: probability from which an image counts as corroded, in (0, 1).

    Raises:
        CorrosionError: images of one class.
    """
    tables = align_runs({"": list(tables)})[""]
    label = tables[0]["label"].to_numpy(np.int64)
    if min(np.bincount(label, minlength=2)) < 2:
        raise CorrosionError("The test images are of one class: a plan takes some of both.")
    probability = np.stack([run["probability"].to_numpy(np.float64) for run in tables])
    scores = logit(np.clip(probability, _SURE, 1 - _SURE)) - logit(threshold)
    values, runs = judge(metric, label, scores)[0], len(tables)
    value = float(values.mean())
    level = np.stack([_at(value, metric, label, *one) for one in zip(scores, values, strict=True)])
    distribution = Scores.of(label, level)
    shifts = distribution.shifts(metric)
    assumed = _assumed_spread(distribution, metric, shifts)
    if runs == 1:
        disagreement = float(np.mean((scores[0] >= 0) != label))
        across = _alike(distribution, "accuracy", 1 - 1 / (2 * max(1 - disagreement, 0.5)))
        alike = (across + ANOTHER) / (1 + ANOTHER)
        spread, spreads = assumed, np.full(_PLAUSIBLE, assumed)
    else:
        pairs = combinations(scores >= 0, 2)
        disagreement = float(np.mean([np.mean(one != other) for one, other in pairs]))
        covariance = judge(metric, label, level)[1]
        variance = float(np.diag(covariance).mean())
        shared = (covariance.sum() - runs * variance) / (runs * (runs - 1))
        alike = _alike(distribution, metric, shared / variance) if variance > 0 else 0.5
        across = max(0.0, alike - ANOTHER * (1 - alike))
        spread = float(values.std(ddof=1))
        spreads = plausible_spreads(
            spread, runs=runs, noise=max(variance - shared, 0.0), assumed=assumed
        )
    seen = (len(label), value, disagreement, spread, runs)
    return Basis(metric, *seen, distribution, shifts, alike, across, spreads)


def _at(
    wanted: float, metric: str, label: NDArray[np.int64], scores: Floats, value: float
) -> Floats:
    """A run's scores (N,), shifted so that its metric is the wanted one, not its own value."""
    shift = shift_between(value, np.array(wanted), margins(metric, label, scores))
    return scores - shift * toward(label)


def _alike(distribution: Scores, metric: str, wanted: float) -> float:
    """The correlation of normal scores with which the metrics of two runs are correlated so."""
    label = distribution.labels(_DRAWN)
    drawn = np.random.default_rng(0).normal(size=(3, len(label)))

    def enough(correlation: float) -> bool:
        normal = np.sqrt(correlation) * drawn[0] + np.sqrt(1 - correlation) * drawn[1:]
        covariance = judge(metric, label, distribution.draw(normal, int(label.sum())))[1]
        seen = covariance[0, 1] / max(float(np.diag(covariance).mean()), 1e-18)
        return bool(seen >= wanted)

    return least(enough, 1.0, steps=_STEPS)


def least(enough: Callable[[float], bool], most: float, *, steps: int) -> float:
    """The least argument from 0 to `most` that is enough, as larger ones are, by bisection.

    Example:
        >>> round(least(lambda value: value**2 >= 2, 4.0, steps=30), 4)
        1.4142
    """
    low, high = 0.0, most
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _assumed_spread(distribution: Scores, metric: str, shifts: Floats) -> float:
    """The standard deviation of a metric where that of the accuracy is `ASSUMED_SPREAD`."""
    accuracies = distribution.shifts("accuracy")
    value = float(np.mean(accuracies >= 0))
    if metric == "accuracy" or value == 1:  # without errors nothing tells how metrics go together
        return ASSUMED_SPREAD
    ends = shift_to(np.array([value - ASSUMED_SPREAD, value + ASSUMED_SPREAD]), accuracies)
    of_metric = 1 - np.interp(ends, shifts, np.linspace(0, 1, len(shifts)))
    return float(max((of_metric[1] - of_metric[0]) / 2, 1e-6))


def plausible_spreads(seen: float, *, runs: int, noise: float, assumed: float) -> Floats:
    """Standard deviations between runs that the one seen in a few runs leaves plausible.

    The posterior of the spread on endless images, given the variance of the runs, of which a part
    is noise of the test images. Before any are seen, the variance is scaled inverse chi-squared
    (the moderated variance of Smyth, Statistical Applications in Genetics and Molecular Biology 3,
    2004), as three runs of the assumed spread leave it: small variances, which three runs show by
    chance, are hardly plausible, large ones are.

    Args:
        seen: standard deviation seen between runs.
        runs: number of runs, two at least.
        noise: variance that a run's own noise gives on as many images.
        assumed: scale before any runs are seen.

    Returns:
        (400,) float64, ascending, each as likely as another.

    Example:
        >>> three, thirty = (
        ...     plausible_spreads(0.03, runs=runs, noise=0.0, assumed=0.01) for runs in (3, 30)
        ... )
        >>> [round(float(np.median(one)), 3) for one in (three, thirty)]
        [0.024, 0.029]
        >>> bool(np.ptp(thirty) < np.ptp(three))
        True
    """
    spreads = assumed * np.geomspace(1e-3, 1e3, 4001)
    variance = spreads**2 + noise
    density = -_PRIOR_FREEDOM * (np.log(spreads) + (assumed / spreads) ** 2 / 2)
    density -= (runs - 1) / 2 * (np.log(variance) + seen**2 / variance)
    known = np.cumsum(np.exp(density - density.max()))
    wanted = (np.arange(_PLAUSIBLE) + 0.5) / _PLAUSIBLE
    return np.interp(wanted, known / known[-1], spreads)


def _tested(
    metric: str, label: NDArray[np.int64], scores: Floats, *, seeds: int, level: float
) -> tuple[bool, float]:
    """Whether the first model seems better, and the p-value, as a comparison has them."""
    values, covariance = judge(metric, label, scores)
    first, second = values[:seeds], values[seeds:]
    difference = float(first.mean() - second.mean())
    if seeds == 1 and metric != "auroc":
        return difference > 0, mcnemar(*right(metric, label, scores)).p_value
    if seeds >= ENOUGH_RUNS:
        of_class = int(np.bincount(label).min())
        spread = spread_of_seeds((first, second), covariance, images=of_class)
        return difference > 0, student_test(difference, spread, name="", level=level).p_value
    weight = np.repeat([1 / seeds, -1 / seeds], seeds)
    deviation = np.sqrt(max(weight @ covariance @ weight, 1e-18))
    return difference > 0, float(2 * norm.sf(abs(difference) / deviation))
