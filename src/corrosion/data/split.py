"""Assign images to training, validation and test so that nothing leaks between them."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.files import replacing

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
_COLUMNS = ("path", "label", "source", "group", "split", "content_hash")


def split(
    records: pd.DataFrame,
    *,
    fractions: Sequence[float] = (0.7, 0.2, 0.1),
    seed: int = 0,
    keep_subsets: bool = True,
    assigned: pd.Series | None = None,
) -> pd.DataFrame:
    """Split images, stratified by label and source, never dividing a group.

    Groups (column `group`, and files with the same bytes) are taken in turn, the largest first,
    equal sizes in an order drawn by `seed`; each goes where its classes and sources lack most.
    The result depends on the files' content and the seed, not on names or order.

    Args:
        records: with the columns path, label, source and content_hash; optionally group (any
            values; images of one group stay together) and subset (official split).
        fractions: of training, validation and test; above 0, together 1.
        seed: 0 or more.
        keep_subsets: keep official subsets where there is a train folder and at least one other;
            a validation or test set that is missing is taken out of training.
        assigned: earlier assignment by row of `records` ("train", "val", "test", or "" for new
            images), which stays as it is; new images of an assigned group join it.

    Returns:
        The records with the columns group (int64, from 0) and split (train, val or test).

    Raises:
        CorrosionError: fractions that make no sense, or a class with too few images.
    """
    shares = _checked(fractions)
    records = records.reset_index(drop=True)
    groups = _groups(records)
    fixed = np.full(len(records), "", dtype=object)
    shares_by_source = dict.fromkeys(records["source"].astype(str).unique(), shares)
    if keep_subsets and "subset" in records:
        _keep_subsets(records, fixed, shares_by_source)
    official = fixed != ""
    if assigned is not None:
        known = assigned.to_numpy(dtype=object)
        fixed[known != ""] = known[known != ""]
    strata = _Strata(records, shares_by_source, drawn=~official)
    result = _draw(groups, fixed, strata, _turns(records, groups, seed))
    _fill_gaps(records["label"].to_numpy(), groups, fixed, result)
    return records.assign(group=groups, split=pd.Categorical(result, SPLITS))


def write_split(records: pd.DataFrame, path: Path) -> None:
    """Write `split.csv`: path, label, source, group, split and content_hash of every image."""
    with replacing(path) as temporary:
        records.to_csv(temporary, columns=list(_COLUMNS), index=False)


def read_split(path: Path, records: pd.DataFrame) -> pd.Series:
    """Read the assignment of images from a `split.csv`.

    Images are recognised by path and, where files were moved or renamed, by content.

    Args:
        path: of the file.
        records: with the columns path and content_hash.

    Returns:
        train, val or test for each row of `records`, "" for images that are not in the file.

    Raises:
        CorrosionError: the file is missing, is no split, or knows none of the images.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # ValueError covers pandas' own parser errors
        raise CorrosionError(f"data.split_file={path} can't be read: {error}") from error
    missing = {"path", "split", "content_hash"} - set(table)
    unknown = set() if missing else set(table["split"]) - set(SPLITS)
    if missing or unknown:
        wrong = f"columns {sorted(missing)} are missing" if missing else f"splits {unknown}"
        raise CorrosionError(
            f"data.split_file={path}: {wrong}. It must be a split.csv of an earlier run, with "
            f"split one of {', '.join(SPLITS)}."
        )
    by_path = dict(zip(table["path"], table["split"], strict=True))
    by_content = dict(zip(table["content_hash"], table["split"], strict=True))
    found = records["path"].map(by_path).fillna(records["content_hash"].map(by_content)).fillna("")
    if (found == "").all():
        raise CorrosionError(
            f"data.split_file={path} knows none of the {len(records)} images, neither by path nor "
            f"by content: it belongs to other data."
        )
    gone = len(table) - int((found != "").sum())
    if gone > 0:
        log.warning("%d of %d images in %s are not here", gone, len(table), path)
    if new := int((found == "").sum()):
        log.info("%d images are not in %s and are assigned now", new, path)
    return found


def _checked(fractions: Sequence[float]) -> tuple[float, ...]:
    shares = tuple(float(share) for share in fractions)
    if (
        len(shares) != len(SPLITS)
        or not math.isclose(sum(shares), 1, abs_tol=1e-6)
        or min(shares) <= 0
    ):
        raise CorrosionError(
            f"data.split={list(fractions)}: give three numbers above 0 (training, validation, "
            f"test) that sum to 1, e.g. data.split=[0.7,0.2,0.1]."
        )
    return shares


def _keep_subsets(
    records: pd.DataFrame,
    fixed: NDArray[np.object_],
    shares_by_source: dict[str, tuple[float, ...]],
) -> None:
    """Fix the rows of official subsets; what is still to be drawn is drawn out of training."""
    for source, rows in records.groupby(records["source"].astype(str)):
        official = rows["subset"].to_numpy(dtype=object)
        present = set(official) - {""}
        if "train" not in present or len(present) == 1:
            continue
        missing = [name for name in SPLITS if name not in present]
        drawn = np.isin(official, ["", "train"]) if missing else official == ""
        fixed[rows.index[~drawn]] = official[~drawn]
        if missing:
            log.info("%s has no %s folder: taken out of train", source, " and no ".join(missing))
            shares = [
                share if name in ("train", *missing) else 0.0
                for name, share in zip(SPLITS, shares_by_source[str(source)], strict=True)
            ]
            shares_by_source[str(source)] = tuple(share / sum(shares) for share in shares)


def _groups(records: pd.DataFrame) -> NDArray[np.int64]:
    """Number groups from 0; files with the same bytes belong together whatever `group` says."""
    by_content = pd.factorize(records["content_hash"])[0]
    if "group" not in records:
        return by_content.astype(np.int64)
    given = pd.factorize(records["group"])[0]
    # contents and given groups are the two sides of a graph; its components are the groups
    size = len(records)
    edges = coo_array((np.ones(size, bool), (by_content, size + given)), shape=(2 * size, 2 * size))
    labels = connected_components(edges, directed=False)[1]
    return pd.factorize(labels[by_content])[0].astype(np.int64)


class _Strata:
    """Classes by source, and how many images each still lacks in each split.

    Official subsets (rows that are not drawn) are no part of what a source has to share out.
    """

    def __init__(
        self,
        records: pd.DataFrame,
        shares_by_source: dict[str, tuple[float, ...]],
        *,
        drawn: NDArray[np.bool_],
    ) -> None:
        keys = pd.MultiIndex.from_arrays([records["label"], records["source"].astype(str)])
        self.codes, names = pd.factorize(keys)
        self.shares = [shares_by_source[source] for _, source in names]
        totals = np.bincount(self.codes[drawn], minlength=len(names))
        self.lacking = (np.array(self.shares) * totals[:, None]).tolist()

    def add(self, counts: list[tuple[int, int]], place: int) -> None:
        """Count images of (stratum, number) as assigned to a split."""
        for stratum, number in counts:
            self.lacking[stratum][place] -= number

    def neediest(self, counts: list[tuple[int, int]]) -> int:
        """The split that lacks most of what a group of (stratum, number) has."""
        need = [
            sum(number * self.lacking[stratum][place] for stratum, number in counts)
            if all(self.shares[stratum][place] > 0 for stratum, _ in counts)
            else -math.inf
            for place in range(len(SPLITS))
        ]
        return need.index(max(need))


def _turns(records: pd.DataFrame, groups: NDArray[np.int64], seed: int) -> list[int]:
    """Groups, the largest first, equal ones by a hash of seed and content."""
    key = records["content_hash"].groupby(groups).min()
    size = np.bincount(groups)
    drawn = {
        int(str(group)): hashlib.blake2b(f"{seed}:{content}".encode(), digest_size=8).digest()
        for group, content in key.items()
    }
    return sorted(drawn, key=lambda group: (-size[group], drawn[group]))


def _draw(
    groups: NDArray[np.int64], fixed: NDArray[np.object_], strata: _Strata, turns: list[int]
) -> NDArray[np.object_]:
    """Give every group a split; rows that are fixed keep theirs, and their group follows them."""
    counts: dict[int, list[tuple[int, int]]] = {}
    free = fixed == ""
    pairs, numbers = np.unique(
        np.stack([groups[free], strata.codes[free]]), axis=1, return_counts=True
    )
    for (group, stratum), number in zip(pairs.T.tolist(), numbers.tolist(), strict=True):
        counts.setdefault(group, []).append((stratum, number))
    known: dict[int, list[int]] = {}
    for place, name in enumerate(SPLITS):
        rows = np.flatnonzero(fixed == name)
        for group, stratum in zip(groups[rows].tolist(), strata.codes[rows].tolist(), strict=True):
            known.setdefault(group, [0] * len(SPLITS))[place] += 1
            strata.add([(stratum, 1)], place)
    chosen = np.full(len(turns), -1)
    for group in turns:
        if group not in counts:
            continue
        if votes := known.get(group):
            place = votes.index(max(votes))
        else:
            place = strata.neediest(counts[group])
        strata.add(counts[group], place)
        chosen[group] = place
    result = fixed.copy()
    result[free] = np.array(SPLITS, dtype=object)[chosen[groups[free]]]
    return result


def _fill_gaps(
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    fixed: NDArray[np.object_],
    result: NDArray[np.object_],
) -> None:
    """Move a group to each split that a small class would otherwise be missing from."""
    immovable = set(groups[fixed != ""].tolist())
    for label, class_name in enumerate(CLASSES):
        for name in SPLITS:
            rows = np.flatnonzero(labels == label)
            if (result[rows] == name).any():
                continue
            held = {
                other: sorted(set(groups[rows[result[rows] == other]].tolist())) for other in SPLITS
            }
            donor = max(SPLITS, key=lambda other: len(held[other]))
            movable = [group for group in held[donor] if group not in immovable]
            if len(held[donor]) < 2 or not movable:
                count = len({group for members in held.values() for group in members})
                raise CorrosionError(
                    f"The class {class_name} has {len(rows)} images in {count} groups of "
                    f"near-duplicates: too few to put one in each of {', '.join(SPLITS)}. Add "
                    f"images of this class: 3 that differ are the least, hundreds make sense."
                )
            sizes = {group: int((groups == group).sum()) for group in movable}
            result[groups == min(movable, key=lambda group: (sizes[group], group))] = name
