"""The folder in which a person sorts the chosen photographs by class.

to-sort/                   copies of the photographs, named by rank
corrosion/, no_corrosion/  empty: what training takes for the classes
next.csv                   rank, file (in to-sort/), path (of the original), probability, why
contact-sheet.html         all of them on one page, which stays as it is while they are sorted
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from corrosion.data.images import ImageError, file_content, read_image
from corrosion.data.labels import CLASSES, UNSORTED
from corrosion.errors import CorrosionError
from corrosion.report.page import inline_picture, write_page
from corrosion.selection.choose_next import Selection
from corrosion.system.files import replacing, write_csv
from corrosion.system.names import displayable, shortened, table_path
from corrosion.system.shown_paths import shown_path

_SIDE = 224  # pixels of the small pictures, whose page has to hold them all
_LONGEST_NAME = 120  # bytes of a file's own name: with the rank before it, it must still fit


def write_sorting_folder(out: Path, selection: Selection, *, title: str) -> None:
    """Copy the chosen photographs, and write what tells why they were chosen.

    A photograph that can't be read any more has no file, and its row says why.

    Args:
        out: a new or empty folder.
        selection: what was chosen.
        title: name of what chose them.

    Raises:
        CorrosionError: something can't be written.
    """
    table = selection.table
    digits = len(str(len(table)))
    files, why, figures = [], [], []
    for row in table.to_dict("records"):
        path = Path(row["path"])
        stem = shortened(displayable(path.stem), _LONGEST_NAME)
        name = f"{row['rank']:0{digits}d}-{stem}{path.suffix}"
        try:
            content = file_content(path)
            small = read_image(path, content=content, min_side=_SIDE)
        except ImageError as error:  # changed since it was chosen
            files.append("")
            why.append(f"can't be read: {error.reason}")
            continue
        with replacing(out / UNSORTED / name) as temporary:
            temporary.write_bytes(content)
        files.append(name)
        why.append(row["why"])
        figures.append(
            {
                "picture": inline_picture(Image.fromarray(small), max_side=_SIDE),
                "file": files[-1],
                "path": displayable(shown_path(row["path"])),
                "why": row["why"],
            }
        )
    for name in CLASSES:
        _make(out / name)
    shown = table.assign(path=table["path"].map(table_path), why=why)
    shown.insert(1, "file", files)
    write_csv(out / "next.csv", shown)
    write_page(out / "contact-sheet.html", "next.html", title=title, figures=figures)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorrosionError(f"{folder} can't be made: {error.strerror or error}.") from error
