"""Photographs of an audit's page: groups that show the same, suspicious ones, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from corrosion.data.curation.audit import Audit
from corrosion.data.curation.quality import RULES
from corrosion.data.images import read_image
from corrosion.data.labels import CLASSES
from corrosion.report.page import inline_picture
from corrosion.report.run_photographs import ShownPhotograph
from corrosion.system.names import displayable
from corrosion.system.shown_paths import shown_path

log = logging.getLogger(__name__)

_SIDE = 480  # pixels: enough to compare two photographs beside each other
_PHOTOGRAPHS = 100  # on the page, of groups and of suspicious ones each; audit.json names all
_OF_GROUP = 8


@dataclass(frozen=True)
class ShownGroup:
    """Photographs that belong together.

    Attributes:
        title: what they are.
        advice: what to do with them.
        photographs: the first of them.
        images: how many there are.
    """

    title: str
    advice: str
    photographs: tuple[ShownPhotograph, ...]
    images: int


def rows_of_groups(audit: Audit) -> list[list[int]]:
    """Rows of each group of several images: both classes first, then several sources, then size."""
    table = pd.DataFrame(
        {
            "group": audit.inspection.duplicates.group,
            "conflict": audit.inspection.conflicting,
            "source": audit.inspection.records["source"].astype(str),
        }
    )
    table = table[table["group"].duplicated(keep=False)]
    groups = table.groupby("group")
    rank = groups.agg(
        conflict=("conflict", "any"), sources=("source", "nunique"), images=("source", "size")
    ).sort_values(["conflict", "sources", "images"], ascending=False, kind="stable")
    return [table.index[groups.indices[group]].tolist() for group in rank.index]


def shown_groups(audit: Audit) -> list[ShownGroup]:
    """The first groups of copies and near-duplicates, as many as a page holds."""
    found, drawn = [], 0
    for rows in rows_of_groups(audit):
        if drawn >= _PHOTOGRAPHS:
            break
        shown = rows[:_OF_GROUP]
        drawn += len(shown)
        title, advice = _said(audit, rows)
        pictures = tuple(_photographs(audit, shown))
        found.append(ShownGroup(title, advice, pictures, len(rows)))
    return found


def _said(audit: Audit, rows: list[int]) -> tuple[str, str]:
    """What a group is, and what to do with it."""
    members = audit.inspection.records.loc[rows]
    same = len(set(audit.inspection.duplicates.copy[rows])) == 1
    title = f"{len(rows)} images, {'the same pixels' if same else 'nearly the same'}"
    if members["source"].nunique() > 1:
        title += ", several sources"
    subsets = sorted(set(members["subset"].astype(str)) - {""})
    if audit.inspection.conflicting[rows].any():
        until = {
            "drop": "training leaves them out",
            "keep": "training takes them as they are",
            "error": "no training starts",
        }[audit.policy.on_conflict]
        return f"{title}, both classes", (
            "A label is wrong, or the picture does not settle it: move files to the right folder, "
            f"or delete them. Until then {until}."
        )
    if len(subsets) > 1:
        return f"{title}, in {' and '.join(subsets)}", (
            "Figures measured on one subset know images of the other: delete one of them, or let "
            "training divide anew (data.keep_subsets=false)."
        )
    if same and audit.policy.exact_duplicates == "drop":
        return title, "Nothing to do: training keeps one of them."
    return title, "Nothing to do: training keeps them together in one subset."


def shown_suspicious(audit: Audit) -> list[ShownGroup]:
    """The first images that break each rule, the worst first, with the limit."""
    found, broken = [], audit.inspection.broken
    share = max(1, _PHOTOGRAPHS // max(1, int(broken.any().sum())))
    for rule in broken:
        images = audit.inspection.records[broken[rule]]
        if images.empty:
            continue
        values = RULES[str(rule)].value(images).sort_values()
        limit = audit.policy.quality.limits[str(rule)]
        rows = values.index[:share].tolist()
        advice = (
            f"Look at them: delete those that show nothing; they stay in training, unless "
            f"data.quality.remove=[{rule}] leaves all of them out (limit {limit:g})."
        )
        pictures = tuple(_photographs(audit, rows, values))
        found.append(ShownGroup(f"{len(images)} {rule} images", advice, pictures, len(images)))
    return found


def _photographs(
    audit: Audit, rows: list[int], values: pd.Series | None = None
) -> Iterator[ShownPhotograph]:
    conflicting: np.ndarray = audit.inspection.conflicting
    for row in rows:
        record = audit.inspection.records.loc[row].to_dict()
        picture, missing = "", ""
        try:
            small = Image.fromarray(read_image(record["path"], min_side=_SIDE))
            picture = inline_picture(small, max_side=_SIDE)
        except Exception as error:  # changed since it was examined
            log.debug("%s can't be drawn", record["path"], exc_info=True)
            missing = f"can't be shown: {type(error).__name__}"
        about = [str(record["source"]), str(record["subset"])]
        about += [f"{record['width']} x {record['height']}"] if "width" in record else []
        about += [] if values is None else [f"{values[row]:.4g}"]
        path = displayable(shown_path(Path(record["path"]), audit.roots))
        label = int(record["label"])
        yield ShownPhotograph(
            "wrong" if conflicting[row] else "plain",
            CLASSES[label].replace("_", " "),
            path,
            picture,
            ", ".join(filter(None, about)),
            missing=missing,
            label=label,
        )
