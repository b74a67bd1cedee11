"""Share out groups of images among the splits, in proportion."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Strata:
    """What is to be shared out: S strata (the images of a label in a source) among P places.

    Attributes:
        codes: stratum of each row.
        labels: (S,) label of each stratum.
        totals: (S,) number of rows to share out.
        open: (S, P), which places take rows of a stratum.
        lacking: (S, P), how many rows each place lacks, less those that have a place already.
    """

    codes: NDArray[np.int64]
    labels: NDArray[np.int64]
    totals: NDArray[np.int64]
    open: NDArray[np.bool_]
    lacking: NDArray[np.float64]


def draw(
    groups: NDArray[np.int64],
    fixed: NDArray[np.int8],
    strata: Strata,
    *,
    turns: NDArray[np.uint64],
) -> NDArray[np.int8]:
    """Give every group a place: the largest first, each where the largest share is lacking.

    As long as a group fits everywhere, what counts is the share that a place still lacks of what
    it lacked at first, so that every place gets its part of the large groups: a test set of
    images without near-duplicates alone would be another kind of images than the training set.
    When a group no longer fits everywhere, it goes where the most rows are lacking.

    Args:
        groups: group of each row, numbered from 0.
        fixed: place of each row, below 0 where it is to be drawn; the free rows of a group that
            has fixed ones follow the most of them.
        strata: what is to be shared out.
        turns: by group; of groups of one size the lowest comes first.

    Returns:
        Place of each row.
    """
    known = fixed >= 0
    votes = np.zeros((len(turns), strata.lacking.shape[1]), dtype=np.int32)
    np.add.at(votes, (groups[known], fixed[known]), 1)
    follows = np.asarray(votes.any(axis=1))
    places = np.where(follows, votes.argmax(axis=1), -1).astype(np.int8)

    parts = _count(groups[~known], strata.codes[~known], len(strata.totals))
    spread = np.bincount(parts.group, minlength=len(turns)) > 1
    lacking = strata.lacking.copy()
    settled = parts.where(follows[parts.group])
    np.subtract.at(lacking, (settled.stratum, places[settled.group]), settled.size)
    free = parts.where(~follows[parts.group])
    _place_spread(free.where(spread[free.group]), strata, turns, lacking, places)
    _place_compact(free.where(~spread[free.group]), strata, turns, lacking, places)
    return np.where(known, fixed, places[groups])


@dataclass(frozen=True)
class _Parts:
    """The rows of each group in each stratum: three columns, sorted by group."""

    group: NDArray[np.int64]
    stratum: NDArray[np.int64]
    size: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> _Parts:
        return _Parts(self.group[chosen], self.stratum[chosen], self.size[chosen])


def _count(groups: NDArray[np.int64], codes: NDArray[np.int64], strata: int) -> _Parts:
    keys, sizes = np.unique(groups * strata + codes, return_counts=True)
    return _Parts(keys // strata, keys % strata, sizes)


def _place_spread(
    parts: _Parts,
    strata: Strata,
    turns: NDArray[np.uint64],
    lacking: NDArray[np.float64],
    places: NDArray[np.int8],
) -> None:
    """Place groups with rows in several strata: where the most of their rows are lacking."""
    group, first = np.unique(parts.group, return_index=True)
    ends = np.append(first[1:], len(parts.group))
    sizes = np.diff(np.append(0, np.cumsum(parts.size))[np.append(first, len(parts.group))])
    for turn in np.lexsort((turns[group], -sizes)):
        rows = slice(first[turn], ends[turn])
        stratum, size = parts.stratum[rows], parts.size[rows]
        usable = strata.open[stratum].all(axis=0)
        lack = lacking[stratum]
        if (lack[:, usable] >= size[:, None]).all():
            lack = lack / np.where(usable, strata.lacking[stratum], np.inf)
        need = np.where(usable, size @ lack, -np.inf)
        place = int(need.argmax())
        lacking[stratum, place] -= size
        places[group[turn]] = place


def _place_compact(
    parts: _Parts,
    strata: Strata,
    turns: NDArray[np.uint64],
    lacking: NDArray[np.float64],
    places: NDArray[np.int8],
) -> None:
    """Place groups within one stratum, stratum by stratum.

    What is left over or wanting in a stratum is carried to the next one of its label, the largest
    last. Otherwise all small strata would round alike and the smallest place would get nothing.
    With groups of one row and three places, no place of a label ends up with more than 2/3 of a
    row too many or 4/3 too few: the place chosen lacks at least 1/3, as what is lacking sums to 1.
    """
    order = np.lexsort((turns[parts.group], -parts.size, parts.stratum))
    group, stratum, size = parts.group[order], parts.stratum[order], parts.size[order]
    bounds = np.searchsorted(stratum, np.arange(len(strata.totals) + 1))
    carried: dict[int, NDArray[np.float64]] = defaultdict(lambda: np.zeros(lacking.shape[1]))
    for code in np.argsort(strata.totals, kind="stable"):
        rows = slice(bounds[code], bounds[code + 1])
        lack = (lacking[code] + carried[int(strata.labels[code])]).tolist()
        choices = np.flatnonzero(strata.open[code]).tolist()
        places[group[rows]] = _fill(size[rows].tolist(), lack, choices)
        carried[int(strata.labels[code])] = np.array(lack)


def _fill(sizes: list[int], lack: list[float], choices: list[int]) -> list[int]:
    """The place of each size, in turn; `lack` is counted down."""
    chosen = []
    first = list(lack)
    for size in sizes:
        if all(lack[place] >= size for place in choices):
            place = max(choices, key=lambda place: lack[place] / first[place])
        else:
            place = max(choices, key=lack.__getitem__)
        lack[place] -= size
        chosen.append(place)
    return chosen
