"""Which rule makes the probability of an asset of those of its photographs.

    python benchmarks/asset_probability.py --choose RUN ... --show RUN ... [--assets 200] [--seed 0]

RUN is a finished run, or a folder of runs as of the folds of a cross-validation. Assets are made of
its test photographs: a sound one of n sound photographs; a corroded one of n photographs of which k
are corroded, with k drawn from 1 to n (`any`) or always 1 (`one`). `copies` are as `any`, but each
photograph counts three times, as views of one spot do. All photographs of an asset come from the
test photographs of one run; what has parameters is fitted on the validation photographs of it.

Printed are, for each rule, kind of asset and n: ROC-AUC, Brier score and expected calibration error
(10 bins of equal width) with as many sound as corroded assets; false alarms, the share of the
sound assets whose probability reaches 0.5; and detected, that of the corroded. The rules are
compared by their mean Brier score over `any`, `one` and all n, on the runs of --choose and, to see
whether that holds, on those of --show.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.special import expit, gammaln, logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from corrosion.errors import CorrosionError
from corrosion.evaluation.asset_probability import RULE, asset_probability
from corrosion.report.tables import TextTable
from corrosion.runs import RunDirectory, Subset, find_runs
from corrosion.system.files import write_json

Floats = NDArray[np.float64]
Rule = Callable[[Floats], float]

COUNTS = (1, 2, 5, 10, 20, 50)
KINDS = ("any", "one", "copies")
_COPIES = 3
_BINS = 10
_THRESHOLD = 0.5
_SUREST = 1 - 1e-6


@dataclass(frozen=True)
class Photographs:
    """Probabilities of sound and corroded photographs."""

    sound: Floats
    corroded: Floats


@dataclass(frozen=True)
class Fold:
    """The photographs of a run."""

    validation: Photographs
    test: Photographs


def main() -> None:
    options = parse()
    console, figures = Console(width=200), {}
    for purpose in ("choose", "show"):
        folds = [read_fold(run.path) for run in find_runs(getattr(options, purpose))]
        if not folds:
            continue
        found = measure(folds, assets=options.assets, seed=options.seed)
        for kind in KINDS:
            table_of(f"{purpose}: {kind}", found, kind).print(console)
        means = {rule: mean_brier(found, rule) for rule in found}
        rows = [(rule, f"{means[rule]:.4f}") for rule in sorted(means, key=means.__getitem__)]
        TextTable.of(f"{purpose}: mean Brier score", ("rule", "any, one"), rows).print(console)
        figures[purpose] = {
            rule: {f"{kind} {count}": list(cell) for (kind, count), cell in cells.items()}
            for rule, cells in found.items()
        }
    if options.json is not None:
        write_json(options.json, figures)


def read_fold(path: Path) -> Fold:
    """What a run says of its validation and its test photographs."""
    run = RunDirectory.of(path)
    return Fold(_photographs(run, "val"), _photographs(run, "test"))


def _photographs(run: RunDirectory, subset: Subset) -> Photographs:
    table = run.read_predictions(subset)
    values = table["probability"].to_numpy(float)
    corroded = table["label"].to_numpy() == 1
    if corroded.all() or not corroded.any():
        raise CorrosionError(f"{run.path}: the {subset} photographs are all of one class.")
    return Photographs(values[~corroded], values[corroded])


def odds(probabilities: Floats) -> Floats:
    """Odds, of probabilities that are not quite 0 or 1."""
    bounded = np.clip(probabilities, 1 - _SUREST, _SUREST)
    return bounded / (1 - bounded)


def noisy_or(probabilities: Floats) -> float:
    """Pearl's noisy-or: photographs are independent evidence of corrosion."""
    return float(1 - np.prod(1 - probabilities))


def discounted_or(probabilities: Floats) -> float:
    """The noisy-or of sqrt(n) independent photographs."""
    logs = np.log1p(-np.minimum(probabilities, _SUREST)).sum()
    return float(1 - np.exp(logs / np.sqrt(len(probabilities))))


def top(share: float, least: int) -> Rule:
    """The mean of the highest ones."""

    def rule(probabilities: Floats) -> float:
        kept = max(least, int(np.ceil(share * len(probabilities))))
        return float(np.sort(probabilities)[-kept:].mean())

    return rule


def any_number(probabilities: Floats) -> float:
    """Bayes' rule where k of the n photographs show corrosion, k with a chance as 1 / k.

    The likelihood ratio of k is the mean product of the ratios of k photographs.
    """
    ratios, size = np.log(odds(probabilities)), len(probabilities)
    products = np.full(size + 1, -np.inf)
    products[0] = 0
    for number, ratio in enumerate(ratios):
        products[1 : number + 2] = np.logaddexp(
            products[1 : number + 2], products[: number + 1] + ratio
        )
    k = np.arange(1, size + 1)
    ways = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1)
    chance = -np.log(k) - logsumexp(-np.log(k))
    return float(expit(logsumexp(products[1:] - ways + chance)))


def corrected_maximum(validation: Photographs) -> Rule:
    """The chance that n sound photographs have no probability as high, by those of validation."""

    def rule(probabilities: Floats) -> float:
        above = (validation.sound >= probabilities.max()).sum()
        return float((1 - (1 + above) / (1 + len(validation.sound))) ** len(probabilities))

    return rule


def pooled(validation: Photographs) -> Rule:
    """Logistic regression on the highest and the mean logit and log n, of validation's groups."""
    generator = np.random.default_rng(0)
    groups = [
        (_features(values), corroded)
        for kind in KINDS[:2]
        for count in COUNTS
        for values, corroded in assets_of(validation, kind, count, 50, generator)
    ]
    features, labels = zip(*groups, strict=True)
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(np.array(features), np.array(labels))
    return lambda probabilities: float(fitted.predict_proba([_features(probabilities)])[0, 1])


def _features(probabilities: Floats) -> Floats:
    logits = np.log(odds(probabilities))
    return np.array([logits.max(), logits.mean(), np.log(len(logits))])


def rules(validation: Photographs) -> Mapping[str, Rule]:
    """All rules by name, fitted where they need it."""
    return {
        "maximum": lambda probabilities: float(probabilities.max()),
        "noisy-or": noisy_or,
        "noisy-or of sqrt(n)": discounted_or,
        "mean of the top 3": top(0, 3),
        "mean of the top fifth": top(0.2, 1),
        "corrected maximum": corrected_maximum(validation),
        "any number (1/k)": any_number,
        "logistic pooling": pooled(validation),
        RULE: lambda probabilities: asset_probability(list(probabilities)),
    }


def assets_of(
    photographs: Photographs, kind: str, count: int, number: int, generator: np.random.Generator
) -> Iterator[tuple[Floats, int]]:
    """Sound and corroded assets in turn: probabilities of n photographs, and the label."""
    copies = _COPIES if kind == "copies" else 1
    seen = max(1, count // copies)

    def draw(values: Floats, size: int) -> Floats:
        return generator.choice(values, size, replace=size > len(values))

    for _ in range(number):
        yield np.repeat(draw(photographs.sound, seen), copies), 0
        corroded = 1 if kind == "one" else int(generator.integers(1, seen + 1))
        mixed = (draw(photographs.corroded, corroded), draw(photographs.sound, seen - corroded))
        yield np.repeat(np.concatenate(mixed), copies), 1


Cells = Mapping[tuple[str, int], tuple[float, float, float, float, float]]


def measure(folds: Sequence[Fold], *, assets: int, seed: int) -> Mapping[str, Cells]:
    """For each rule, kind and n: ROC-AUC, Brier, calibration error, false alarms, detected."""
    generator = np.random.default_rng(seed)
    fitted = [rules(fold.validation) for fold in folds]
    found: dict[str, dict[tuple[str, int], tuple[float, float, float, float, float]]] = {}
    for kind in KINDS:
        for count in COUNTS:
            made = [
                (one, list(assets_of(fold.test, kind, count, assets, generator)))
                for one, fold in zip(fitted, folds, strict=True)
            ]
            label = np.array([corroded for _, drawn in made for _, corroded in drawn])
            for name in fitted[0]:
                said = np.array([one[name](values) for one, drawn in made for values, _ in drawn])
                found.setdefault(name, {})[kind, count] = (
                    float(roc_auc_score(label, said)),
                    float(brier_score_loss(label, said)),
                    calibration_error(label, said),
                    float((said[label == 0] >= _THRESHOLD).mean()),
                    float((said[label == 1] >= _THRESHOLD).mean()),
                )
    return found


def calibration_error(label: NDArray[np.int64], said: Floats) -> float:
    """Expected calibration error, of bins of equal width."""
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            (bins == one).mean() * abs(said[bins == one].mean() - label[bins == one].mean())
            for one in np.unique(bins)
        )
    )


def mean_brier(found: Mapping[str, Cells], rule: str) -> float:
    """The mean Brier score of a rule, over assets with one and with any number corroded."""
    return float(np.mean([cell[1] for (kind, _), cell in found[rule].items() if kind in KINDS[:2]]))


def table_of(title: str, found: Mapping[str, Cells], kind: str) -> TextTable:
    """A table of a kind of assets: a row a rule, a column an n."""
    heads = [f"n = {count}" for count in COUNTS]
    rows = []
    for rule, cells in found.items():
        shown = [cells[kind, count] for count in COUNTS]
        rows.append((rule, *(" ".join(f"{value:.2f}" for value in cell) for cell in shown)))
    return TextTable.of(
        f"{title} (ROC-AUC, Brier, calibration error, false alarms, detected)",
        ("rule", *heads),
        rows,
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--choose", type=Path, nargs="+", required=True, metavar="RUN")
    parser.add_argument("--show", type=Path, nargs="+", default=[], metavar="RUN")
    parser.add_argument("--assets", type=int, default=200, help="of each class, kind, n and run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
