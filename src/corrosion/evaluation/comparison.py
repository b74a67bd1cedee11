"""Finished runs side by side: metrics, tests between models, costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.evaluation.alignment import align_runs
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.kind_tests import KindTest, compare_kinds
from corrosion.evaluation.metric_table import EVALUATED
from corrosion.evaluation.metrics import Confusion, confusion
from corrosion.evaluation.model_tests import compare_models
from corrosion.evaluation.pooling import Pooled, pool
from corrosion.evaluation.repeats import estimate_means
from corrosion.evaluation.run_facts import RunKinds
from corrosion.evaluation.single_runs import SingleRun, scatter, single_runs
from corrosion.models.cost import Cost, measure_costs
from corrosion.runs import find_runs


@dataclass(frozen=True)
class ComparedModel:
    """A model of a comparison.

    Attributes:
        pooled: its runs and predictions.
        metrics: means over its seeds, an estimate for each of `EVALUATED`.
        by_source: the same for the test images of each source, sorted by its name; empty where
            there is a single source.
        confusion: counts, summed over its seeds.
        cost: what the first run's network costs; None without a checkpoint.
        of_runs: its runs one by one.
    """

    pooled: Pooled
    metrics: dict[str, Estimate]
    by_source: dict[str, dict[str, Estimate]]
    confusion: Confusion
    cost: Cost | None
    of_runs: tuple[SingleRun, ...]

    @property
    def name(self) -> str:
        """Distinct in a comparison."""
        return self.pooled.name

    @property
    def minutes(self) -> float:
        """Mean time of training of its runs; NaN where they don't tell."""
        seconds = [(run.facts.get("seconds") or {}).get("fit") for run in self.pooled.runs]
        return float(pd.to_numeric(pd.Series(seconds), errors="coerce").mean()) / 60


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Attributes:
        models: the models, at least one.
        tests: table of `compare_models`; None for a single model.
        level: confidence level of the intervals, in (0, 1).
        kind_tests: tests of kinds of corrosion, of models with a single run that tells them.
    """

    models: tuple[ComparedModel, ...]
    tests: pd.DataFrame | None
    level: float
    kind_tests: tuple[KindTest, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as `compare.json` holds them."""
        return {
            "level": self.level,
            "test_images": len(self.models[0].pooled.tables[0]),
            "models": {
                model.name: {
                    "runs": [run.directory for run in model.of_runs],
                    "seeds": len(model.pooled.tables),
                    "seeds_trained": model.pooled.seeds,
                    "threshold": model.pooled.threshold,
                    "hyperparameters": model.pooled.runs[0].facts.get("hyperparameters"),
                    "weights": model.pooled.runs[0].facts.get("weights"),
                    "confusion": model.confusion._asdict(),
                    "metrics": _plain(model.metrics),
                    "scatter": {
                        name: dict(zip(("mean", "sd"), scatter(model.of_runs, name), strict=True))
                        for name in EVALUATED
                    },
                    "of_runs": [_plain_run(run) for run in model.of_runs],
                    "by_source": {
                        source: _plain(metrics) for source, metrics in model.by_source.items()
                    },
                    "training_minutes": model.minutes,
                    "cost": model.cost and asdict(model.cost),
                }
                for model in self.models
            },
            "tests": [] if self.tests is None else self.tests.to_dict("records"),
            "kind_tests": [asdict(one) for one in self.kind_tests],
        }


def compare_runs(
    paths: Sequence[Path],
    *,
    threshold: float | str | None = None,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
    device: str = "cpu",
) -> Comparison:
    """Compare finished runs on the same test images.

    Runs of the same model and configuration are put together: seeds (same test set) are averaged,
    folds (test sets without a common image) are one test set.

    Args:
        paths: directories of runs, or of multiruns.
        threshold: a probability, or words of the name of a threshold (see `pool`); None is
            that of each model's runs.
        level: confidence level of the intervals, in (0, 1).
        count: number of resamples.
        seed: seed of the resamples.
        device: device on which costs are measured.

    Raises:
        CorrosionError: no finished run, a bad file or setting, or models with different test
            images.
    """
    pooled = pool(find_runs(paths), threshold=threshold)
    tests, tables = None, align_runs({model.name: model.tables for model in pooled})
    if len(pooled) > 1:
        at = {model.name: model.threshold for model in pooled}
        tests = compare_models(tables, thresholds=at, level=level, count=count, seed=seed)
    costs = measure_costs(
        {
            model.name: checkpoint
            for model in pooled
            if (checkpoint := model.runs[0].directory.best).is_file()
        },
        device=device,
    )
    estimate = partial(estimate_means, level=level, count=count, seed=seed)
    models = tuple(
        ComparedModel(
            model,
            metrics=estimate(tables[model.name], threshold=model.threshold),
            by_source=_by_source(tables[model.name], partial(estimate, threshold=model.threshold)),
            confusion=_summed(model),
            cost=costs.get(model.name),
            of_runs=single_runs(model, level=level),
        )
        for model in pooled
    )
    told = {model.name: kinds.table for model in pooled if (kinds := _kinds_of(model)) is not None}
    kind_tests = compare_kinds(told, level=level, count=count, seed=seed)
    return Comparison(models, tests, level, kind_tests)


def _kinds_of(model: Pooled) -> RunKinds | None:
    """The kinds of a model of one run: what several tell is not put together."""
    return model.runs[0].kinds if len(model.runs) == 1 else None


def _by_source(
    tables: Sequence[pd.DataFrame],
    estimate: Callable[[Sequence[pd.DataFrame]], dict[str, Estimate]],
) -> dict[str, dict[str, Estimate]]:
    """Estimates of the images of each source, where there are several.

    Args:
        tables: of the same images in the same order, one a seed.
        estimate: of such tables.
    """
    source = tables[0].get("source")
    if source is None or source.nunique() < 2:
        return {}
    of = source.astype(str).to_numpy()
    return {name: estimate([table[of == name] for table in tables]) for name in sorted(set(of))}


def _plain_run(run: SingleRun) -> dict[str, Any]:
    kinds = None if run.kinds is None else run.kinds.as_dict()
    return {**asdict(replace(run, kinds=None)), "kinds": kinds}


def _plain(metrics: dict[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in metrics.items()}


def _summed(model: Pooled) -> Confusion:
    counts = [
        confusion(table["label"], table["probability"], threshold=model.threshold)
        for table in model.tables
    ]
    return Confusion(*map(sum, zip(*counts, strict=True)))
