"""Seconds of all metrics on 2,000 resamples of 10,000 predictions, which tests of models take.

    python benchmarks/bootstrap.py [--images 10000] [--resamples 2000] [--plain 20]

Beside it a bootstrap written out: scikit-learn's metrics on each resample, for `--plain` resamples,
counted up to as many. Prints both times and their ratio.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from sklearn import metrics

from corrosion.evaluation.repeats import resampled_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=2_000)
    parser.add_argument("--plain", type=int, default=20)
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    label = np.arange(options.images) % 2
    probability = 1 / (1 + np.exp(-generator.normal(size=options.images) - 2 * (label - 0.5)))

    started = time.perf_counter()
    table = pd.DataFrame({"label": label, "probability": probability})
    resampled_runs({"": [table]}, {"": 0.5}, count=options.resamples, seed=0)
    ours = time.perf_counter() - started

    started = time.perf_counter()
    for _ in range(options.plain):
        drawn = generator.integers(options.images, size=options.images)
        of_scikit_learn(label[drawn], probability[drawn])
    plain = (time.perf_counter() - started) / options.plain * options.resamples

    print(f"{options.resamples} resamples of {options.images} predictions, all metrics")
    print(f"corrosion      {ours:8.2f} s")
    print(f"scikit-learn   {plain:8.2f} s (from {options.plain} resamples)")
    print(f"ratio          {plain / ours:8.1f}")


def of_scikit_learn(label: np.ndarray, probability: np.ndarray) -> None:
    decided = probability >= 0.5
    for metric in (
        metrics.accuracy_score,
        metrics.precision_score,
        metrics.recall_score,
        metrics.f1_score,
        metrics.cohen_kappa_score,
        metrics.matthews_corrcoef,
        metrics.balanced_accuracy_score,
    ):
        metric(label, decided)
    metrics.roc_auc_score(label, probability)
    metrics.average_precision_score(label, probability)
    metrics.average_precision_score(1 - label, 1 - probability)
    metrics.brier_score_loss(label, probability)
    metrics.log_loss(label, probability)


if __name__ == "__main__":
    main()
