"""What the runs of a model say one by one: their metrics, and what they can't be trusted in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from corrosion.evaluation.areas import roc_estimate
from corrosion.evaluation.competence import Competence
from corrosion.evaluation.kinds import KindEvaluation, evaluate_kinds
from corrosion.evaluation.metrics import all_metrics
from corrosion.evaluation.pooling import Pooled
from corrosion.evaluation.predictions import groups_of, read_predictions
from corrosion.evaluation.run_facts import RunFacts
from corrosion.system.shown_paths import beside_each_other


@dataclass(frozen=True)
class SingleRun:
    """A run by itself.

    Attributes:
        name: tells it from the model's other runs, as "seed 0, fold 1".
        directory: its directory, by what tells it from the model's other runs.
        metrics: each of `EVALUATED` on its own test images.
        weights: what its network started from, as "imagenet" or "random"; None where it does not
            tell.
        cautions: sentences of `Competence.cautions`, by a word.
        kinds: kinds of corrosion that it told on the test images; None where it was to tell none.
    """

    name: str
    directory: str
    metrics: dict[str, float]
    weights: str | None
    cautions: dict[str, str]
    kinds: KindEvaluation | None = None


def single_runs(model: Pooled, *, level: float = 0.95) -> tuple[SingleRun, ...]:
    """The runs of a model, in its order.

    Args:
        model: runs put together.
        level: confidence level with which a network is told from guessing, in (0, 1).

    Raises:
        CorrosionError: predictions for validation, where they are needed, can't be read.
    """
    directories = beside_each_other([run.directory.path for run in model.runs])
    return tuple(
        SingleRun(
            name,
            directory,
            all_metrics(table["label"], table["probability"], threshold=model.threshold),
            (run.facts.get("weights") or {}).get("used"),
            _cautions(run, table, level),
            _kinds(run, level),
        )
        for name, directory, run, table in zip(
            _names(model.runs), directories, model.runs, model.of_runs, strict=True
        )
    )


def scatter(runs: Sequence[SingleRun], metric: str) -> tuple[float, float]:
    """Mean and standard deviation of a metric over runs; the latter is NaN for a single one.

    Example:
        >>> runs = [SingleRun("", "", {"accuracy": one}, None, {}) for one in (0.8, 0.9, 1.0)]
        >>> tuple(round(value, 3) for value in scatter(runs, "accuracy"))
        (0.9, 0.1)
    """
    values = [run.metrics[metric] for run in runs]
    deviation = np.std(values, ddof=1) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(deviation)


def _kinds(run: RunFacts, level: float) -> KindEvaluation | None:
    if run.kinds is None:
        return None
    return evaluate_kinds(run.kinds.table, run.kinds.evaluation.names, level=level)


def _cautions(run: RunFacts, table: pd.DataFrame, level: float) -> dict[str, str]:
    """What must be said of a run's network, whatever version has trained it."""
    area = roc_estimate(table["label"], table["probability"], group=groups_of(table), level=level)
    validation = None
    if np.isnan(area.low) and run.directory.predictions_file("val").is_file():
        validation = read_predictions(run.directory, "val", split=False)
        validation = validation if validation["label"].nunique() > 1 else None
    measured = Competence.measured(area, table, validation, level=level, count=1, seed=0)
    return replace(measured, generated=bool(run.facts.get("generated"))).cautions


def _names(runs: Sequence[RunFacts]) -> list[str]:
    """A name a run: of its seed and fold, and of its directory where these don't tell."""
    names = [", ".join(_told(run.config)) for run in runs]
    times = Counter(names)
    return [
        name if name and times[name] == 1 else run.directory.path.name
        for name, run in zip(names, runs, strict=True)
    ]


def _told(config: Any) -> list[str]:
    data = config.get("data") or {}
    told = [f"seed {config['seed']}"] if config.get("seed") is not None else []
    return told + ([f"fold {data['fold']}"] if data.get("folds") else [])
