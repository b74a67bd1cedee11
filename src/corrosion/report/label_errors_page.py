"""The page of labels that are likely wrong, with their photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from corrosion.data.images import ImageError, read_image
from corrosion.data.labels import CLASSES
from corrosion.report.page import inline_picture, write_page
from corrosion.system.files import write_csv
from corrosion.system.names import table_path
from corrosion.system.shown_paths import shown_path

_SIDE = 224  # pixels of the small pictures, whose page has to hold them all


def write_label_errors(out: Path, table: pd.DataFrame, *, count: int, title: str) -> None:
    """Write labels.csv, which has all images, and labels.html, which shows the first.

    Args:
        out: new or empty folder.
        table: as `corrosion.evaluation.label_errors.rank_label_errors` gives it.
        count: number of photographs on the page, at least 1.
        title: name of what predicted them.

    Raises:
        CorrosionError: a file can't be written.
    """
    shown = table.assign(
        path=table["path"].map(table_path), label=[CLASSES[label] for label in table["label"]]
    )
    write_csv(out / "labels.csv", shown)
    first = shown.head(count)
    write_page(
        out / "labels.html",
        "labels.html",
        title=title,
        images=len(table),
        suspicious=int(table["suspicious"].sum()),
        figures=[
            _figure(row, path)
            for row, path in zip(first.to_dict("records"), table["path"], strict=False)
        ],
    )


def _figure(row: dict[Any, Any], path: str) -> dict[str, Any]:
    picture, error = "", ""
    try:
        small = Image.fromarray(read_image(path, min_side=_SIDE))
        picture = inline_picture(small, max_side=_SIDE)
    except ImageError as failed:  # it has moved since
        error = failed.reason
    path = shown_path(row["path"])
    return {**row, "path": path, "name": Path(path).name, "picture": picture, "error": error}
