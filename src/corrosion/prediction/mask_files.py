"""Where the masks of a run go: below `masks/`, called as the photographs are."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corrosion.data.places import is_folder
from corrosion.system.place_names import absolute, is_address

FOLDER = "masks"


def mask_files(paths: Sequence[str | Path], files: Sequence[str]) -> list[str]:
    """The place of each file's mask, below the output folder.

    A mask keeps its photograph's path below the folder that was given, or below the folder that
    all of them share if there were several, and ends in .png; of photographs that differ in
    nothing but their ending, a mask keeps this too.

    Args:
        paths: files, folders and patterns, as they were given.
        files: the files that they stand for, as `corrosion.data.file_search.find_inputs` gives
            them.

    Example:
        >>> mask_files(["a.jpg", "a.png", "b.jpg"], ["a.jpg", "a.png", "b.jpg"])
        ['masks/a.jpg.png', 'masks/a.png.png', 'masks/b.png']
    """
    root = common_root(paths)
    below = [Path(os.path.relpath(absolute(file), root)) for file in files]
    names = [path.with_suffix(".png").as_posix() for path in below]
    count = Counter(name.casefold() for name in names)  # as disks that ignore case see them
    return [
        f"{FOLDER}/{path.as_posix()}.png" if count[name.casefold()] > 1 else f"{FOLDER}/{name}"
        for path, name in zip(below, names, strict=True)
    ]


def common_root(paths: Sequence[str | Path]) -> str:
    """The folder that was given, or the one that all given paths share, as an absolute path."""
    return os.path.commonpath([_root(os.fspath(path)) for path in paths])


def highest_folder(paths: Sequence[str | Path]) -> str:
    """The folder below which the names lie that were given, as an absolute path.

    Of a folder that is the one that it lies in, so that it may be an asset itself; of a file or a
    pattern, the working directory where what was given lies deeper.
    """
    return os.path.commonpath([_highest(os.fspath(path)) for path in paths])


def of_frame(file: str, time: float | None) -> str:
    """The place of the mask of a video's frame; that of a photograph, without a time, as it is."""
    return file if time is None else f"{file.removesuffix('.png')}_{time:.3f}s.png"


def _root(given: str) -> str:
    if is_folder(given) and not (is_address(given) and glob.has_magic(given)):
        return absolute(given)
    if not Path(given).exists() and glob.has_magic(given):
        parts = Path(given).parts
        first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        return absolute(os.fspath(Path(*parts[:first])))
    return absolute(os.fspath(Path(given).parent))


def _highest(given: str) -> str:
    root = _root(given)
    if not is_folder(given):
        shared = os.path.commonpath([root, absolute(os.curdir)])
        if shared != root:
            return shared
    return os.path.dirname(root)  # noqa: PTH120
