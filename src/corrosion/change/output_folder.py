"""The folder that `corrosion change` writes.

changes.csv    a row a pair, and one for each photograph without a partner
change.html    all of it on one page, the largest significant change first
pictures/      both photographs of each pair with their rust outlined, by its number in the table
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from corrosion.change.change_page import write_change_page
from corrosion.change.compare_inspections import PairChange, Side, unreadable_reason
from corrosion.change.pairing import Pairing
from corrosion.change.summary import MeanChange, mean_change
from corrosion.data.geometry import Pixels
from corrosion.data.images import reason_of
from corrosion.errors import CorrosionError, DiskError
from corrosion.explanation.overlay import write_image
from corrosion.prediction.mask_writer import outlined
from corrosion.system.files import is_taken, replacing_folder, write_csv
from corrosion.system.names import table_path

COLUMNS = (
    "old",
    "new",
    "paired_by",
    "aligned",
    "inliers",
    "overlap",
    "old_share",
    "new_share",
    "change",
    "change_low",
    "change_high",
    "significant",
    "old_probability",
    "new_probability",
    "old_index",
    "new_index",
    "note",
    "error",
    "old_picture",
    "new_picture",
)
"""Columns of changes.csv; docs/change.md says what they mean."""

NO_PARTNER = "no partner"
"""The note of a photograph that is in no pair."""

_PICTURES = "pictures"
_DIMMED = 0.4  # brightness of what only one of two aligned photographs shows


@dataclass(frozen=True)
class ComparedInspections:
    """What was found, in numbers.

    Attributes:
        mean: mean change over the pairs that could be measured.
        pairs: number of pairs, those that can't be read too.
        aligned: number of pairs of which one photograph could be laid over the other.
        significant: number of pairs whose change is more than the method's noise.
        alone: number of photographs without a partner.
        failed: number of pairs and of photographs without a partner that can't be read.
    """

    mean: MeanChange
    pairs: int
    aligned: int
    significant: int
    alone: int
    failed: int


def write_comparison(
    out: Path, changes: Iterable[PairChange], pairing: Pairing, *, title: str
) -> ComparedInspections:
    """Write what has changed, whole or not at all.

    Args:
        out: a new or empty folder.
        changes: what has changed in each pair, as `compare_pairs` yields it.
        pairing: tells the photographs without a partner.
        title: name of what is compared, for the page.

    Raises:
        CorrosionError: there is something in `out`, something can't be written, or whatever
            `changes` raises.
    """
    if is_taken(out):
        raise CorrosionError(f"out={out}: there is something already: give a new or empty folder.")
    with replacing_folder(out) as folder:
        rows = [_pair_row(folder, number, one) for number, one in enumerate(changes, start=1)]
        rows += [_alone_row("old", path) for path in pairing.old_alone]
        rows += [_alone_row("new", path) for path in pairing.new_alone]
        table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"inliers": "Int64"})
        found = _summary(table)
        write_csv(folder / "changes.csv", table)
        write_change_page(folder, table, found.mean, title=title)
    return found


def draw_side(side: Side) -> Pixels:
    """Draw a photograph with its rust outlined, and darker where it was not measured.

    Args:
        side: a photograph of a pair.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    drawn = side.pixels.copy()
    drawn[~side.region] = (drawn[~side.region] * _DIMMED).astype(np.uint8)
    return outlined(drawn, side.rust.mask & side.region)


def _pair_row(folder: Path, number: int, one: PairChange) -> dict[str, Any]:
    blank: dict[str, Any] = {
        "old": table_path(one.pair.old),
        "new": table_path(one.pair.new),
        "paired_by": one.pair.paired_by,
        "note": "",
        "error": one.error or "",
    }
    if one.registration is None or one.sides is None or one.change is None:
        return blank
    row = dict(blank)
    refused = one.registration.refused
    old, new = one.sides
    try:
        for name, side in (("old", old), ("new", new)):
            file = f"{_PICTURES}/{number:04d}-{name}.jpg"
            write_image(folder / file, draw_side(side))
            row |= {
                f"{name}_picture": file,
                f"{name}_share": side.rust.share,
                f"{name}_probability": side.rust.probability,
                f"{name}_index": side.index,
            }
    except DiskError:
        raise
    except Exception as error:  # whatever one pair does must not stop the others
        return blank | {"error": f"no pictures: {reason_of(error)}"}
    return row | {
        "aligned": refused is None,
        "inliers": one.registration.inliers,
        "overlap": one.registration.overlap if refused is None else None,
        "change": one.change.change,
        "change_low": one.change.low,
        "change_high": one.change.high,
        "significant": one.change.significant,
        "note": "" if refused is None else f"not aligned: {refused}",
    }


def _alone_row(side: str, path: str) -> dict[str, Any]:
    return {
        "old": "",
        "new": "",
        side: table_path(path),
        "paired_by": "none",
        "note": NO_PARTNER,
        "error": unreadable_reason(path) or "",
    }


def _summary(table: pd.DataFrame) -> ComparedInspections:
    alone = table["note"] == NO_PARTNER
    return ComparedInspections(
        mean=mean_change(table["change"].dropna().astype(float).tolist()),
        pairs=int((~alone).sum()),
        aligned=int((table["aligned"] == True).sum()),  # noqa: E712 -- missing is neither
        significant=int((table["significant"] == True).sum()),  # noqa: E712
        alone=int(alone.sum()),
        failed=int((table["error"] != "").sum()),
    )
