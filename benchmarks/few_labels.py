"""How accurate a network is from few labels, chosen by `corrosion next` and otherwise.

    OMP_NUM_THREADS=1 python benchmarks/few_labels.py PHOTOS [PHOTOS ...] [--out FOLDER]

PHOTOS are folders of labelled photographs, whose labels are hidden and asked for one after the
other. Each repetition holds 30 % of the groups of near-duplicates back to test on. From the others
a strategy chooses the first 20 without a label, then goes on to 40, 80 and 160; after each round a
logistic regression (`fit_logistic`, C = 0.1: nothing is held back to choose it by) is fitted on the
features of EfficientNet-Lite0 at 288 px for all labels there are. Printed and written to FOLDER
(few_labels.json, few_labels.png) are the means over the repetitions, and their differences, paired
by repetition, from choice at random of as many and of twice as many labels. Intervals of 95 % are
Student's over the repetitions: they tell how much the division and the draw matter, not what other
photographs would give.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from few_labels_strategies import NEXT, RANDOM, STRATEGIES, Round, Rows
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.prepare import prepare_records
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.logistic_head import fit_logistic
from corrosion.models.pooled_features import feature_cache, pooled_features
from corrosion.selection.choose_next import imagenet_network
from corrosion.settings.data import DataSettings
from corrosion.system.files import replacing, write_json

TESTED = 0.3
STRENGTH = 0.1
METRICS = ("accuracy", "auroc")
Floats = NDArray[np.floating]


def main() -> None:
    options = parse()
    network = imagenet_network("cpu")
    found = []
    for root in options.photos:
        features, labels, groups = photographs(root, network)
        rows = simulate(features, labels, groups, options.labels, options.repetitions)
        found.append(rows.assign(data=root.resolve().name))
        print(f"\n{root.resolve().name}: {len(labels)} photographs, {labels.sum()} corroded")
        print(wide(summary(rows)), flush=True)
    table = pd.concat(found)
    options.out.mkdir(parents=True, exist_ok=True)
    summaries = {name: summary(rows).to_dict("records") for name, rows in table.groupby("data")}
    write_json(options.out / "few_labels.json", summaries)
    with replacing(options.out / "few_labels.png") as path:
        draw(table).savefig(path, dpi=120)


def photographs(
    root: Path, network: CorrosionClassifier
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Features (N, C), labels (N,) and groups of near-duplicates (N,) of a folder."""
    records = prepare_records(DataSettings(source="folder", root=root)).records
    data = CorrosionDataModule(
        records, image_size=network.image_size, resize=network.resize, num_workers=0, cache=False
    )
    features = pooled_features(network, data, records, feature_cache(network))
    return features.astype(float), records["label"].to_numpy(int), records["group"].to_numpy(int)


def simulate(
    features: Floats,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    sizes: Sequence[int],
    repetitions: int,
) -> pd.DataFrame:
    """One row a strategy, repetition and number of labels, with its metrics on the test images."""
    divisions = GroupShuffleSplit(repetitions, test_size=TESTED, random_state=0)
    rows = []
    for repetition, (pool, test) in enumerate(divisions.split(features, labels, groups)):
        for name, strategy in STRATEGIES.items():
            chosen = np.zeros(0, int)
            probability = None
            generator = np.random.default_rng((repetition, 0))
            for size in sizes:
                free = candidates(pool, chosen, groups, generator, twins=name == RANDOM)
                now = Round(
                    features[free],
                    features[chosen],
                    None if probability is None else probability[free],
                    size - len(chosen),
                    generator,
                )
                chosen = np.concatenate([chosen, free[ask(strategy, now)]])
                logits = fitted(features[chosen], labels[chosen])(features)
                probability = 1 / (1 + np.exp(-logits))
                metrics = judged(logits[test], labels[test])
                rows.append({"strategy": name, "repetition": repetition, "labels": size, **metrics})
    return pd.DataFrame(rows)


def candidates(
    pool: Rows, chosen: Rows, groups: Rows, generator: np.random.Generator, *, twins: bool
) -> Rows:
    """Photographs that may be chosen, one of each group unless `twins` are welcome."""
    free = generator.permutation(np.setdiff1d(pool, chosen))
    if twins:
        return free
    free = free[~np.isin(groups[free], groups[chosen])]
    return free[np.unique(groups[free], return_index=True)[1]]


def ask(strategy: Callable[[Round], Rows], now: Round) -> Rows:
    rows = strategy(now)
    if len(set(rows.tolist())) != now.count:
        raise ValueError(f"{len(set(rows.tolist()))} photographs chosen instead of {now.count}")
    return rows


def fitted(features: Floats, labels: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    """Logits by features; where all labels are the same, that class for all."""
    if len(np.unique(labels)) < 2:
        return lambda others: np.full(len(others), 2.0 * labels[0] - 1)
    return fit_logistic(features, labels, features, labels, strengths=[STRENGTH]).logits


def judged(logits: Floats, labels: NDArray[np.int64]) -> dict[str, float]:
    accuracy = float(((logits > 0) == labels).mean())
    return {"accuracy": accuracy, "auroc": float(roc_auc_score(labels, logits))}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Means with intervals, and paired differences from random choice, a row a strategy and size.

    Columns are, for accuracy and auroc, NAME, NAME_low, NAME_high, and the same with `_vs_same` and
    `_vs_twice` for the difference from as many and from twice as many labels chosen at random.
    """
    by = {
        metric: rows.pivot(index="repetition", columns=["strategy", "labels"], values=metric)
        for metric in METRICS
    }
    result = []
    for name, size in by["accuracy"].columns:
        row: dict[str, object] = {"strategy": name, "labels": int(size)}
        for metric, values in by.items():
            ours = values[name, size]
            row |= interval(metric, ours)
            row |= interval(f"{metric}_vs_same", ours - values[RANDOM, size])
            if (RANDOM, 2 * size) in values:
                row |= interval(f"{metric}_vs_twice", ours - values[RANDOM, 2 * size])
        result.append(row)
    return pd.DataFrame(result)


def interval(name: str, values: pd.Series) -> dict[str, float]:
    mean, half = float(values.mean()), 0.0
    if values.std() > 0:
        half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}


def wide(table: pd.DataFrame) -> str:
    """For each strategy and metric a line, the numbers of labels side by side."""
    shown = {}
    for metric in METRICS:
        for column in (metric, f"{metric}_vs_same", f"{metric}_vs_twice"):
            half = table[f"{column}_high"] - table[column]
            text = [
                ""
                if np.isnan(mean)
                else f"{mean:{'.3f' if column == metric else '+.3f'}} ±{one:.3f}"
                for mean, one in zip(table[column], half, strict=True)
            ]
            pivot = table.assign(text=text).pivot(index="strategy", columns="labels", values="text")
            shown[column] = pivot.reindex(list(STRATEGIES))
    return pd.concat(shown).to_string()


def draw(rows: pd.DataFrame) -> Figure:
    """Accuracy by the number of labels, a panel a folder, with the intervals of two strategies."""
    names = list(rows["data"].unique())
    figure = Figure(figsize=(5.2 * len(names), 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        table = summary(rows[rows["data"] == name])
        for strategy in STRATEGIES:
            line = table[table["strategy"] == strategy]
            main_ones = strategy in (NEXT, RANDOM)
            [drawn] = axes.plot(
                line["labels"],
                line["accuracy"],
                label=strategy,
                linewidth=2.5 if main_ones else 1,
                color={NEXT: "#b5532a", RANDOM: "#1d2329"}.get(strategy),
            )
            if main_ones:
                axes.fill_between(
                    line["labels"],
                    line["accuracy_low"],
                    line["accuracy_high"],
                    color=drawn.get_color(),
                    alpha=0.15,
                )
        sizes = sorted(table["labels"].unique())
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set(title=name, xlabel="labels", ylabel="accuracy on held-out photographs")
        axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTOS")
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 40, 80, 160])
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("few-labels"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
