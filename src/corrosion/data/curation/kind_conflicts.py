"""Photographs that show the same picture and are said to be of different kinds of corrosion."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import pandas as pd

from corrosion.data.curation.duplicates import Duplicates
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)

_LISTED = 10  # that an error names


def settle_kinds(
    kinds: pd.Series,
    paths: pd.Series,
    duplicates: Duplicates,
    *,
    on_conflict: Literal["drop", "keep", "error"],
) -> pd.Series:
    """Decide on copies and near-duplicates that have several kinds, as on those of both classes.

    Crops, which may show another part, are no near-duplicates here.

    Args:
        kinds: (N,) str, name of the kind of each image; empty where it is unknown.
        paths: (N,) str, path of each image.
        duplicates: which of the images show the same picture.
        on_conflict: "drop" takes the kind of all of them for unknown: what they say of corrosion is
            in no doubt; "keep" leaves each its own.

    Returns:
        The kinds (N,) str, with the index of `kinds`.

    Raises:
        CorrosionError: there are such images and `on_conflict` is "error".
    """
    values = kinds.to_numpy(dtype=object)
    known, conflicting = values != "", np.zeros(len(values), bool)
    for name in sorted(set(values[known])):
        own = values == name
        conflicting |= own & duplicates.seen_in(known & ~own, versions=False)
    count = int(conflicting.sum())
    if not count or on_conflict == "keep":
        return kinds
    rows = np.flatnonzero(conflicting)
    rows = rows[np.argsort(duplicates.group[rows], kind="stable")]  # those of one picture together
    listed = [f"{paths.iloc[row]} ({values[row]})" for row in rows[:_LISTED]]
    if on_conflict == "error":
        raise CorrosionError(
            f"{count} images have a copy or near-duplicate of another kind of corrosion. Correct "
            "or remove them, or take their kinds for unknown by on_conflict=drop. Among them:\n"
            + "\n".join(f"  {one}" for one in listed)
        )
    log.warning(
        "%d images have a copy or near-duplicate of another kind of corrosion, as %s and %s: their "
        "kinds count as unknown. Correct them, or list more by data.on_conflict=error.",
        count,
        *listed[:2],
    )
    return kinds.where(~conflicting, "")
