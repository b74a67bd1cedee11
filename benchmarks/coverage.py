"""How often the intervals of metrics hold the truth, and how often tests of models cry wolf.

    python benchmarks/coverage.py [--count 1000] [--resamples 200] [--seed 0] [--parts intervals]

Draws test sets of calibrated models whose scores are normal in each class (the binormal model), of
20 to 2,000 images, half or a tenth of them corroded, each on its own or in groups of four that are
alike. Prints, for each kind of set, the share of intervals (nominal: 0.95) that hold the value of
the metric in the whole population; an interval that is undefined where the metric is defined holds
nothing. Then, for two models that are equally good, the share of sets in which each test calls them
different (nominal: 0.05), and what folds that are scaled differently make of the ROC-AUC. Last
comes the table of docs/results.md, of the kinds of sets that have enough of each class.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import expit, logit
from scipy.stats import norm

from corrosion.evaluation.areas import roc_areas, roc_estimate
from corrosion.evaluation.estimates import estimate_table
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import EVALUATED, METRICS, TESTED
from corrosion.evaluation.metrics import WeightedMetrics
from corrosion.evaluation.pair_tests import pair_tests
from corrosion.evaluation.predictions import groups_of
from corrosion.evaluation.run_tests import spread_of_folds, student_test

Floats = NDArray[np.float64]

AREAS = (0.970, 0.998)
SIZES = (20, 60, 100, 300, 1000, 2000)
COMPARED_SIZES = (60, 100, 300)
PREVALENCES = (0.5, 0.1)
GROUP_SIZES = (1, 4)
PARTS = ("intervals", "tests", "folds")
GOAL = (0.92, 0.98)  # what coverage shall lie in
ENOUGH = 10  # independent images of each class from which intervals shall hold what they promise
WITHIN = 0.8  # correlation of scores within a group
BETWEEN = 0.5  # correlation of two models' scores of an image
FOLDS = 5
SHIFT = 0.5  # standard deviation of the scores' shift from fold to fold


@dataclass(frozen=True)
class Case:
    """A kind of test set.

    Attributes:
        area: ROC-AUC of the model, in (0.5, 1).
        images: number of images.
        prevalence: share of corroded images, in (0, 1).
        group_size: images that are alike; 1 for none.
    """

    area: float
    images: int
    prevalence: float
    group_size: int

    @property
    def groups(self) -> int:
        """Number of groups of images."""
        return self.images // self.group_size

    @property
    def corroded(self) -> int:
        """Number of groups of corroded images."""
        return round(self.groups * self.prevalence)

    @property
    def is_enough(self) -> bool:
        """Whether there are independent images enough of each class."""
        return min(self.corroded, self.groups - self.corroded) >= ENOUGH

    @property
    def separation(self) -> float:
        """Distance of the classes' mean scores, whose variance is 1."""
        return float(np.sqrt(2) * norm.ppf(self.area))

    def probability(self, score: Floats) -> Floats:
        """Calibrated probabilities of corrosion of scores of any shape."""
        return expit(self.separation * score + logit(self.prevalence))


def cases(sizes: Sequence[int] = SIZES) -> Iterator[Case]:
    """All kinds of sets that have two groups of each class at least."""
    for case in (Case(*one) for one in product(AREAS, sizes, PREVALENCES, GROUP_SIZES)):
        if case.corroded >= 2:
            yield case


def draw(case: Case, generator: np.random.Generator, *, models: int = 1) -> list[pd.DataFrame]:
    """Predictions of equally good models for the same images: label, probability, group."""
    size = case.group_size
    label = np.repeat((np.arange(case.groups) < case.corroded).astype(np.int64), size)
    group = np.repeat(np.arange(case.groups), size)
    within = WITHIN if size > 1 else 0.0
    noise = np.zeros((models, len(label)))
    for share, shape in ((BETWEEN if models > 1 else 0.0, 1), (None, models)):
        weight = np.sqrt(share if share is not None else 1 - (BETWEEN if models > 1 else 0.0))
        shared = generator.normal(size=(shape, case.groups))[:, group]
        own = generator.normal(size=(shape, len(label)))
        noise = noise + weight * (np.sqrt(within) * shared + np.sqrt(1 - within) * own)
    probability = case.probability(noise + case.separation * (label - 0.5))
    table = pd.DataFrame({"label": label})
    if size > 1:
        table["group"] = group
    return [table.assign(probability=row) for row in probability]


def truth(case: Case, *, points: int = 20_000) -> dict[str, float]:
    """The metrics of the whole population, from a grid of quantiles of each class."""
    quantiles = norm.ppf((np.arange(points) + 0.5) / points)
    label = np.repeat([0, 1], points)
    score = np.tile(quantiles, 2) + case.separation * (label - 0.5)
    weight = np.where(label == 1, case.prevalence, 1 - case.prevalence)[None]
    values = WeightedMetrics(label, case.probability(score))(weight)
    return {name: float(values[name][0]) for name in EVALUATED} | {"auroc": case.area, "ece": 0.0}


@dataclass
class Held:
    """What became of a metric's intervals.

    Attributes:
        sets: number of sets on which the metric is defined.
        held: number of intervals that hold the truth.
        undefined: number of intervals that are undefined.
        expected: sum of the metric over what is expected of a calibrated model, where that is told.
    """

    sets: int = 0
    held: int = 0
    undefined: int = 0
    expected: float = 0.0

    def add(self, estimate: Estimate, true: float) -> None:
        """Count an estimate."""
        if np.isnan(estimate.value):
            return
        self.sets += 1
        self.undefined += bool(np.isnan(estimate.low))
        self.held += bool(estimate.low - 1e-9 <= true <= estimate.high + 1e-9)
        if getattr(estimate, "expected", None) is not None:
            self.expected += estimate.value / estimate.expected

    def __str__(self) -> str:
        if self.expected:
            return f"{self.expected / self.sets:.2f} x"
        share = f"{self.held / max(1, self.sets):.3f}"
        return share + (f" {self.undefined / self.sets:.0%}" if self.undefined else "")


def coverage(case: Case, *, count: int, resamples: int, seed: int) -> dict[str, Held]:
    """Coverage of the interval of each metric on sets of one kind."""
    generator, true = np.random.default_rng(seed), truth(case)
    found: dict[str, Held] = defaultdict(Held)
    for number in range(count):
        [table] = draw(case, generator)
        for name, estimate in estimate_table(table, count=resamples, seed=number).items():
            found[name].add(estimate, true[name])
    return found


def false_alarms(case: Case, *, count: int, resamples: int, seed: int) -> dict[str, float]:
    """Share of sets on which a test at 0.05 calls two equally good models different, by metric.

    By the tests of `compare_models`, without its bootstrap, which only gives intervals.
    """
    generator, alarms = np.random.default_rng(seed), dict.fromkeys(TESTED, 0)
    for number in range(count):
        a, b = draw(case, generator, models=2)
        for name, test in pair_tests(
            a["label"],
            a["probability"],
            b["probability"],
            group=groups_of(a),
            count=resamples,
            seed=number,
        ).items():
            alarms[name] += test.p_value < 0.05
    return {name: alarms[name] / count for name in TESTED}


def folded(case: Case, generator: np.random.Generator) -> list[pd.DataFrame]:
    """Predictions of two models over folds; the second's logits are shifted in each fold."""
    parts: list[list[pd.DataFrame]] = [[], []]
    for fold in range(FOLDS):
        a, b = draw(case, generator, models=2)
        shift = SHIFT * case.separation * generator.normal()
        b["probability"] = expit(logit(b["probability"]) + shift)
        for model, table in zip(parts, (a, b), strict=True):
            model.append(table.assign(test_fold=fold))
    return [pd.concat(tables, ignore_index=True) for tables in parts]


def fold_errors(case: Case, *, count: int, seed: int) -> dict[str, float]:
    """Bias and coverage of the ROC-AUC of shifted folds, and false alarms of its test, which is the
    one that `compare_models` takes for folds.
    """
    generator, alarms, errors, held = np.random.default_rng(seed), 0, [], Held()
    for _ in range(count):
        a, b = folded(case, generator)
        label, fold = b["label"].to_numpy(), b["test_fold"].to_numpy()
        scores = np.stack([a["probability"], b["probability"]])
        within = [
            roc_areas(label[rows], scores[:, rows]).values
            for rows in (fold == number for number in range(FOLDS))
        ]
        change = np.subtract(*np.transpose(within))
        spread = spread_of_folds(change, 1 / (FOLDS - 1))
        alarms += student_test(float(change.mean()), spread, name="").p_value < 0.05
        estimate = roc_estimate(b["label"], b["probability"], fold=b["test_fold"])
        errors.append(estimate.value - case.area)
        held.add(estimate, case.area)
    return {
        "bias": float(np.mean(errors)),
        "coverage": held.held / count,
        "told apart": float(alarms / count),
    }


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column names the rows."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=60 + 20 * len(columns)).print(table)


def named(case: Case) -> str:
    """A case in a few words; a star where sets have independent images enough."""
    groups = f" in groups of {case.group_size}" if case.group_size > 1 else ""
    star = "*" if case.is_enough else " "
    return f"{star} AUC {case.area}, {case.images} images, {case.prevalence:.0%}{groups}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="sets of each kind")
    parser.add_argument("--resamples", type=int, default=200, help="draws for each set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="images of a set")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args(arguments)
    settings = {name: getattr(options, name) for name in ("count", "resamples", "seed")}
    compared = [size for size in options.sizes if size in COMPARED_SIZES] or options.sizes
    held: dict[Case, dict[str, Held]] = {}
    alarms: dict[Case, dict[str, float]] = {}
    if "intervals" in options.parts:
        held = {case: coverage(case, **settings) for case in watched(options.sizes)}
        print_coverage(held)
    if "tests" in options.parts:
        alarms = {case: false_alarms(case, **settings) for case in watched(compared)}
        print_false_alarms(alarms)
    if "folds" in options.parts:
        print_folds(compared, count=options.count, seed=options.seed)
    if held or alarms:
        print_summary(held, alarms)


def watched(sizes: Sequence[int]) -> Iterator[Case]:
    """All kinds of sets, one after another, with a bar on a terminal."""
    yield from track(list(cases(sizes)), description="sets", console=Console(stderr=True))


def print_coverage(held: Mapping[Case, Mapping[str, Held]]) -> None:
    """Print the coverage of the intervals of each kind of sets."""
    print_table(
        "Share of 95 % intervals that hold the truth (*: 10 independent images of each class; n %: "
        "undefined; x: calibration error over that expected of a calibrated model)",
        ("sets", *EVALUATED),
        [(named(case), *(str(one[name]) for name in EVALUATED)) for case, one in held.items()],
    )


def print_false_alarms(alarms: Mapping[Case, Mapping[str, float]]) -> None:
    """Print how often equally good models are told apart."""
    print_table(
        "Share of sets on which a test at 0.05 tells equally good models apart",
        ("sets", *TESTED),
        [(named(case), *(f"{one[name]:.3f}" for name in TESTED)) for case, one in alarms.items()],
    )


def print_summary(
    held: Mapping[Case, Mapping[str, Held]], alarms: Mapping[Case, Mapping[str, float]]
) -> None:
    """Print what intervals and tests of each metric do on sets that are enough, as Markdown."""
    enough = {case: one for case, one in held.items() if case.is_enough}
    tested = {case: one for case, one in alarms.items() if case.is_enough}
    print(f"Of the sets with a star: {len(enough)} kinds for intervals, {len(tested)} for tests")
    columns = "metric", "coverage", "below 0.92", "above 0.98", "undefined", "told apart"
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name in EVALUATED:
        shares = [one[name] for one in tested.values() if name in one]
        apart = f"{max(shares):.3f}" if shares else "not tested"
        of_metric = [one[name] for one in enough.values()]
        row = (METRICS[name].title, *of_intervals(of_metric), apart)
        print(f"| {' | '.join(row)} |")


def of_intervals(held: Sequence[Held]) -> tuple[str, str, str, str]:
    """Mean (lowest to highest) coverage, kinds of sets below and above the goal, and undefined."""
    if not held:
        return "-", "-", "-", "-"
    if any(one.expected for one in held):
        ratios = np.array([one.expected / one.sets for one in held])
        return f"none; {told(ratios)} times what chance gives", "-", "-", "-"
    shares = np.array([one.held / max(1, one.sets) for one in held])
    undefined = max(one.undefined / max(1, one.sets) for one in held)
    below, above = int((shares < GOAL[0]).sum()), int((shares > GOAL[1]).sum())
    return told(shares), str(below), str(above), f"{undefined:.0%}"


def told(values: Floats) -> str:
    """Mean (lowest to highest)."""
    return f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})"


def print_folds(sizes: Sequence[int], *, count: int, seed: int) -> None:
    """Print what becomes of the ROC-AUC over folds that are scaled differently."""
    settings = {"count": count, "seed": seed}
    print_table(
        f"ROC-AUC over {FOLDS} folds whose scores are shifted; images of a fold",
        ("sets", "bias", "coverage", "told apart"),
        [
            (named(case), *(f"{value:.3f}" for value in fold_errors(case, **settings).values()))
            for case in cases(sizes)
            if case.group_size == 1
        ],
    )


if __name__ == "__main__":
    main()
