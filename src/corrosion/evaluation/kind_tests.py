"""Whether one network tells kinds of corrosion more often rightly than another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from corrosion.evaluation.intervals import Estimate, bootstrap_estimate
from corrosion.evaluation.resampling import group_numbers, resamples
from corrosion.evaluation.significance import holm, mcnemar


@dataclass(frozen=True)
class KindTest:
    """What a test says of the kinds that two networks tell.

    Attributes:
        a: name of the first.
        b: name of the second.
        images: number of corroded test photographs whose kind is known and learnt by both.
        difference: accuracy of the first less that of the second on these, with the paired
            bootstrap's interval.
        p_value: McNemar's mid-p, two-sided.
        p_exact: p of McNemar's exact test.
        p_holm: the mid-p with Holm's correction for all pairs.
    """

    a: str
    b: str
    images: int
    difference: Estimate
    p_value: float
    p_exact: float
    p_holm: float


def compare_kinds(
    tables: Mapping[str, pd.DataFrame], *, level: float = 0.95, count: int = 2000, seed: int = 0
) -> tuple[KindTest, ...]:
    """Test each pair of networks on the photographs whose kind both were tested on.

    McNemar's mid-p test (`corrosion.evaluation.significance.mcnemar`), groups of near-duplicates
    together. It speaks of these checkpoints, not of other runs of the models.

    Args:
        tables: what each network told, by its name: one row a photograph with the columns path,
            kind, told, and group where photographs come in groups.
        level: confidence level of the intervals, in (0, 1).
        count: number of resamples for them.
        seed: seed of the resamples.

    Returns:
        A test each pair that has photographs in common.

    Example:
        >>> a = pd.DataFrame({"path": list("pqrs"), "kind": list("xxyy"), "told": list("xxyy")})
        >>> [test] = compare_kinds({"a": a, "b": a.assign(told="x")})
        >>> test.images, test.difference.value, test.p_value
        (4, 0.5, 0.25)
    """
    found = []
    for (a, first), (b, second) in combinations(tables.items(), 2):
        both = first.merge(second[["path", "kind", "told"]], on=["path", "kind"])
        if both.empty:
            continue
        right_a = (both["told_x"] == both["kind"]).to_numpy()
        right_b = (both["told_y"] == both["kind"]).to_numpy()
        group = group_numbers(both.get("group"), len(both))
        ahead = right_a.astype(float) - right_b
        drawn = resamples(np.zeros(len(both), np.int64), group=group, count=count, seed=seed)
        means = np.concatenate([part @ ahead / part.sum(axis=1) for part in drawn])
        test = mcnemar(right_a, right_b, group=group)
        difference = bootstrap_estimate(float(ahead.mean()), means, level=level)
        found.append(KindTest(a, b, len(both), difference, test.p_value, test.exact, test.p_value))
    corrected = holm([one.p_value for one in found])
    return tuple(replace(one, p_holm=float(p)) for one, p in zip(found, corrected, strict=True))
