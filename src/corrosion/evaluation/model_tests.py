"""Models side by side on the same test images: which differences are significant."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluation.intervals import checked_level
from corrosion.evaluation.metric_table import METRICS, TESTED
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.pair_tests import PairTest, pair_tests
from corrosion.evaluation.predictions import folds_of, groups_of
from corrosion.evaluation.repeats import mean_metrics, resampled_means
from corrosion.evaluation.significance import bootstrap_p, holm


def align(models: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Put the predictions of several models in the same order of images.

    Images are told by their `content_hash` where every table has it, once an image; else by
    their path.

    Args:
        models: tables of `read_predictions` by the model's name, at least two.

    Returns:
        The tables, each with the first's order of images, and the first's `group` if it has any.

    Raises:
        CorrosionError: fewer than two models, other images, or other labels of the same images.

    Example:
        >>> a = pd.DataFrame({"path": ["1.jpg", "2.jpg"], "label": [1, 0]})
        >>> align({"a": a, "b": a.iloc[::-1]})["b"]["path"].tolist()
        ['1.jpg', '2.jpg']
    """
    if len(models) < 2:
        raise CorrosionError("A comparison needs at least two models.")
    key = "content_hash" if all(_has_unique_hashes(table) for table in models.values()) else "path"
    (first, reference), *others = (
        (name, table.set_index(key, drop=False)) for name, table in models.items()
    )
    aligned = {first: reference}
    for name, table in others:
        _refuse_other_images(first, reference, name, table)
        aligned[name] = table.loc[reference.index]
        differs = aligned[name]["label"].to_numpy() != reference["label"].to_numpy()
        if differs.any():
            raise CorrosionError(
                f"{first} and {name} disagree on the label of {differs.sum()} image(s), as "
                f"{reference['path'].iloc[int(differs.argmax())]}: test both with the same labels."
            )
    if "group" in reference:
        aligned = {
            name: table.assign(group=reference["group"].to_numpy())
            for name, table in aligned.items()
        }
    return {name: table.reset_index(drop=True) for name, table in aligned.items()}


def align_runs(
    models: Mapping[str, pd.DataFrame | Sequence[pd.DataFrame]],
) -> dict[str, list[pd.DataFrame]]:
    """Put the predictions of all runs of several models in the same order of images.

    Args:
        models: table of each model, or one a run, by the model's name; at least one model.

    Raises:
        CorrosionError: as `align`.

    Example:
        >>> run = pd.DataFrame({"path": ["1.jpg"], "label": [1], "probability": [0.9]})
        >>> {name: len(runs) for name, runs in align_runs({"a": run, "b": [run, run]}).items()}
        {'a': 1, 'b': 2}
    """
    runs = {
        name: [tables] if isinstance(tables, pd.DataFrame) else list(tables)
        for name, tables in models.items()
    }
    named = {
        (name, number): f"{name}, run {number + 1}" if len(tables) > 1 else name
        for name, tables in runs.items()
        for number in range(len(tables))
    }
    tables_by_text = {text: runs[name][number] for (name, number), text in named.items()}
    aligned = align(tables_by_text) if len(tables_by_text) > 1 else tables_by_text
    return {
        name: [aligned[named[name, number]] for number in range(len(tables))]
        for name, tables in runs.items()
    }


def _has_unique_hashes(table: pd.DataFrame) -> bool:
    return "content_hash" in table and bool(table["content_hash"].is_unique)


def _refuse_other_images(
    first: str, reference: pd.DataFrame, name: str, table: pd.DataFrame
) -> None:
    only_first = reference.loc[~reference.index.isin(table.index), "path"]
    only_other = table.loc[~table.index.isin(reference.index), "path"]
    extra = [
        f"{len(paths)} only of {model} (as {paths.iloc[0]})"
        for model, paths in ((first, only_first), (name, only_other))
        if len(paths)
    ]
    if extra:
        raise CorrosionError(
            f"{first} and {name} were tested on different images: {', '.join(extra)}. To compare "
            f"them, train one anew with data.split_file=RUN/split.csv, RUN being the other's "
            f"directory (images added since then are for training alone), or train all folds of "
            f"both."
        )


def compare_models(
    models: Mapping[str, pd.DataFrame | Sequence[pd.DataFrame]],
    *,
    thresholds: Mapping[str, float] | None = None,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test each pair of models on each metric of `TESTED`.

    Two runs by `corrosion.evaluation.pair_tests.pair_tests`; groups of images stay together.
    Calibration is compared by log loss and Brier score: chance alone gives the calibration errors
    of two calibrated models different sizes. Intervals of differences are those of the test where
    it has some, else the paired bootstrap's (the same resamples for all models). Where a model has
    several runs its means over them are compared, by the paired bootstrap of images and runs
    (`resampled_means`). Holm's correction takes all pairs on one metric as one family.

    Args:
        models: table of `read_predictions` of each model by name, at least two models, or one a
            run of several with different seeds.
        thresholds: threshold of each model by name; 0.5 where none is given.
        level: confidence level of the intervals, in (0, 1); a difference is significant if its
            corrected p-value is below 1 - level.
        count: number of resamples.
        seed: seed of the resamples.

    Returns:
        One row a metric and pair: metric, a, b, value_a, value_b, difference (a - b), low, high
        (interval of the difference, not corrected for the number of pairs), test, p_exact (that of
        McNemar's exact test beside its mid-p; else NaN), p_value, p_holm (NaN where the data can't
        tell) and significant (bool).

    Raises:
        CorrosionError: as `align`, or a bad level.

    Example:
        >>> paths, label = [f"{n}.jpg" for n in range(40)], [0, 1] * 20
        >>> good = pd.DataFrame({"path": paths, "label": label, "probability": [0.1, 0.9] * 20})
        >>> tests = compare_models({"good": good, "poor": good.assign(probability=0.6)}, count=100)
        >>> tests.loc[tests["metric"] == "accuracy", ["test", "significant"]].to_numpy().tolist()
        [['McNemar mid-p', True]]
    """
    checked_level(level)
    if len(models) < 2:
        raise CorrosionError("A comparison needs at least two models.")
    runs = align_runs(models)
    at = {name: (thresholds or {}).get(name, 0.5) for name in runs}
    values = {name: mean_metrics(runs[name], threshold=at[name]) for name in runs}
    drawn = resampled_means(runs, at, count=count, seed=seed)
    pairs = list(combinations(runs, 2))
    tests = {
        (a, b): _of_single_runs(runs[a][0], runs[b][0], (at[a], at[b]), level, count, seed)
        for a, b in pairs
        if len(runs[a]) == len(runs[b]) == 1
    }
    rows = []
    for metric in TESTED:
        of_metric = []
        for a, b in pairs:
            change = drawn[a][metric] - drawn[b][metric]
            found = tests[a, b][metric] if (a, b) in tests else _by_resamples(change)
            ends = np.quantile(change, ((1 - level) / 2, (1 + level) / 2))
            low, high = ends if found.interval is None else found.interval
            value_a, value_b = values[a][metric], values[b][metric]
            told = (metric, a, b, value_a, value_b, value_a - value_b, low, high)
            of_metric.append((*told, found.test, found.exact, found.p_value))
        corrected = holm([row[-1] for row in of_metric])
        rows += [(*row, p, p < 1 - level) for row, p in zip(of_metric, corrected, strict=True)]
    columns = "metric a b value_a value_b difference low high test p_exact p_value p_holm"
    return pd.DataFrame(rows, columns=[*columns.split(), "significant"])


def _of_single_runs(
    a: pd.DataFrame,
    b: pd.DataFrame,
    thresholds: tuple[float, float],
    level: float,
    count: int,
    seed: int,
) -> dict[str, PairTest]:
    return pair_tests(
        a["label"],
        a["probability"],
        b["probability"],
        thresholds=thresholds,
        group=groups_of(a),
        fold=folds_of(a),
        level=level,
        count=count,
        seed=seed,
    )


def _by_resamples(change: Floats) -> PairTest:
    return PairTest("paired bootstrap", bootstrap_p(change))


def conclusion(
    comparison: pd.DataFrame,
    metric: str,
    *,
    title: str | None = None,
    higher_is_better: bool | None = None,
) -> str:
    """What a comparison says of one metric, in plain words.

    Args:
        comparison: table of `compare_models`.
        metric: key of one of its metrics.
        title: name of the metric in the sentence; None for that of `METRICS`.
        higher_is_better: whether its best value is the highest; None for what `METRICS` says.

    Returns:
        Sentences on the differences that are significant, and on those that are not.


    Example:
        >>> row = {"metric": "accuracy", "a": "a", "b": "b", "value_a": 0.901, "value_b": 0.942}
        >>> row |= {"difference": -0.041, "p_holm": 0.004, "significant": True}
        >>> print(conclusion(pd.DataFrame([row]), "accuracy").replace(". E", ".\\nE"))
        Significant for accuracy: b is better than a (0.942 against 0.901, p = 0.004).
        Every difference is significant.
    """
    rows = comparison[comparison["metric"] == metric]
    title = METRICS[metric].title if title is None else title
    if higher_is_better is None:
        higher_is_better = METRICS[metric].higher_is_better
    significant = [
        _better(row, higher=higher_is_better)
        for row in rows[rows["significant"]].to_dict("records")
    ]
    others = [
        f"{row['a']} and {row['b']} ({_value(row['value_a'])} against {_value(row['value_b'])}, "
        f"{_p(row['p_holm'])})"
        for row in rows[~rows["significant"]].to_dict("records")
    ]
    if not significant:
        return (
            f"No difference in {title} is significant: the test images can't tell apart "
            f"{'; '.join(others)}."
        )
    rest = (
        f" Not significant: {'; '.join(others)}." if others else " Every difference is significant."
    )
    return f"Significant for {title}: {'; '.join(significant)}.{rest}"


def _better(row: Mapping[Hashable, Any], *, higher: bool) -> str:
    better, worse = ("a", "b") if row["difference"] > 0 else ("b", "a")
    if not higher:
        better, worse = worse, better
    values = f"{row['value_' + better]:.3f} against {row['value_' + worse]:.3f}"
    return f"{row[better]} is better than {row[worse]} ({values}, {_p(row['p_holm'])})"


def _value(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"


def _p(value: float) -> str:
    if np.isnan(value):
        return "no test possible"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
