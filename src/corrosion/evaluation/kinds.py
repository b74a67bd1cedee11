"""How well kinds of corrosion are told apart, on corroded test photographs whose kind is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.errors import CorrosionError
from corrosion.evaluation.intervals import Estimate, bootstrap_estimate, proportion
from corrosion.evaluation.kind_competence import KindCompetence
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.resampling import group_numbers, resamples
from corrosion.evaluation.significance import mcnemar

FEW = 10
"""Test photographs of a kind below which its figures are a hint only."""

METRIC_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy (mean recall)",
        "macro_f1": "macro F1 (mean F1)",
    }
)
"""What the metrics of `KindEvaluation` are called, in their order."""

_RESAMPLES = 2000


@dataclass(frozen=True)
class KindFigures:
    """What is known of one kind.

    Attributes:
        images: number of its test photographs.
        detected: share of them in which corrosion was detected.
        recall: share of them whose kind was told.
        precision: share of photographs called so that are.
        f1: harmonic mean of the two; NaN without test photographs.
    """

    images: int
    detected: Estimate
    recall: Estimate
    precision: Estimate
    f1: float


@dataclass(frozen=True, eq=False)
class KindEvaluation:
    """Metrics of the kinds, with intervals.

    Attributes:
        names: names of K kinds.
        confusion: (K, K) int64, photographs by true kind (rows) and told one.
        metrics: accuracy, balanced_accuracy (mean recall) and macro_f1 (mean F1); the means are
            over the kinds that have test photographs.
        kinds: figures of each kind, by name.
        competence: accuracy beside that of always saying the most frequent kind.
        level: confidence level of the intervals.
    """

    names: tuple[str, ...]
    confusion: NDArray[np.int64]
    metrics: Mapping[str, Estimate]
    kinds: Mapping[str, KindFigures]
    competence: KindCompetence
    level: float = 0.95

    @property
    def images(self) -> int:
        """Number of test photographs whose kind is known."""
        return int(self.confusion.sum())

    @property
    def cautions(self) -> list[str]:
        """Sentences without which the figures should not be read."""
        missing = [name for name, one in self.kinds.items() if not one.images]
        few = [f"{name} ({one.images})" for name, one in self.kinds.items() if 0 < one.images < FEW]
        said = [] if (chance := self.competence.caution) is None else [chance]
        if missing:
            said.append(f"No test photograph shows {', '.join(missing)}: nothing is known of them.")
        if few:
            said.append(
                f"Fewer than {FEW} test photographs, so that figures are a hint only: "
                f"{', '.join(few)}."
            )
        return said

    def as_dict(self) -> dict[str, Any]:
        """Plain values; NaN where something is undefined."""
        return {
            "images": self.images,
            **{name: _plain(one) for name, one in self.metrics.items()},
            "most_frequent": {
                "kind": self.competence.frequent,
                "share": self.competence.share,
                "p_value": self.competence.p_value,
            },
            "confusion": self.confusion.tolist(),
            "kinds": {
                name: {
                    "images": one.images,
                    "detected": _plain(one.detected),
                    "recall": _plain(one.recall),
                    "precision": _plain(one.precision),
                    "f1": one.f1,
                }
                for name, one in self.kinds.items()
            },
        }


def evaluate_kinds(
    table: pd.DataFrame, names: Sequence[str], *, level: float = 0.95, seed: int = 0
) -> KindEvaluation:
    """Evaluate the kinds that were told.

    Accuracy, recall and precision have Wilson's intervals, the means those of a bootstrap of groups
    of near-duplicates, stratified by kind.

    Args:
        table: one row a corroded test photograph of known kind, with the columns kind, told (the
            likeliest kind), detected (0 or 1: whether corrosion was), and group where photographs
            come in groups.
        names: names of the K kinds.
        level: confidence level of the intervals, in (0, 1).
        seed: seed of the resamples.

    Raises:
        CorrosionError: the table has a kind that is not among the names, or `level` is wrong.

    Example:
        >>> table = pd.DataFrame({"kind": list("aab"), "told": list("abb"), "detected": [1, 1, 0]})
        >>> found = evaluate_kinds(table, ("a", "b"))
        >>> found.confusion.tolist(), round(found.metrics["balanced_accuracy"].value, 3)
        ([[1, 1], [0, 1]], 0.75)
    """
    names = tuple(names)
    true, told = (_numbers(table[column], names) for column in ("kind", "told"))
    count, detected = len(names), table["detected"].to_numpy() == 1
    group = group_numbers(table.get("group"), len(table))
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (true, told), 1)
    right = true == told
    balanced, macro, each = _means(confusion.astype(float))
    drawn = _drawn(true, told, group, count=count, seed=seed)
    metrics = {
        "accuracy": proportion(right, group=group, level=level),
        "balanced_accuracy": bootstrap_estimate(float(balanced), drawn[0], level=level),
        "macro_f1": bootstrap_estimate(float(macro), drawn[1], level=level),
    }
    kinds = {}
    for number, name in enumerate(names):
        own, called = true == number, told == number
        kinds[name] = KindFigures(
            int(own.sum()),
            proportion(detected[own], group=group[own], level=level),
            proportion(right[own], group=group[own], level=level),
            proportion(right[called], group=group[called], level=level),
            float(each[number]),
        )
    competence = _competence(true, right, group, names, metrics["accuracy"], level)
    return KindEvaluation(names, confusion, metrics, kinds, competence, level)


def _competence(
    true: NDArray[np.int64],
    right: NDArray[np.bool_],
    group: NDArray[np.int64],
    names: tuple[str, ...],
    accuracy: Estimate,
    level: float,
) -> KindCompetence:
    """What was told beside the most frequent kind of the same photographs, by McNemar's test."""
    if not len(true):
        return KindCompetence(np.nan, np.nan, np.nan, level, 0, "", np.nan, np.nan)
    most = int(np.bincount(true).argmax())
    test = mcnemar(right, true == most, group=group)
    return KindCompetence(
        accuracy.value,
        accuracy.low,
        accuracy.high,
        level,
        len(true),
        names[most],
        float((true == most).mean()),
        float(test.p_value),
    )


def _numbers(column: pd.Series, names: tuple[str, ...]) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(names)}
    if unknown := sorted(set(column.astype(str)) - numbers.keys()):
        raise CorrosionError(f"{unknown[0]} is no kind among {', '.join(names)}.")
    return np.array([numbers[name] for name in column.astype(str)], np.int64)


def _means(confusion: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean recall and mean F1 (...), and F1 of each kind (..., K), of matrices (..., K, K)."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    own, called = confusion.sum(axis=-1), confusion.sum(axis=-2)
    there = own > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / own
        f1 = np.where(there, 2 * right / (own + called), np.nan)
        count = there.sum(axis=-1)
        means = [np.where(there, one, 0).sum(axis=-1) / count for one in (recall, f1)]
    return means[0], means[1], f1


def _drawn(
    true: NDArray[np.int64],
    told: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    count: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Mean recall and mean F1 (B,) of resamples."""
    rows = []
    for number in range(count):
        own = np.flatnonzero(true == number)
        if not len(own):
            rows.append(np.zeros((_RESAMPLES, count)))
            continue
        one_stratum = np.zeros(len(own), np.int64)
        weights = resamples(one_stratum, group=group[own], count=_RESAMPLES, seed=seed + number)
        rows.append(np.concatenate([part @ np.eye(count)[told[own]] for part in weights]))
    balanced, macro, _ = _means(np.stack(rows, axis=1))
    return balanced, macro


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
