"""Decide which images are left out: suspicious ones, copies, and those with conflicting labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.curation.duplicates import Duplicates
from corrosion.data.curation.pictures import find_same_pictures
from corrosion.data.curation.quality import RULES, broken_rules
from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.settings.data import CurationSettings

log = logging.getLogger(__name__)

_LISTED = 10  # conflicts that an error names
_LARGE_GROUP = 0.1  # share of all images; such a group unbalances the split


@dataclass(frozen=True)
class Inspection:
    """What was found in N readable images, before anything is left out.

    Attributes:
        records: the images, numbered from 0.
        duplicates: which images show the same picture.
        conflicting: (N,), whether an image has a copy or near-duplicate of the other class; a crop
            may be of another class in truth, and is none.
        broken: whether an image breaks each rule of `quality.RULES`, a column a rule.
    """

    records: pd.DataFrame
    duplicates: Duplicates
    conflicting: NDArray[np.bool_]
    broken: pd.DataFrame


def inspect(records: pd.DataFrame, policy: CurationSettings) -> Inspection:
    """Look for duplicates, conflicts and suspicious images.

    Args:
        records: records as `screening.screen` gives them, numbered from 0.
        policy: what counts as a duplicate or as suspicious.
    """
    broken = broken_rules(records, policy.quality)
    duplicates = find_same_pictures(
        records,
        near_duplicates=policy.near_duplicates,
        cropped_duplicates=policy.cropped_duplicates,
    )
    labels = records["label"].to_numpy()
    conflicting = np.zeros(len(records), bool)
    for label in range(len(CLASSES)):
        others = labels != label
        conflicting |= (labels == label) & duplicates.seen_in(others, versions=False)
    _warn_of_large_group(records, duplicates.group)
    return Inspection(records, duplicates, conflicting, broken)


def left_out(
    inspection: Inspection, policy: CurationSettings, *, assigned: pd.Series | None = None
) -> pd.DataFrame:
    """Choose the images that no split gets.

    Of copies the one in a test set stays, so that test sets keep their images; then one in
    validation, then the first.

    Args:
        inspection: inspection of all images.
        policy: which copies, conflicts and suspicious images are left out.
        assigned: split that each image has already, by an earlier run or an official subset:
            train, val, test, or "" for none.

    Returns:
        One row an image, numbered as in `inspection.records`: path, label, source, reason
        (conflict, copy or the name of a rule) and detail.

    Raises:
        CorrosionError: there are conflicts and `policy.on_conflict` is "error".
    """
    records = inspection.records
    found = [
        _because(rule, _measured(inspection, rule, policy.quality.limits))
        for rule in policy.quality.remove
    ]
    if policy.on_conflict != "keep":
        partners = _partners(inspection)
        if policy.on_conflict == "error" and len(partners):
            raise _conflict_error(records, partners)
        found.append(_because("conflict", "the other class has " + partners))
    chosen = pd.concat([_because("", pd.Series(dtype="str")), *found])
    chosen = chosen[~chosen.index.duplicated()]
    if policy.exact_duplicates == "drop":
        originals = _originals(inspection, records.index.difference(chosen.index), assigned)
        chosen = pd.concat([chosen, _because("copy", "of " + originals)])
    return records[["path", "label", "source"]].join(chosen.sort_index(), how="right")


def _because(reason: str, detail: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"reason": pd.Series(reason, index=detail.index, dtype="str")}).assign(
        detail=detail
    )


def _measured(inspection: Inspection, rule: str, limits: Mapping[str, float | None]) -> pd.Series:
    """The value and the limit, as text, of the images that break a rule."""
    broken = inspection.records[inspection.broken[rule]]
    texts = [f"{value:.4g}, limit {limits[rule]:g}" for value in RULES[rule].value(broken)]
    return pd.Series(texts, index=broken.index, dtype="str")


def _partners(inspection: Inspection) -> pd.Series:
    """The path of an image of the other class in its group, of each conflicting image."""
    records = inspection.records[inspection.conflicting]
    group = pd.Series(inspection.duplicates.group[inspection.conflicting], index=records.index)
    first = records["path"].groupby([group, records["label"]]).first()
    wanted = pd.MultiIndex.from_arrays([group, 1 - records["label"]])
    return pd.Series(first.reindex(wanted).to_numpy(), index=records.index, dtype="str")


def _conflict_error(records: pd.DataFrame, partners: pd.Series) -> CorrosionError:
    corroded = records.loc[partners.index, "label"] == 1
    listed = partners[corroded].head(_LISTED)
    lines = [
        f"  {path} (corrosion) and {partner}"
        for path, partner in zip(records.loc[listed.index, "path"], listed, strict=True)
    ]
    return CorrosionError(
        f"{len(partners)} images have a copy or near-duplicate in the other class. Correct or "
        "remove them, or leave them out by on_conflict=drop. Among them:\n" + "\n".join(lines)
    )


def _originals(
    inspection: Inspection, candidates: pd.Index, assigned: pd.Series | None
) -> pd.Series:
    """The path of the image that stays, of each superfluous copy."""
    table = inspection.records.loc[candidates, ["path", "label"]]
    table["copy"] = inspection.duplicates.copy[candidates]
    if assigned is not None:
        rank = assigned[candidates].astype(str).map({"test": 0, "val": 1, "train": 2}).fillna(3)
        table = table.loc[rank.sort_values(kind="stable").index]
    alike = table.groupby(["copy", "label"])["path"]
    return alike.transform("first")[alike.cumcount() > 0]


def _warn_of_large_group(records: pd.DataFrame, group: NDArray[np.int64]) -> None:
    sizes = np.bincount(group)
    largest = int(sizes.max(initial=0))
    if largest > max(2, _LARGE_GROUP * len(records)):
        log.warning(
            "%d of %d images are near-duplicates of each other, as %s: they stay in one subset. If "
            "they differ in truth, lower data.near_duplicates.",
            largest,
            len(records),
            records["path"].iloc[int(np.flatnonzero(group == sizes.argmax())[0])],
        )
