"""How often the risk of a band and the recall of a threshold are worse than what they stand for.

    python benchmarks/guarantees.py

Validation sets are drawn, bands and thresholds are chosen on them as `corrosion evaluate` does,
and what they truly do is computed, not estimated: scores are normal in both classes with the same
spread, and probabilities are exactly calibrated. "before" is without a confidence, "after" with
`--confidence 0.9`. A promise counts as broken where the true risk is above that of the band, or
the true recall below that of the threshold (with too few corroded images: below the recall that
was promised instead). Goal: broken in at most 10 % with the confidence. A band that sends all
photographs to an inspector breaks nothing; "decided" is what the others leave to the network.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from corrosion.evaluation.calibration import logit
from corrosion.evaluation.selective import Band, choose_band
from corrosion.evaluation.thresholds import at_least_recall

MAX_RISK, MIN_RECALL, THRESHOLD = 0.01, 0.98, 0.5


@dataclass(frozen=True)
class World:
    """Calibrated scores that are normal in both classes.

    Attributes:
        auc: area under the ROC curve.
        prevalence: share of corroded images.
    """

    auc: float
    prevalence: float

    @property
    def distance(self) -> float:
        """Distance of the classes' means in standard deviations."""
        return float(norm.ppf(self.auc) * np.sqrt(2))

    def draw(self, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Labels (N,) and probabilities (N,) of images; at least one of each class."""
        label = np.zeros(count, dtype=np.int64)
        while not 0 < label.sum() < count:
            label = (generator.random(count) < self.prevalence).astype(np.int64)
        score = generator.normal(size=count) + self.distance * label
        odds = np.log(self.prevalence / (1 - self.prevalence))
        return label, expit(self.distance * score - self.distance**2 / 2 + odds)

    def _below(self, probability: float) -> tuple[float, float]:
        """Shares of the sound and of the corroded images with a lower probability."""
        if probability in (0, 1):
            return probability, probability
        odds = np.log(self.prevalence / (1 - self.prevalence))
        score = (float(logit(probability)) + self.distance**2 / 2 - odds) / self.distance
        return float(norm.cdf(score)), float(norm.cdf(score - self.distance))

    def recall(self, threshold: float) -> float:
        """True recall of a threshold."""
        return 1 - self._below(min(threshold, 1.0))[1]

    def risk(self, band: Band) -> tuple[float, float]:
        """True risk of the decisions outside a band, and share of the images outside."""
        sound_low, corroded_low = self._below(band.low)
        sound_high, corroded_high = self._below(band.high)
        wrong = self.prevalence * corroded_low + (1 - self.prevalence) * (1 - sound_high)
        right = self.prevalence * (1 - corroded_high) + (1 - self.prevalence) * sound_low
        decided = wrong + right
        return (wrong / decided if decided > 0 else 0.0), decided


def simulate(
    world: World, count: int, *, cases: int, confidence: float, seed: int
) -> dict[str, float]:
    """Shares of cases in which a figure is worse than what it stands for.

    Args:
        world: where validation images come from.
        count: number of validation images.
        cases: number of validation sets.
        confidence: of the promises "after".
        seed: seed of the sets.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(cases):
        label, probability = world.draw(count, generator)
        row = {}
        for name, asked in (("before", None), ("after", confidence)):
            band = choose_band(label, probability, max_risk=MAX_RISK, confidence=asked)
            threshold = at_least_recall(label, probability, MIN_RECALL, confidence=asked)
            risk, decided = world.risk(band)
            promised = float(threshold.rule.split()[3].rstrip(","))
            row |= {
                f"risk {name}": risk > MAX_RISK,
                f"decided {name}": decided,
                f"recall {name}": world.recall(threshold.value) < promised,
                f"{MIN_RECALL:g} promised": threshold.note is None,
            }
        rows.append(row)
    return pd.DataFrame(rows).astype(float).mean().to_dict()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table, a row for each world and number of images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000, help="validation sets a row")
    parser.add_argument("--confidence", type=float, default=0.9)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 230, 400, 1000])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rows = []
    for auc, prevalence, images in itertools.product((0.970, 0.998), (0.5, 0.1), options.images):
        found = simulate(
            World(auc, prevalence),
            images,
            cases=options.cases,
            confidence=options.confidence,
            seed=options.seed,
        )
        rows.append({"AUC": auc, "corroded": prevalence, "images": images, **found})
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    for figure in ("risk", "recall"):
        print(
            f"{figure}: broken in up to {table[f'{figure} after'].max():.1%} with confidence "
            f"{options.confidence:g}, {table[f'{figure} before'].max():.1%} without"
        )


if __name__ == "__main__":
    main()
