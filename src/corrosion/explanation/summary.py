"""What the values of maps on single photographs add up to: means, intervals, tests, ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.evaluation.intervals import Estimate, bootstrap_estimate
from corrosion.evaluation.resampling import resamples
from corrosion.evaluation.significance import bootstrap_p, holm
from corrosion.system.shown_paths import beside_each_other

Floats = NDArray[np.float64]

LEVEL = 0.95

LOWER_IS_BETTER = frozenset({"deletion", "deletion_blurred", "deletion_inpainted", "randomisation"})
"""Measures of which less is better; the others are best at their highest."""

_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Scores:
    """How good maps are.

    Attributes:
        method: the networks' maps that are judged, the first of
            `corrosion.explanation.names.map_names`.
        checkpoints: checkpoints of the networks, by the networks' names.
        photographs: one row a photograph, network and map: path, network, map (a name of
            `map_names` or of `BASELINES`), and a column for each measure.
        means: over the photographs, with bootstrap intervals: by network, map and measure.
        tests: paired on the same photographs, one row a measure and pair: network, metric, a, b,
            value_a, value_b, difference (a - b), low, high (its interval, not corrected for the
            number of pairs), test, p_value, p_holm (NaN where the data can't tell) and
            significant (bool). Where `network` names one, a is its map and b a baseline; where it
            is empty, a and b are networks. Holm's correction takes all pairs of a measure and a
            `network` as one family.
    """

    method: str
    checkpoints: Mapping[str, Path]
    photographs: pd.DataFrame
    means: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    tests: pd.DataFrame

    @property
    def measures(self) -> list[str]:
        """Names of the measures."""
        return list(self.photographs.columns[3:])

    @property
    def count(self) -> int:
        """Number of photographs."""
        return self.photographs["path"].nunique()

    def ranking(self, measure: str) -> list[str]:
        """The networks, the best on a measure first."""
        return sorted(
            self.means,
            key=lambda network: self.means[network][self.method][measure].value,
            reverse=measure not in LOWER_IS_BETTER,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as `scores.json` holds them."""
        return {
            "method": self.method,
            "level": LEVEL,
            "photographs": self.count,
            "checkpoints": dict(
                zip(self.checkpoints, beside_each_other([*self.checkpoints.values()]), strict=True)
            ),
            "ranking": {measure: self.ranking(measure) for measure in self.measures},
            "means": {
                network: {
                    name: {measure: asdict(mean) for measure, mean in means.items()}
                    for name, means in maps.items()
                }
                for network, maps in self.means.items()
            },
            "tests": self.tests.to_dict("records"),
            "values": self.photographs.to_dict("records"),
        }


def summarise(
    photographs: pd.DataFrame, *, method: str, checkpoints: Mapping[str, Path], seed: int = 0
) -> Scores:
    """Add up the values on single photographs.

    Args:
        photographs: one row a photograph, network and map, see `Scores`; for every network and map
            the same photographs in the same order.
        method: name of the networks' maps; the other maps are baselines.
        checkpoints: checkpoints of the networks, by the networks' names.
        seed: seed of the resamples, which are the same for all.
    """
    measures = list(photographs.columns[3:])
    values: dict[_Key, Floats] = {
        (str(network), str(name), measure): rows[measure].to_numpy(float)
        for (network, name), rows in photographs.groupby(["network", "map"], sort=False)
        for measure in measures
    }
    columns = np.stack(list(values.values()), axis=1)
    label = np.ones(len(columns), dtype=np.int64)  # all are corroded
    portions = resamples(label, count=_RESAMPLES, seed=seed)
    resampled = np.concatenate([weight @ columns / len(columns) for weight in portions])
    drawn = dict(zip(values, resampled.T, strict=True))
    means: dict[str, dict[str, dict[str, Estimate]]] = {}
    for (network, name, measure), one in values.items():
        estimate = bootstrap_estimate(float(one.mean()), drawn[network, name, measure], level=LEVEL)
        means.setdefault(network, {}).setdefault(name, {})[measure] = estimate
    tests: list[dict[str, Any]] = []
    for measure in measures:
        own = {network: (network, method, measure) for network in means}
        for network, maps in means.items():
            others = {name: (network, name, measure) for name in maps}
            pairs = [(method, name) for name in maps if name != method]
            tests += _paired(others, pairs, values, drawn, network=network)
        tests += _paired(own, combinations(own, 2), values, drawn, network="")
    return Scores(method, dict(checkpoints), photographs, means, pd.DataFrame(tests))


_Key = tuple[str, str, str]  # network, map, measure


def _paired(
    keys: Mapping[str, _Key],
    pairs: Iterable[tuple[str, str]],
    values: Mapping[_Key, Floats],
    drawn: Mapping[_Key, Floats],
    *,
    network: str,
) -> list[dict[str, Any]]:
    """One family of tests, by the paired bootstrap."""
    rows: list[dict[str, Any]] = []
    for a, b in pairs:
        change = drawn[keys[a]] - drawn[keys[b]]
        value_a, value_b = (float(values[keys[name]].mean()) for name in (a, b))
        low, high = np.quantile(change, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        rows.append(
            {
                "network": network,
                "metric": keys[a][2],
                "a": a,
                "b": b,
                "value_a": value_a,
                "value_b": value_b,
                "difference": value_a - value_b,
                "low": float(low),
                "high": float(high),
                "test": "paired bootstrap",
                "p_value": bootstrap_p(change),
            }
        )
    for row, p_value in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row |= {"p_holm": float(p_value), "significant": bool(p_value < 1 - LEVEL)}
    return rows
