"""Photographs that may be chosen: readable, not labelled yet, no two of the same picture."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from corrosion.data.curation.pictures import find_same_pictures
from corrosion.data.curation.screening import screen
from corrosion.data.places import is_there

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Photographs that may be chosen, and how many may not.

    Attributes:
        records: path and content_hash of the photographs that may be chosen, one row each.
        unreadable: number of files that can't be read.
        labelled: number of photographs that are labelled, or near-duplicates of labelled ones.
        duplicates: number of near-duplicates of photographs in `records`.
    """

    records: pd.DataFrame
    unreadable: int
    labelled: int
    duplicates: int


def find_candidates(
    files: Sequence[str],
    labelled: pd.DataFrame | None = None,
    *,
    near_duplicates: int = 10,
    cropped_duplicates: Literal["auto"] | bool = "auto",
) -> Candidates:
    """Read photographs once, and leave out pictures that are labelled or come twice.

    Near-duplicates are told as in the split of a training (`pictures.find_same_pictures`).
    Photographs that are linked through others count as near-duplicates too.

    Args:
        files: paths of the photographs.
        labelled: the images of a run, with the column path and, from newer runs, content_hash.
            Where files have moved since, their exact copies are recognised by content alone.
        near_duplicates: bits of a 63-bit hash in which near-duplicates may differ, 0 to 11.
        cropped_duplicates: whether cropped, turned and framed versions count as near-duplicates.

    Raises:
        CorrosionError: none of the files can be read.
    """
    hashes, there = _known(labelled)
    asked = pd.DataFrame(
        {"path": [*there, *files], "labelled": np.arange(len(there) + len(files)) < len(there)}
    )
    screened = screen(asked.astype({"path": "str"}))
    records = screened.records
    group = find_same_pictures(
        records, near_duplicates=near_duplicates, cropped_duplicates=cropped_duplicates
    ).group
    known = (records["labelled"] | records["content_hash"].isin(hashes)).to_numpy(bool)
    table = records.assign(
        group=group,
        known=np.isin(group, group[known]),
        pixels=records["width"].astype(np.int64) * records["height"],
    )[~records["labelled"]]
    unknown = table[~table["known"]]
    largest_first = unknown.sort_values("pixels", ascending=False, kind="stable")
    chosen = largest_first.drop_duplicates("group").sort_index()
    return Candidates(
        chosen[["path", "content_hash"]].reset_index(drop=True),
        unreadable=int((~screened.rejected["labelled"]).sum()),
        labelled=int(table["known"].sum()),
        duplicates=len(unknown) - len(chosen),
    )


def _known(labelled: pd.DataFrame | None) -> tuple[set[str], list[str]]:
    """Content hashes of labelled photographs, and the paths of those that are still there."""
    if labelled is None:
        return set(), []
    there = [path for path in labelled["path"] if is_there(path)]
    if gone := len(labelled) - len(there):
        log.warning(
            "%d of %d labelled photographs are not where the run found them: of these, only exact "
            "copies are passed over. First: %s",
            gone,
            len(labelled),
            next(path for path in labelled["path"] if path not in set(there)),
        )
    return set(labelled.get("content_hash", pd.Series(dtype=str)).dropna()), there
