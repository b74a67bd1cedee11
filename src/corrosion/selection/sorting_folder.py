"""The folder in which a person sorts the chosen photographs by class.

to-sort/                   copies of the photographs, named by rank
corrosion/, no_corrosion/  empty: what training takes for the classes
next.csv                   rank, file (in to-sort/), path (of the original), probability, why
contact-sheet.html         all of them on one page, which stays as it is while they are sorted
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from corrosion.data.image_reader import displayable, table_path
from corrosion.data.images import read_image
from corrosion.data.labels import CLASSES, UNSORTED
from corrosion.errors import CorrosionError
from corrosion.report.page import inline_picture, write_page
from corrosion.selection.choose_next import Selection
from corrosion.system.files import replacing, write_csv
from corrosion.system.shown_paths import shown_path

_SIDE = 224  # pixels of the small pictures, whose page has to hold them all
_LONGEST_NAME = 80  # characters of a file's own name: with the rank before it, it must still fit


def write_sorting_folder(out: Path, selection: Selection, *, title: str) -> None:
    """Copy the chosen photographs, and write what tells why they were chosen.

    Args:
        out: a new or empty folder.
        selection: what was chosen.
        title: name of what chose them.

    Raises:
        CorrosionError: something can't be written, or a photograph can't be read any more.
    """
    table = selection.table
    digits = len(str(len(table)))
    files = [
        f"{rank:0{digits}d}-{Path(path).stem[:_LONGEST_NAME]}{Path(path).suffix}"
        for rank, path in zip(table["rank"], table["path"], strict=True)
    ]
    for file, path in zip(files, table["path"], strict=True):
        with replacing(out / UNSORTED / file) as temporary:
            shutil.copyfile(path, temporary)
    for name in CLASSES:
        _make(out / name)
    shown = table.assign(path=table["path"].map(table_path))
    shown.insert(1, "file", [displayable(file) for file in files])
    write_csv(out / "next.csv", shown)
    write_page(
        out / "contact-sheet.html",
        "next.html",
        title=title,
        figures=[
            _figure(row, path)
            for row, path in zip(shown.to_dict("records"), table["path"], strict=True)
        ],
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorrosionError(f"{folder} can't be made: {error.strerror or error}.") from error


def _figure(row: dict[Any, Any], path: str) -> dict[str, str]:
    small = Image.fromarray(read_image(path, min_side=_SIDE))
    return {
        "picture": inline_picture(small, max_side=_SIDE),
        "file": row["file"],
        "path": shown_path(row["path"]),
        "why": row["why"],
    }
