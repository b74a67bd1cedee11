"""How often a comparison calls one of two equally good recipes better.

    python benchmarks/recipe_errors.py [--count 400] [--images 300] [--resamples 200] [--seed 0]
    python benchmarks/recipe_errors.py --plan 0.04 [--pilots 10] [--pilot-runs 3] [--runs RUN ...]

Two recipes of the same skill are trained several times. Each run's skill deviates, so that its
accuracy has the standard deviation given (1 and 3 points), and it judges the test images with
what all networks see in an image and what it alone sees (binormal scores, ROC-AUC 0.97). Prints
the share of comparisons with p < 0.05 (nominal: 0.05) for accuracy, F1, ROC-AUC and log loss: of
single runs, of 2, 3 and 5 seeds on one test set, of 5 folds, whose networks differ independently of
each other or alike by a fifth, since their training sets overlap. Beside it stands the share
in which something is said of the recipes themselves. Works on earlier versions too, in
which every test spoke of the recipes.

With `--plan 0.04` one recipe is worse by 0.04 of accuracy. Several pilots, of three runs of the
better recipe each, are drawn; from each `corrosion plan` says how many images find the difference
in 80 of 100 comparisons with 1, 3, 5 and 20 runs. As many are drawn, and the share is printed in
which the comparison finds it: mean and range over the pilots. Where a plan asks for more runs
instead of images there is nothing to find. With `--runs` it is given these runs instead, and
comparisons are drawn from their predictions as it takes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from scipy.stats import norm

from corrosion.evaluation.model_tests import compare_models
from corrosion.evaluation.planning import images_needed
from corrosion.evaluation.planning_basis import Basis, basis
from corrosion.evaluation.pooling import pool
from corrosion.evaluation.resampling import resamples as weights
from corrosion.evaluation.run_tests import ENOUGH_RUNS, compare_seeds
from corrosion.evaluation.significance import mcnemar
from corrosion.runs import find_runs

Floats = NDArray[np.float64]

AREA = 0.97
IMAGE = 0.55  # share of an image's noise that all networks see
RECIPE = 0.15  # that the runs of a recipe see: half of a run's own, as recipe_agreement.py measures
METRICS = ("accuracy", "f1", "auroc", "log_loss")
MODELS = "the models"
POWER = 0.8
PLANNED = (1, 3, 5, 20)
SPREADS = (0.01, 0.03)
PILOT = 2000  # images of the runs that a plan is made from
Tables = list[pd.DataFrame]
Draw = Callable[[int, int, np.random.Generator], tuple[Tables, Tables]]


@dataclass(frozen=True)
class Case:
    """A kind of comparison.

    Attributes:
        spread: standard deviation of a run's accuracy on all images, in (0, 1).
        runs: seeds, or folds, of each recipe.
        folds: whether they are folds.
        alike: correlation of the runs' skill.
    """

    spread: float
    runs: int
    folds: bool = False
    alike: float = 0.0

    def __str__(self) -> str:
        kind = "folds" if self.folds else "seed" + "s" * (self.runs > 1)
        alike = f", alike by {self.alike:g}" if self.folds else ""
        return f"SD {100 * self.spread:g} points, {self.runs} {kind}{alike}"


def cases() -> list[Case]:
    """All kinds of comparisons."""
    return [
        case
        for spread in (0.0, 0.01, 0.03)
        for case in (
            *(Case(spread, runs) for runs in (1, 2, 3, 5)),
            *(Case(spread, 5, folds=True, alike=alike) for alike in (0.0, 0.2)),
        )
    ]


def draw(
    case: Case, images: int, generator: np.random.Generator, *, worse: float = 0.0
) -> tuple[Tables, Tables]:
    """The runs of two recipes on the same images, the second's accuracy lower by `worse`."""
    separation = np.sqrt(2) * norm.ppf(AREA)
    lower = 2 * norm.ppf(norm.cdf(separation / 2) - worse) - separation
    label = np.arange(images) % 2
    fold = np.arange(images) // 2 % case.runs if case.folds else np.zeros(images, np.int64)
    everyone = generator.normal(size=images)
    recipes = []
    for less in (0.0, lower):
        # accuracy is Phi(separation / 2): its slope turns points into a shift of the separation
        scale = case.spread / (norm.pdf((separation + less) / 2) / 2)
        own = generator.normal(size=images)
        shared = np.sqrt(case.alike) * generator.normal()
        tables = []
        for _ in range(case.runs):
            noise = generator.normal(size=images)
            score = np.sqrt(IMAGE) * everyone + np.sqrt(RECIPE) * own
            score = score + np.sqrt(1 - IMAGE - RECIPE) * noise
            skill = shared + np.sqrt(1 - case.alike) * generator.normal()
            score = score + (label - 0.5) * (separation + less + scale * skill)
            paths = np.arange(images).astype(str)
            table = {"path": paths, "label": label, "probability": expit(separation * score)}
            tables.append(pd.DataFrame(table))
        if case.folds:
            parts = [table[fold == number] for number, table in enumerate(tables)]
            of_folds = [part.assign(test_fold=number) for number, part in enumerate(parts)]
            tables = [pd.concat(of_folds, ignore_index=True)]
        recipes.append(tables)
    return recipes[0], recipes[1]


def false_finds(case: Case, *, count: int, images: int, resamples: int, seed: int) -> pd.DataFrame:
    """Of each of `METRICS` the share of comparisons that find a difference, and that claim one of
    the recipes.
    """
    generator = np.random.default_rng(seed)
    found = pd.DataFrame(0.0, index=METRICS, columns=["found", "of the recipes"])
    for number in range(count):
        a, b = draw(case, images, generator)
        tests = compare_models({"a": a, "b": b}, count=resamples, seed=number)
        tests = tests.set_index("metric").loc[list(METRICS)]
        significant = tests["p_value"] < 0.05
        about = tests["speaks_of"] == MODELS if "speaks_of" in tests else True
        found["found"] += significant / count
        found["of the recipes"] += (significant & about) / count
    return found


def drawn_from(of: Basis, difference: float) -> Draw:
    """Comparisons of runs like those that a plan was made from with ones that are worse."""

    def draw_runs(seeds: int, images: int, generator: np.random.Generator) -> tuple[Tables, Tables]:
        label, paths = of.scores.labels(images), np.arange(images).astype(str)
        values = np.repeat([of.value, of.value - difference], seeds)
        if seeds >= ENOUGH_RUNS:
            values = values + generator.choice(of.spreads) * generator.normal(size=2 * seeds)
        tables = [
            pd.DataFrame({"path": paths, "label": label, "probability": expit(score)})
            for score in of.draw(values, label, generator)
        ]
        return tables[:seeds], tables[seeds:]

    return draw_runs


@dataclass(frozen=True)
class Planned:
    """What became of a plan.

    Attributes:
        seeds: runs of each recipe, one of `PLANNED`.
        images: that the plan asks for; None where it asks for more seeds.
        found: share of comparisons with as many that find the worse recipe worse; NaN for None.
    """

    seeds: int
    images: int | None
    found: float


def planned_finds(
    of: Basis, draw_runs: Draw, *, difference: float, count: int, resamples: int, seed: int
) -> list[Planned]:
    """What becomes of the plans that are made from a pilot."""
    generator, plans = np.random.default_rng(seed), []
    for seeds in PLANNED:
        images = images_needed(of, difference, seeds=seeds, power=POWER, level=0.95, count=200)
        found = 0
        for number in range(count if images else 0):
            a, b = draw_runs(seeds, images or 0, generator)
            p_value, lower = accuracy_test(a, b, resamples=resamples, seed=number)
            found += p_value < 0.05 and lower > 0
        plans.append(Planned(seeds, images, found / count if images else np.nan))
    return plans


def accuracy_test(a: Tables, b: Tables, *, resamples: int, seed: int) -> tuple[float, float]:
    """The p-value that `compare_models` has for accuracy, and the difference, in a tenth of its
    time.
    """
    label = a[0]["label"].to_numpy()
    right = [np.stack([(one["probability"] >= 0.5) == label for one in runs]) for runs in (a, b)]
    values = [one.mean(axis=1) for one in right]
    lower = float(values[0].mean() - values[1].mean())
    if len(a) == len(b) == 1:
        return mcnemar(right[0][0], right[1][0]).p_value, lower
    weight = np.concatenate(list(weights(label, count=resamples, seed=seed)))
    drawn = [one @ weight.T / len(label) for one in right]
    least = int(np.bincount(label).min())
    found = compare_seeds((values[0], values[1]), (drawn[0], drawn[1]), images=least)
    return found.p_value, lower


def check_plan(
    runs: Sequence[Path],
    *,
    difference: float,
    pilots: int,
    pilot_runs: int,
    count: int,
    resamples: int,
    seed: int,
) -> list[tuple[str, Planned]]:
    """What becomes of plans: from runs, or from pilots of simulated ones that scatter by
    `SPREADS`.
    """
    settings = {"difference": difference, "count": count, "resamples": resamples}
    if runs:
        [model] = pool(find_runs(runs))
        of = basis(model.tables, metric="accuracy", threshold=model.threshold)
        return [
            (model.name, one)
            for one in planned_finds(of, drawn_from(of, difference), seed=seed, **settings)
        ]
    plans = []
    for spread, number in product(SPREADS, range(pilots)):
        generator = np.random.default_rng([seed, number])
        pilot, _ = draw(Case(spread, pilot_runs), PILOT, generator)
        of = basis(pilot, metric="accuracy", threshold=0.5)

        def compared(
            seeds: int, images: int, generator: np.random.Generator, spread: float = spread
        ) -> tuple[Tables, Tables]:
            # a plan for single runs takes the difference as that of the two checkpoints
            case = Case(spread if seeds >= ENOUGH_RUNS else 0.0, seeds)
            return draw(case, images, generator, worse=difference)

        found = planned_finds(of, compared, seed=seed + number, **settings)
        plans += [(f"SD {100 * spread:g} points", one) for one in found]
    return plans


def summary(plans: Sequence[tuple[str, Planned]]) -> Iterator[tuple[str, ...]]:
    """Rows: of each kind of plan the pilots that give a number, the numbers, and what was found."""
    kinds = list(dict.fromkeys((name, one.seeds) for name, one in plans))
    for name, seeds in kinds:
        every = [one for kind, one in plans if (kind, one.seeds) == (name, seeds)]
        told = [one for one in every if one.images is not None]
        row = (name, str(seeds), f"{len(told)} of {len(every)}")
        if not told:
            yield (*row, "-", "-")
            continue
        images, found = ([getattr(one, field) for one in told] for field in ("images", "found"))
        yield (
            *row,
            f"{np.median(images):.0f} ({min(images)} to {max(images)})",
            f"{np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=400, help="comparisons of each kind")
    parser.add_argument("--images", type=int, default=300, help="test images")
    parser.add_argument("--resamples", type=int, default=200, help="resamples of each comparison")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plan", type=float, help="difference in accuracy of plans to check")
    parser.add_argument("--pilots", type=int, default=10, help="pilots to plan from")
    parser.add_argument("--pilot-runs", type=int, default=3, help="runs of a pilot")
    parser.add_argument("--runs", type=Path, nargs="+", default=(), help="runs to plan from")
    options = vars(parser.parse_args(arguments))
    plan, runs = options.pop("plan"), options.pop("runs")
    if plan is not None:
        del options["images"]
        table = Table(
            "planned from", "runs of each", "pilots with a number", "images asked for", "found",
            title_justify="left",
            title=f"Share of {options['count']} comparisons that find a difference of {plan:g} in "
            f"accuracy, planned for {POWER:g}: median or mean (range) over the pilots",
        )  # fmt: skip
        for row in summary(check_plan(runs, difference=plan, **options)):
            table.add_row(*row)
        Console(width=120).print(table)
        return
    del options["pilots"], options["pilot_runs"]
    table = Table(
        title=f"Share of {options['count']} comparisons ({options['images']} images) in which one "
        f"of two equally good recipes is found better: any / said of the recipes",
        title_justify="left",
    )
    for column in ("runs", *METRICS):
        table.add_column(column, no_wrap=True)
    for case in cases():
        found = false_finds(case, **options)
        table.add_row(str(case), *(f"{row[0]:.3f} / {row[1]:.3f}" for row in found.to_numpy()))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
