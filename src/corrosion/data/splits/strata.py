"""Groups that stay together, and strata (the images of a class in a source) that keep shares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

UNASSIGNED = -1
"""Code of an image that no part has yet; parts are numbered from 0."""


@dataclass(frozen=True)
class Strata:
    """S strata whose images are divided among P parts (splits or folds).

    Attributes:
        codes: (N,) int64, stratum of each row.
        labels: (S,) int64, label of each stratum.
        totals: (S,) int64, number of rows to divide.
        eligible: (S, P) bool, which parts take rows of a stratum.
        deficit: (S, P) float64, how many rows each part lacks, those that it has already left out.
    """

    codes: NDArray[np.int64]
    labels: NDArray[np.int64]
    totals: NDArray[np.int64]
    eligible: NDArray[np.bool_]
    deficit: NDArray[np.float64]


def build_strata(
    records: pd.DataFrame,
    shares_by_source: Mapping[str, tuple[float, ...]],
    fixed: NDArray[np.int8],
    *,
    official: NDArray[np.bool_],
) -> Strata:
    """Count the images of each class in each source, and what each part lacks of them.

    Args:
        records: N rows with the columns label and source.
        shares_by_source: shares of the P parts, which sum to 1, by source.
        fixed: (N,) int8, part of each row, or `UNASSIGNED`.
        official: (N,) bool, rows of official subsets, which count for no share.
    """
    keys = pd.MultiIndex.from_arrays([records["label"], records["source"].astype(str)])
    codes, names = pd.factorize(keys, sort=True)
    shares = np.array([shares_by_source[source] for _, source in names], dtype=np.float64)
    totals = np.bincount(codes[~official], minlength=len(names))
    deficit = np.asarray(shares * totals[:, None], dtype=np.float64)
    counted = ~official & (fixed != UNASSIGNED)
    np.subtract.at(deficit, (codes[counted], fixed[counted]), 1)
    labels = np.array([label for label, _ in names])
    return Strata(codes=codes, labels=labels, totals=totals, eligible=shares > 0, deficit=deficit)


def number_groups(records: pd.DataFrame) -> NDArray[np.int64]:
    """Number groups from 0; files with the same bytes belong together whatever `group` says.

    Args:
        records: N rows with the column content_hash and, optionally, group.

    Returns:
        (N,) int64, group of each row.
    """
    by_content = pd.factorize(records["content_hash"])[0]
    if "group" not in records:
        return by_content.astype(np.int64)
    given = pd.factorize(records["group"])[0]
    # contents and given groups are the two sides of a graph; its components are the groups
    size = len(records)
    edges = coo_array((np.ones(size, bool), (by_content, size + given)), shape=(2 * size, 2 * size))
    labels = connected_components(edges, directed=False)[1]
    return pd.factorize(labels[by_content])[0].astype(np.int64)


def twins(
    records: pd.DataFrame, of: NDArray[np.bool_], among: NDArray[np.bool_], *, which: str
) -> pd.DataFrame:
    """Find images in whose group there is one of certain others.

    Args:
        records: N rows with the columns path, label, source, content_hash and group.
        of: (N,) bool, the images that others must not resemble.
        among: (N,) bool, the images that are looked through.
        which: what is said of those of `of`, as "which is tested".

    Returns:
        One row an image, numbered as in `records`: path, label, source, reason (leak) and detail.
    """
    groups = pd.Series(number_groups(records), index=records.index)
    first = records["path"][of].groupby(groups[of]).first()
    found = records.loc[among & groups.isin(first.index).to_numpy(), ["path", "label", "source"]]
    detail = [f"near-duplicate of {first[group]}, {which}" for group in groups[found.index]]
    return found.assign(reason="leak", detail=pd.Series(detail, index=found.index, dtype="str"))


def random_keys(contents: pd.Series, groups: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """Draw a key for each group, by which groups of equal size are ordered.

    Args:
        contents: (N,) content hash of each row.
        groups: (N,) group of each row, numbered from 0.
        seed: seed of the order.

    Returns:
        (G,) uint64, the least hash of seed and content in each group: it depends on no other image.
    """
    hashes = np.fromiter(
        (
            int.from_bytes(hashlib.blake2b(f"{seed}:{content}".encode(), digest_size=8).digest())
            for content in contents
        ),
        dtype=np.uint64,
        count=len(contents),
    )
    keys = np.full(groups.max(initial=-1) + 1, np.iinfo(np.uint64).max)
    np.minimum.at(keys, groups, hashes)
    return keys
