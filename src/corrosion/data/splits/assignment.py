"""Assign groups of images to parts (splits or folds), stratified and in given proportions."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.labels import CLASSES
from corrosion.data.splits.strata import UNASSIGNED, Strata, build_strata, random_keys
from corrosion.errors import CorrosionError

_ROUNDING = 1e-9
_MIXER = 0x9E3779B97F4A7C15  # odd, 2**64 over the golden ratio (Knuth, TAOCP 3, section 6.4)


def assign_rows(
    records: pd.DataFrame,
    groups: NDArray[np.int64],
    shares_by_source: Mapping[str, tuple[float, ...]],
    *,
    names: Sequence[str],
    seed: int,
    fixed: NDArray[np.int8] | None = None,
    official: NDArray[np.bool_] | None = None,
) -> NDArray[np.int8]:
    """Assign images to parts; no group is divided, and every part gets each class.

    Args:
        records: N rows with the columns label, source and content_hash.
        groups: (N,) int64, group of each row, numbered from 0.
        shares_by_source: shares of the P parts, which sum to 1, by source.
        names: names of the P parts, for messages.
        seed: seed of the order of groups of equal size, and of the choice between parts that lack
            equally much.
        fixed: (N,) int8, part of each row, or `UNASSIGNED`; None where no row has one.
        official: (N,) bool, rows of official subsets, which count for no share; None for none.

    Returns:
        (N,) int8, part of each row, from 0 to P - 1.

    Raises:
        CorrosionError: a class has too few groups, or all its groups are fixed; or there is no row.
    """
    if records.empty:
        raise CorrosionError(
            "There is no image to divide: all are left out, as unreadable or as copies with "
            "conflicting labels. `corrosion audit` lists them: correct the labels, or add images."
        )
    if fixed is None:
        fixed = np.full(len(records), UNASSIGNED, dtype=np.int8)
    if official is None:
        official = np.zeros(len(records), dtype=np.bool_)
    strata = build_strata(records, shares_by_source, fixed, official=official)
    keys = random_keys(records["content_hash"], groups, seed)
    assignment = _assign_groups(groups, fixed, strata, keys)
    _complete_classes(records["label"].to_numpy(), groups, fixed, assignment, names)
    return assignment


def _assign_groups(
    groups: NDArray[np.int64],
    fixed: NDArray[np.int8],
    strata: Strata,
    keys: NDArray[np.uint64],
) -> NDArray[np.int8]:
    """Assign every group to a part: the largest first, each where the deficit is largest.

    As long as a group fits everywhere, what counts is the relative deficit, the share that a part
    still lacks of what it lacked at first, so that every part gets its share of the large groups: a
    test set of images without near-duplicates alone would be another kind of images than the
    training set. When a group no longer fits everywhere, it goes where the most rows are lacking.
    Between parts that lack equally much the keys draw, in proportion to the parts' shares.

    The unassigned rows of a group that has fixed ones follow the most of them. Of groups of one
    size, the one with the lowest key comes first.
    """
    known = fixed != UNASSIGNED
    votes = np.zeros((len(keys), strata.deficit.shape[1]), dtype=np.int32)
    np.add.at(votes, (groups[known], fixed[known]), 1)
    follows = np.asarray(votes.any(axis=1))
    assignment = np.where(follows, votes.argmax(axis=1), UNASSIGNED).astype(np.int8)

    counts = _count(groups[~known], strata.codes[~known], len(strata.totals))
    mixed = np.bincount(counts.group, minlength=len(keys)) > 1
    deficit = strata.deficit.copy()
    following = counts.where(follows[counts.group])
    np.subtract.at(deficit, (following.stratum, assignment[following.group]), following.size)
    free = counts.where(~follows[counts.group])
    assigned = _Assigned(strata, keys, deficit, assignment)
    assigned.add_mixed(free.where(mixed[free.group]))
    assigned.add_pure(free.where(~mixed[free.group]))
    return np.where(known, fixed, assignment[groups])


@dataclass(frozen=True)
class _Counts:
    """Number of rows of each group in each stratum that it has: three columns, sorted by group."""

    group: NDArray[np.int64]
    stratum: NDArray[np.int64]
    size: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> _Counts:
        return _Counts(self.group[chosen], self.stratum[chosen], self.size[chosen])


def _count(groups: NDArray[np.int64], codes: NDArray[np.int64], strata: int) -> _Counts:
    keys, sizes = np.unique(groups * strata + codes, return_counts=True)
    return _Counts(keys // strata, keys % strata, sizes)


@dataclass(frozen=True, eq=False)
class _Assigned:
    """What has been assigned so far; the arrays are written to.

    Attributes:
        strata: strata as they were before any group was assigned.
        keys: (G,) random key of each group.
        deficit: (S, P) what each part lacks of each stratum.
        part: (G,) part of each group, or `UNASSIGNED`.
    """

    strata: Strata
    keys: NDArray[np.uint64]
    deficit: NDArray[np.float64]
    part: NDArray[np.int8]

    def add_mixed(self, counts: _Counts) -> None:
        """Assign groups with rows in several strata: where the most of their rows are lacking."""
        group, first = np.unique(counts.group, return_index=True)
        ends = np.append(first[1:], len(counts.group))
        sizes = np.diff(np.append(0, np.cumsum(counts.size))[np.append(first, len(counts.group))])
        for position in np.lexsort((self.keys[group], -sizes)):
            rows = slice(first[position], ends[position])
            stratum, size = counts.stratum[rows], counts.size[rows]
            eligible = self.strata.eligible[stratum].all(axis=0)
            lacking = self.deficit[stratum]
            if (lacking[:, eligible] >= size[:, None]).all():
                lacking = lacking / np.where(eligible, self.strata.deficit[stratum], np.inf)
            part = _draw(
                (size @ lacking).tolist(),
                np.flatnonzero(eligible).tolist(),
                self.strata.deficit[stratum].sum(axis=0).tolist(),
                _uniform(self.keys[group[position]]),
            )
            self.deficit[stratum, part] -= size
            self.part[group[position]] = part

    def add_pure(self, counts: _Counts) -> None:
        """Assign groups within one stratum, stratum by stratum.

        What is left over or wanting in a stratum is carried to the next one of its label, the
        largest last. Otherwise all small strata would round alike and the smallest part would get
        nothing. With groups of one row and three parts, no part of a label ends up with more than
        2/3 of a row too many or 4/3 too few: the part chosen lacks at least 1/3, as the deficits
        sum to 1.
        """
        order = np.lexsort((self.keys[counts.group], -counts.size, counts.stratum))
        group, stratum, size = counts.group[order], counts.stratum[order], counts.size[order]
        bounds = np.searchsorted(stratum, np.arange(len(self.strata.totals) + 1))
        carried: dict[int, NDArray[np.float64]] = defaultdict(
            lambda: np.zeros(self.deficit.shape[1])
        )
        for code in np.argsort(self.strata.totals, kind="stable"):
            rows = slice(bounds[code], bounds[code + 1])
            label = int(self.strata.labels[code])
            deficit = (self.deficit[code] + carried[label]).tolist()
            eligible = np.flatnonzero(self.strata.eligible[code]).tolist()
            self.part[group[rows]] = _assign_in_order(
                size[rows].tolist(), self.keys[group[rows]], deficit, eligible
            )
            carried[label] = np.array(deficit)


def _assign_in_order(
    sizes: list[int], keys: NDArray[np.uint64], deficit: list[float], eligible: list[int]
) -> list[int]:
    """The part of a group of each size, one after the other; `deficit` is counted down."""
    chosen = []
    first = list(deficit)
    for size, key in zip(sizes, keys, strict=True):
        lacking = deficit
        if all(deficit[part] >= size for part in eligible):
            lacking = [lack / of if of else 0 for lack, of in zip(deficit, first, strict=True)]
        part = _draw(lacking, eligible, first, _uniform(key))
        deficit[part] -= size
        chosen.append(part)
    return chosen


def _draw(
    lacking: Sequence[float], eligible: Sequence[int], shares: Sequence[float], uniform: float
) -> int:
    """The eligible part that lacks most; of equal ones one drawn in proportion to its share."""
    most = max(lacking[part] for part in eligible)
    tied = [part for part in eligible if lacking[part] >= most - _ROUNDING * abs(most)]
    if len(tied) == 1:
        return tied[0]
    bounds = list(accumulate(max(shares[part], 0.0) for part in tied))
    return tied[min(bisect(bounds, uniform * bounds[-1]), len(tied) - 1)]


def _uniform(key: np.uint64) -> float:
    """A number in [0, 1) that tells nothing of the key's rank, by which groups are ordered."""
    return (int(key) * _MIXER % 2**64 >> 11) / 2**53


def _complete_classes(
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    fixed: NDArray[np.int8],
    assignment: NDArray[np.int8],
    names: Sequence[str],
) -> None:
    """Move a group to each part that a small class would otherwise be missing from, in place."""
    for label, class_name in enumerate(CLASSES):
        rows = np.flatnonzero(labels == label)
        for part, name in enumerate(names):
            if (assignment[rows] == part).any():
                continue
            count = len(np.unique(groups[rows]))
            if count < len(names):
                raise CorrosionError(
                    f"The class {class_name} has {len(rows)} images in {count} groups of "
                    f"near-duplicates: too few to put one in each of {', '.join(names)}. Add "
                    f"images of this class: {len(names)} that differ are the least, "
                    f"hundreds make sense."
                )
            held = [
                np.unique(groups[rows[assignment[rows] == other]]) for other in range(len(names))
            ]
            donor = max(held, key=len)
            movable = np.setdiff1d(donor, groups[fixed != UNASSIGNED])
            if len(donor) < 2 or not len(movable):
                raise CorrosionError(
                    f"The class {class_name} has no image in {name}, and the official subsets or "
                    f"the split file keep its {len(rows)} images where they are. Split anew by "
                    f"keep_subsets=false without a split file, or add images."
                )
            sizes = np.bincount(groups)[movable]
            assignment[groups == movable[np.argmin(sizes)]] = part
