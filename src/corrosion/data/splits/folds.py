"""k-fold cross-validation: each image is in the test set of exactly one of k runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.splits.assignment import assign_rows
from corrosion.data.splits.holdout import SPLITS, checked_fractions
from corrosion.data.splits.strata import number_groups
from corrosion.settings.data import SplitSettings

log = logging.getLogger(__name__)


def split_fold(
    records: pd.DataFrame, *, folds: int, fold: int, fractions: Sequence[float], seed: int
) -> pd.DataFrame:
    """Split images with the test set of one fold.

    All images are assigned to the folds as `split` assigns them to its parts: stratified by label
    and source, never dividing a group. Fold number `fold` becomes the test set; the rest is split
    into training and validation in their proportion to each other. Official subsets are ignored.
    The same seed gives the same folds whatever `fold` is.

    Args:
        records: one row an image, with the columns that `corrosion.data.splits.split` needs.
        folds: number of folds, 2 to 100.
        fold: number of the fold to test on, from 0.
        fractions: shares of training, validation and test, above 0 and together 1; that of test is
            not used.
        seed: seed of the order of groups of equal size, 0 or more.

    Returns:
        The records with the columns group (int64, from 0) and split (train, val or test).

    Raises:
        CorrosionError: a number is out of its range, or a class has too few groups.

    Example:
        Every image is tested once:

        >>> records = pd.DataFrame(
        ...     {
        ...         "path": [f"{number}.jpg" for number in range(30)],
        ...         "label": [0, 1] * 15,
        ...         "source": "bridges",
        ...         "content_hash": [f"{number}" for number in range(30)],
        ...     }
        ... )
        >>> tested = []
        >>> for fold in range(5):
        ...     table = split_fold(records, folds=5, fold=fold, fractions=(0.7, 0.2, 0.1), seed=0)
        ...     tested += list(table["path"][table["split"] == "test"])
        >>> sorted(tested) == sorted(records["path"])
        True
    """
    SplitSettings(folds=folds, fold=fold)  # refuses a fold that is none
    train, val, _ = checked_fractions(fractions)
    records = records.reset_index(drop=True)
    if "subset" in records and (records["subset"].astype(str) != "").any():
        log.info("folds=%d splits official subsets anew", folds)
    groups = number_groups(records)
    names = [f"fold {number}" for number in range(folds)]
    numbers = _assign(records, groups, [1 / folds] * folds, seed, names)
    rest = numbers != fold
    codes = np.full(len(records), SPLITS.index("test"), dtype=np.int8)
    shares = (train / (train + val), val / (train + val))
    codes[rest] = _assign(records[rest], groups[rest], shares, seed, SPLITS[:2])
    return records.assign(group=groups, split=pd.Categorical.from_codes(codes, pd.Index(SPLITS)))


def _assign(
    records: pd.DataFrame,
    groups: NDArray[np.int64],
    shares: Sequence[float],
    seed: int,
    names: Sequence[str],
) -> NDArray[np.int8]:
    """The part of each row, one of `names` by its position, in the same shares of every source."""
    of_source = dict.fromkeys(records["source"].astype(str).unique(), tuple(shares))
    return assign_rows(records, groups, of_source, names=names, seed=seed)
