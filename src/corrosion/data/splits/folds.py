"""Cross-validation: each image is in the test set of exactly one of several runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.splits.assignment import assign_rows
from corrosion.data.splits.holdout import SPLITS, checked_fractions, split_codes
from corrosion.data.splits.strata import UNASSIGNED, number_groups, twins
from corrosion.errors import CorrosionError
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
    _tell_of_subsets(records, folds)
    groups = number_groups(records)
    names = [f"fold {number}" for number in range(folds)]
    numbers = _assign(records, groups, [1 / folds] * folds, seed, names)
    return _with_test(records, groups, numbers == fold, None, (train, val), seed)


def leave_source_out(
    records: pd.DataFrame,
    *,
    source: str,
    fractions: Sequence[float],
    seed: int,
    assigned: pd.Series | None = None,
) -> pd.DataFrame:
    """Split images with all of one source as the test set.

    The other sources are split into training and validation as `split` splits them: stratified by
    label and source, never dividing a group. Official subsets are ignored.

    Args:
        records: one row an image, with the columns that `corrosion.data.splits.split` needs; the
            images of `twins_of_source` are to be left out before.
        source: name of the source to test on.
        fractions: shares of training, validation and test, above 0 and together 1; that of test is
            not used.
        seed: seed of the order of groups of equal size, 0 or more.
        assigned: earlier assignment by row of `records` ("train", "val", "test", or "" for new
            images); what it says of training and validation stays as it is, new images are for
            training.

    Returns:
        The records with the columns group (int64, from 0) and split (train, val or test).

    Raises:
        CorrosionError: no image of the source, or a class with too few groups in the others.

    Example:
        >>> records = pd.DataFrame(
        ...     {
        ...         "path": [f"{number}.jpg" for number in range(30)],
        ...         "label": [0, 1] * 15,
        ...         "source": ["ships"] * 20 + ["bridges"] * 10,
        ...         "content_hash": [f"{number}" for number in range(30)],
        ...     }
        ... )
        >>> table = leave_source_out(
        ...     records, source="bridges", fractions=(0.7, 0.2, 0.1), seed=0
        ... )
        >>> table.groupby(["source", "split"], observed=True).size().to_dict()
        {('bridges', 'test'): 10, ('ships', 'train'): 16, ('ships', 'val'): 4}
    """
    train, val, _ = checked_fractions(fractions)
    records = records.reset_index(drop=True)
    test = (records["source"].astype(str) == source).to_numpy()
    if not test.any():
        raise CorrosionError(
            f"source={source}: there is nothing to test on, as none of its images can be used."
        )
    if records.loc[test, "label"].nunique() < 2:
        log.warning("%s has images of one class alone: some metrics are undefined on it", source)
    _tell_of_subsets(records, "source")
    groups = number_groups(records)
    fixed = np.full(len(records), UNASSIGNED, dtype=np.int8)
    if assigned is not None:
        known = split_codes(assigned)
        fixed = np.where(known == SPLITS.index("test"), np.int8(UNASSIGNED), known)
        if {0, 1} <= set(fixed[~test].tolist()):
            new = (known == UNASSIGNED) & ~np.isin(groups, groups[fixed != UNASSIGNED])
            fixed[new] = SPLITS.index("train")
    return _with_test(records, groups, test, fixed, (train, val), seed)


def twins_of_source(records: pd.DataFrame, source: str) -> pd.DataFrame:
    """Find images of other sources in whose group there is one of this source.

    Args:
        records: with the columns path, label, source, content_hash and group.
        source: name of the source that is tested on.

    Returns:
        One row an image, numbered as in `records`: path, label, source, reason (leak) and detail.

    Example:
        A photograph of ships is in a group with one of bridges:

        >>> records = pd.DataFrame(
        ...     {
        ...         "path": ["a.jpg", "b.jpg", "c.jpg"],
        ...         "label": [0, 0, 1],
        ...         "source": ["ships", "bridges", "ships"],
        ...         "content_hash": ["1", "2", "3"],
        ...         "group": [0, 0, 1],
        ...     }
        ... )
        >>> twins_of_source(records, "bridges")[["path", "detail"]].to_dict("records")
        [{'path': 'a.jpg', 'detail': 'near-duplicate of b.jpg, which is tested'}]
    """
    own = (records["source"].astype(str) == source).to_numpy()
    return twins(records, own, ~own, which="which is tested")


def _tell_of_subsets(records: pd.DataFrame, folds: int | str) -> None:
    if "subset" in records and (records["subset"].astype(str) != "").any():
        log.info("folds=%s splits official subsets anew", folds)


def _with_test(
    records: pd.DataFrame,
    groups: NDArray[np.int64],
    test: NDArray[np.bool_],
    fixed: NDArray[np.int8] | None,
    shares: tuple[float, float],
    seed: int,
) -> pd.DataFrame:
    """The test set is known; training and validation get the rest in these shares."""
    rest = ~test
    codes = np.full(len(records), SPLITS.index("test"), dtype=np.int8)
    of_rest = [share / sum(shares) for share in shares]
    known = None if fixed is None else fixed[rest]
    codes[rest] = _assign(records[rest], groups[rest], of_rest, seed, SPLITS[:2], known)
    return records.assign(group=groups, split=pd.Categorical.from_codes(codes, pd.Index(SPLITS)))


def _assign(
    records: pd.DataFrame,
    groups: NDArray[np.int64],
    shares: Sequence[float],
    seed: int,
    names: Sequence[str],
    fixed: NDArray[np.int8] | None = None,
) -> NDArray[np.int8]:
    """The part of each row, one of `names` by its position, in the same shares of every source."""
    of_source = dict.fromkeys(records["source"].astype(str).unique(), tuple(shares))
    return assign_rows(records, groups, of_source, names=names, seed=seed, fixed=fixed)
