"""Where the corrosion is, as people (or the sample's generator) marked it.

Two layouts are told apart by looking:

images/<class>/NAME.jpg, masks/<class>/NAME.png    a mask a photograph: not black where there is
                                                   corrosion; photographs without one are left out
images/**/NAME.jpg, boxes.csv                      boxes around it, a row each: filename, width,
                                                   height, xmin, ymin, xmax, ymax in pixels
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from corrosion.data.file_search import files_below
from corrosion.data.geometry import Mask
from corrosion.data.images import check_image, read_image
from corrosion.errors import CorrosionError

Corners = tuple[int, int, int, int]

_Pair = tuple[Path, Path | pd.DataFrame]  # a photograph; its mask's file or its rows of boxes.csv

BOX_COLUMNS = ("filename", "width", "height", "xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Annotated:
    """A photograph and where it is corroded.

    Attributes:
        path: path of the photograph.
        height: height of the photograph as displayed, in pixels.
        width: width of the photograph as displayed, in pixels.
        boxes: (xmin, ymin, xmax, ymax) of each box, counted from 0, without its last column and
            row; none if there is a mask.
        mask_path: path of the mask's file; None if there are boxes.
    """

    path: Path
    height: int
    width: int
    boxes: tuple[Corners, ...] = ()
    mask_path: Path | None = None

    def mask(self) -> Mask:
        """Where the corrosion is, (height, width) bool; read anew, since many would fill memory.

        Raises:
            CorrosionError: nothing is marked, or the mask's file has another size.
            ImageError: the mask can't be read.
        """
        source = self.mask_path or self.path
        if self.mask_path is None:
            mask: Mask = np.zeros((self.height, self.width), dtype=bool)
            for left, top, right, bottom in self.boxes:
                mask[top:bottom, left:right] = True
        else:
            mask = np.asarray(read_image(self.mask_path).any(axis=2))
        if mask.shape != (self.height, self.width):
            raise CorrosionError(
                f"{source} has {mask.shape[1]} x {mask.shape[0]} pixels, its photograph "
                f"{self.path} {self.width} x {self.height}: a mask has the photograph's size."
            )
        if not mask.any():
            raise CorrosionError(
                f"{source}: no corrosion is marked. Photographs of sound metal have no mask: "
                f"remove this one."
            )
        return mask


def find_annotated(root: Path, *, count: int | None = None, seed: int = 0) -> list[Annotated]:
    """The photographs of a folder whose corrosion is marked; each mask has been read once.

    Args:
        root: folder with `images` and either `masks` or `boxes.csv`.
        count: number of photographs taken at random; None for all.
        seed: seed of this choice.

    Returns:
        At least one, sorted by path.

    Raises:
        CorrosionError: neither layout is there; a photograph is missing, or there are two of one
            name; a size differs; a box lies outside its photograph; nothing is marked; `count` is
            not positive.
        ImageError: a file can't be read.
    """
    if count is not None and count < 1:
        raise CorrosionError(f"count={count}: give at least 1.")
    if not root.is_dir():
        raise CorrosionError(f"{root} is no folder: give the one that holds images/ and masks/.")
    if (root / "boxes.csv").is_file():
        found = _by_boxes(root)
    elif (root / "masks").is_dir():
        found = _by_masks(root)
    else:
        raise CorrosionError(
            f"{root} holds neither masks/ nor boxes.csv beside images/: nothing says where the "
            f"corrosion is. `corrosion sample FOLDER` writes photographs with masks."
        )
    if not found:
        raise CorrosionError(f"{root}: no photograph is marked.")
    found.sort(key=lambda pair: pair[0])
    if count is not None and count < len(found):
        chosen = np.random.default_rng(seed).choice(len(found), count, replace=False)
        found = [found[number] for number in sorted(chosen)]
    return [_checked(*pair) for pair in found]


def find_marked(root: Path, *, name: str) -> list[Annotated]:
    """The photographs of a folder whose rust is marked by masks.

    Args:
        root: folder with images/ and masks/, as `find_annotated` takes it.
        name: of the parameter that `root` was given as, for messages.

    Raises:
        CorrosionError: as `find_annotated`; or these are boxes, which hold more than rust.
    """
    annotated = find_annotated(root)
    if any(one.mask_path is None for one in annotated):
        raise CorrosionError(f"{name}={root}: boxes hold more than rust; give masks.")
    return annotated


def _checked(photograph: Path, marked: Path | pd.DataFrame) -> Annotated:
    image = check_image(photograph)
    height, width = image.height, image.width
    if isinstance(marked, Path):
        annotated = Annotated(photograph, height, width, mask_path=marked)
    else:
        if (marked["width"] != width).any() or (marked["height"] != height).any():
            raise CorrosionError(
                f"{photograph} has {width} x {height} pixels, boxes.csv says another size: its "
                f"boxes belong to another version of the photograph."
            )
        boxes = tuple(marked[list(BOX_COLUMNS[3:])].itertuples(index=False, name=None))
        for box in boxes:
            left, top, right, bottom = box
            if not (0 <= left < right <= width and 0 <= top < bottom <= height):
                raise CorrosionError(
                    f"{photograph}: the box {box} of boxes.csv is empty or leaves the photograph "
                    f"({width} x {height})."
                )
        annotated = Annotated(photograph, height, width, boxes=boxes)
    annotated.mask()
    return annotated


def _by_masks(root: Path) -> list[_Pair]:
    photographs = _photographs(root, lambda path: path.relative_to(root / "images").with_suffix(""))
    masks = sorted(map(Path, files_below(root / "masks")))
    names = [mask.relative_to(root / "masks").with_suffix("") for mask in masks]
    return [
        (_only(photographs, name, marked_by=mask), mask)
        for name, mask in zip(names, masks, strict=True)
    ]


def _by_boxes(root: Path) -> list[_Pair]:
    file = root / "boxes.csv"
    try:
        table = pd.read_csv(file, usecols=BOX_COLUMNS, dtype={"filename": str})
        table = table.astype(dict.fromkeys(BOX_COLUMNS[1:], "int64"))
    except (OSError, ValueError) as error:
        raise CorrosionError(
            f"{file} can't be read as a table of {', '.join(BOX_COLUMNS)}: {error}."
        ) from error
    photographs = _photographs(root, lambda path: Path(path.name))
    return [
        (_only(photographs, Path(str(name)), marked_by=file), rows)
        for name, rows in table.groupby("filename")
    ]


def _photographs(root: Path, key: Callable[[Path], Path]) -> dict[Path, list[Path]]:
    """The photographs below `images`, by what they are called in the marks."""
    folder = root / "images"
    if not folder.is_dir():
        raise CorrosionError(f"{folder} is missing: the photographs lie there.")
    found = defaultdict(list)
    for path in map(Path, files_below(folder)):
        found[key(path)].append(path)
    return found


def _only(photographs: Mapping[Path, list[Path]], name: Path, *, marked_by: Path) -> Path:
    matching = photographs.get(name, [])
    if not matching:
        raise CorrosionError(f"{marked_by}: there is no photograph {name} in images/ beside it.")
    if len(matching) > 1:
        raise CorrosionError(
            f"{marked_by} may mean {' or '.join(map(str, sorted(matching)))}: rename all but one."
        )
    return matching[0]
