"""The page of two inspections: both photographs of each pair, and what has changed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.change.summary import MeanChange
from corrosion.report.page import inline_picture, write_page
from corrosion.system.shown_paths import shown_path

SHOWN = 200
"""Pairs whose pictures are on the page: what a browser still scrolls smoothly."""

_SIDE = 480  # pixels of a picture on the page
_LISTED = 200  # photographs without a partner, and errors, that are listed
_PAIRED_BY = {
    "name": "by name",
    "gps": "by GPS",
    "features": "by likeness: check that both show the same place",
    "file": "as listed",
}


def write_change_page(folder: Path, table: pd.DataFrame, mean: MeanChange, *, title: str) -> None:
    """Write change.html, whose pictures are those of the folder, made smaller.

    Args:
        folder: folder of the comparison, with its pictures.
        table: the table of changes.csv.
        mean: mean change over its pairs.
        title: name of what is compared.

    Raises:
        CorrosionError: the page can't be written.
    """
    measured = table[table["change"].notna()].copy()
    size = measured["change"].astype(float).abs()
    order = pd.DataFrame({"significant": measured["significant"].astype(bool), "size": size})
    measured = measured.loc[
        order.sort_values(["significant", "size"], ascending=False, kind="stable").index
    ]
    failed = table[table["error"] != ""]
    alone = table[(table["paired_by"] == "none") & (table["error"] == "")]
    write_page(
        folder / "change.html",
        "change.html",
        title=title,
        mean=None if math.isnan(mean.change) else _points(mean.change),
        mean_low=None if math.isnan(mean.low) else _points(mean.low),
        mean_high=_points(mean.high),
        mean_significant=mean.significant,
        total=len(measured),
        aligned=int(measured["aligned"].astype(bool).sum()),
        significant=int(measured["significant"].astype(bool).sum()),
        pairs=[_pair(folder, row) for row in measured.head(SHOWN).to_dict("records")],
        failed=[
            {
                "name": " and ".join(shown_path(row[side]) for side in ("old", "new") if row[side]),
                "error": row["error"],
            }
            for row in failed.head(_LISTED).to_dict("records")
        ],
        failures=len(failed),
        alone=[
            {"name": shown_path(row["old"] or row["new"]), "side": "old" if row["old"] else "new"}
            for row in alone.head(_LISTED).to_dict("records")
        ],
        lonely=len(alone),
    )


def _pair(folder: Path, row: dict[Any, Any]) -> dict[str, Any]:
    if row["aligned"]:
        part = f"both measured where they overlap ({100 * row['overlap']:.0f} %)"
    else:
        part = f"{row['note']}; whole photographs are compared"
    return {
        "sides": [
            {
                "title": side,
                "path": shown_path(row[side]),
                "name": Path(row[side]).name,
                "picture": inline_picture(folder / row[f"{side}_picture"], max_side=_SIDE),
                "share": _percent(row[f"{side}_share"]),
                "probability": f"{row[f'{side}_probability']:.3f}",
                "index": f"{row[f'{side}_index']:.4f}",
            }
            for side in ("old", "new")
        ],
        "change": _points(row["change"]),
        "low": _points(row["change_low"]),
        "high": _points(row["change_high"]),
        "significant": bool(row["significant"]),
        "part": part,
        "paired_by": _PAIRED_BY[row["paired_by"]],
    }


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(change: float) -> str:
    """A change of a share in percentage points, with its sign; no sign of a rounded zero."""
    text = f"{100 * change:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "−")
