"""How much more the runs of two models differ from each other than runs of one do.

    python benchmarks/recipe_agreement.py RUN ... [--count 500] [--seed 0]

Takes runs of several models on the same test images, two of each at least (directories, as for
`corrosion compare`). Prints, for each pair of models, the share of images that two runs of one and
that runs of both decide differently; how errors are correlated (tetrachoric: the correlation of two
normal scores that are beyond their thresholds together as often as two runs err together); and the
excess, by how much more, in the variance of these scores, runs of both differ than runs of one.
`corrosion plan` takes it for a half. With the 95 % interval of the test images (bootstrap).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import ndtr, ndtri

from corrosion.errors import CorrosionError
from corrosion.evaluation.alignment import align_runs
from corrosion.evaluation.pooling import pool
from corrosion.evaluation.predictions import groups_of
from corrosion.evaluation.resampling import resamples
from corrosion.runs import find_runs

Floats = NDArray[np.float64]
_CORRELATIONS = np.linspace(0, 0.999, 400)


@dataclass(frozen=True)
class Agreement:
    """How runs of two models agree.

    Attributes:
        differing: shares of images that runs of the first, of the second and of both decide
            differently.
        correlation: of errors, likewise.
    """

    differing: tuple[float, float, float]
    correlation: tuple[float, float, float]

    @property
    def excess(self) -> float:
        """By how much more runs of both differ than runs of one, in the variance of scores."""
        *within, across = self.correlation
        alike = float(np.mean(within))
        return (alike - across) / (1 - alike) if alike < 1 else np.nan


def tetrachoric(first: float, second: float, together: float) -> float:
    """The correlation of normal scores, in [0, 1), of two errors.

    Args:
        first: share of images on which the one errs, in (0, 1).
        second: on which the other does.
        together: on which both do.
    """
    # the chance of both grows by the density at both thresholds (Plackett, Biometrika 41, 1954)
    a, b, r = ndtri(first), ndtri(second), _CORRELATIONS
    density = np.exp(-(a**2 - 2 * r * a * b + b**2) / (2 * (1 - r**2)))
    density /= 2 * np.pi * np.sqrt(1 - r**2)
    steps = (density[1:] + density[:-1]) / 2 * np.diff(r)
    chance = ndtr(a) * ndtr(b) + np.concatenate([[0.0], np.cumsum(steps)])
    return float(np.interp(together, chance, r))


def agreement(
    first: NDArray[np.bool_], second: NDArray[np.bool_], weight: Floats | None = None
) -> Agreement:
    """How the runs of two models agree.

    Args:
        first: (R, N) whether each run of the first model errs on each image; R is 2 at least.
        second: (S, N) the same of the second.
        weight: (N,) how often each image counts; once if None.
    """
    runs = np.concatenate([first, second]).astype(np.float64)
    share = np.ones(runs.shape[1]) if weight is None else weight
    share = share / share.sum()
    together, errs, split = (runs * share) @ runs.T, runs @ share, len(first)
    numbers = range(len(runs))
    kinds = (
        [pair for pair in combinations(numbers, 2) if pair[1] < split],
        [pair for pair in combinations(numbers, 2) if pair[0] >= split],
        [pair for pair in combinations(numbers, 2) if pair[0] < split <= pair[1]],
    )
    differing, correlation = [], []
    for pairs in kinds:
        a, b = np.array(pairs).T
        both, of_a, of_b = together[a, b].mean(), errs[a].mean(), errs[b].mean()
        differing.append(float(of_a + of_b - 2 * both))
        correlation.append(tetrachoric(of_a, of_b, both))
    return Agreement(
        (differing[0], differing[1], differing[2]), (correlation[0], correlation[1], correlation[2])
    )


def rows(paths: Sequence[Path], *, count: int, seed: int) -> list[tuple[str, ...]]:
    """A row a pair of models."""
    models = pool(find_runs(paths))
    if few := [one.name for one in models if len(one.tables) < 2]:
        raise CorrosionError(f"One run of {', '.join(few)}: give two of each model at least.")
    tables = align_runs({one.name: one.tables for one in models})
    reference = tables[models[0].name][0]
    label = reference["label"].to_numpy(np.int64)
    errs = {
        one.name: np.stack(
            [(run["probability"] >= one.threshold) != label for run in tables[one.name]]
        )
        for one in models
    }
    drawn = np.concatenate(
        list(resamples(label, group=groups_of(reference), count=count, seed=seed))
    )
    found: list[tuple[str, ...]] = []
    for a, b in combinations(errs, 2):
        seen = agreement(errs[a], errs[b])
        excess = [agreement(errs[a], errs[b], weight).excess for weight in drawn]
        low, high = np.nanquantile(excess, (0.025, 0.975))
        found.append(
            (
                f"{a} / {b}",
                " / ".join(f"{one.mean():.3f}" for one in (1 - errs[a], 1 - errs[b])),
                " / ".join(f"{one:.3f}" for one in seen.differing),
                " / ".join(f"{one:.2f}" for one in seen.correlation),
                f"{seen.excess:.2f} ({low:.2f} to {high:.2f})",
            )
        )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", help="directories of runs")
    parser.add_argument("--count", type=int, default=500, help="resamples of the test images")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    columns = ("models", "accuracy", "decided differently", "errors correlated", "excess")
    table = Table(*columns, title="within the first / within the second / between both")
    for row in rows(options.runs, count=options.count, seed=options.seed):
        table.add_row(*row)
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
