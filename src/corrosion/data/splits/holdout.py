"""Assign images to training, validation and test so that nothing leaks between them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.splits.assignment import assign_rows
from corrosion.data.splits.strata import UNASSIGNED, number_groups
from corrosion.settings.data import SplitSettings

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
"""Names of the splits; their positions are their codes."""


def split(
    records: pd.DataFrame,
    *,
    fractions: Sequence[float] = (0.7, 0.2, 0.1),
    seed: int = 0,
    keep_subsets: bool = True,
    assigned: pd.Series | None = None,
) -> pd.DataFrame:
    """Split images, stratified by label and source, never dividing a group.

    Groups (column `group`, and files with the same bytes) are assigned one after the other, the
    largest first, equal sizes in an order drawn by `seed`; each goes where its class and source
    lack the largest share, so that every split gets its part of the large groups. What a source
    can't divide evenly is made up for by the next source, so that the shares of each class hold
    however small the sources are. The result depends on the files' content and the seed, not on
    names or order.

    Args:
        records: one row an image, with the columns path, label, source and content_hash;
            optionally group (any values; images of one group stay together) and subset (official
            split).
        fractions: shares of training, validation and test, above 0 and together 1.
        seed: seed of the order of groups of equal size, 0 or more.
        keep_subsets: whether official subsets are kept where there is a train folder and at least
            one other; a validation or test set that is missing is taken out of training.
        assigned: earlier assignment by row of `records` ("train", "val", "test", or "" for new
            images), which stays as it is. New images of an assigned group join it; the others are
            for training, so that validation and test stay what they were, and give a subset that
            the assignment does not name its share.

    Returns:
        The records with the columns group (int64, from 0) and split (train, val or test).

    Raises:
        CorrosionError: fractions are not positive or don't sum to 1, or a class has too few images.

    Example:
        Two photographs of one bolt (group 0) stay together:

        >>> records = pd.DataFrame(
        ...     {
        ...         "path": [f"{number}.jpg" for number in range(20)],
        ...         "label": [0, 1] * 10,
        ...         "source": "bridges",
        ...         "content_hash": [f"{number}" for number in range(20)],
        ...         "group": [0, 1, 0, *range(2, 19)],
        ...     }
        ... )
        >>> table = split(records, seed=1)
        >>> table["split"].value_counts().to_dict()
        {'train': 14, 'val': 4, 'test': 2}
        >>> table["split"][0] == table["split"][2]
        True
    """
    shares = checked_fractions(fractions)
    records = records.reset_index(drop=True)
    groups = number_groups(records)
    shares_by_source = dict.fromkeys(records["source"].astype(str).unique(), shares)
    fixed = np.full(len(records), UNASSIGNED, dtype=np.int8)
    if keep_subsets and "subset" in records:
        _keep_subsets(records, fixed, shares_by_source)
    official = fixed != UNASSIGNED
    if assigned is not None:
        known = split_codes(assigned)
        named = set(known.tolist())
        free = [code == SPLITS.index("train") or code not in named for code in range(len(SPLITS))]
        if new := int((known == UNASSIGNED).sum()):
            to = " and ".join(itertools.compress(SPLITS, free))
            log.info("%d images are not in the earlier split: they come into %s", new, to)
        shares_by_source = {
            source: _shares_of(shares, free) for source, shares in shares_by_source.items()
        }
        fixed = np.where(known == UNASSIGNED, fixed, known)
    _warn_of_divided_groups(groups, fixed)
    codes = assign_rows(
        records, groups, shares_by_source, names=SPLITS, seed=seed, fixed=fixed, official=official
    )
    return records.assign(group=groups, split=pd.Categorical.from_codes(codes, pd.Index(SPLITS)))


def checked_fractions(fractions: Sequence[float]) -> tuple[float, ...]:
    """Check the shares of training, validation and test.

    Args:
        fractions: the three shares.

    Raises:
        CorrosionError: they are not three numbers above 0 that sum to 1.
    """
    return SplitSettings.read({"split": fractions}, name=lambda _: "fractions").split


def split_codes(names: pd.Series) -> NDArray[np.int8]:
    """Codes of train, val and test; `UNASSIGNED` for anything else."""
    return pd.Index(SPLITS).get_indexer(pd.Index(names.astype(str))).astype(np.int8)


def _keep_subsets(
    records: pd.DataFrame,
    fixed: NDArray[np.int8],
    shares_by_source: dict[str, tuple[float, ...]],
) -> None:
    """Fix the rows of official subsets; a missing split is to be taken out of training."""
    subsets = split_codes(records["subset"])
    train = SPLITS.index("train")
    for source, rows in records.groupby(records["source"].astype(str)).indices.items():
        official = subsets[rows]
        present = set(official.tolist()) - {UNASSIGNED}
        if not present:
            continue
        if train not in present or len(present) == 1:
            log.info("%s has no train folder beside another: it is split anew", source)
            continue
        missing = [code for code in range(len(SPLITS)) if code not in present]
        kept = (official != UNASSIGNED) & ~(bool(missing) & (official == train))
        fixed[rows[kept]] = official[kept]
        if missing:
            names = " and no ".join(SPLITS[code] for code in missing)
            log.info("%s has no %s folder: taken out of train", source, names)
            free = [code in (train, *missing) for code in range(len(SPLITS))]
            shares_by_source[str(source)] = _shares_of(shares_by_source[str(source)], free)


def _shares_of(shares: tuple[float, ...], free: Sequence[bool]) -> tuple[float, ...]:
    """The shares of the splits that are free, which sum to 1; 0 for the others."""
    of_free = [share if is_free else 0.0 for share, is_free in zip(shares, free, strict=True)]
    return tuple(share / sum(of_free) for share in of_free)


def _warn_of_divided_groups(groups: NDArray[np.int64], fixed: NDArray[np.int8]) -> None:
    known = fixed != UNASSIGNED
    pairs = np.unique(groups[known] * len(SPLITS) + fixed[known])
    if divided := int((np.bincount(pairs // len(SPLITS)) > 1).sum()):
        log.warning(
            "%d groups of copies or near-duplicates lie in several of %s already, as the official "
            "subsets or the split file have them: test results will be too good. Without a "
            "split file, keep_subsets=false splits anew.",
            divided,
            ", ".join(SPLITS),
        )
