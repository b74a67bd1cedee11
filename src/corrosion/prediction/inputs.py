"""Find what is to be predicted: files, folders, patterns, videos."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from corrosion.data.file_search import files_below
from corrosion.data.images import SUFFIXES
from corrosion.data.video import VIDEO_SUFFIXES
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)

_WANTED = SUFFIXES | VIDEO_SUFFIXES


def find_inputs(paths: Iterable[str | Path], *, recursive: bool = False) -> list[str]:
    """The files that paths stand for, each once.

    Args:
        paths: files (images whatever they are called, or videos by their ending), folders of them,
            or patterns such as `bridge*/**/*.jpg`.
        recursive: look into subfolders of folders.

    Returns:
        In the order of `paths`; inside a folder or pattern sorted by name.

    Raises:
        CorrosionError: a path is missing, a folder or pattern has no images or videos, or there is
            nothing at all.
    """
    found: dict[str, str] = {}
    for path in paths:
        for file in _files(os.fspath(path), recursive=recursive):
            found.setdefault(os.path.abspath(file), file)  # noqa: PTH100 -- links stay as they are
    if not found:
        raise CorrosionError("There is nothing to predict: name files, folders or patterns.")
    return list(found.values())


def _files(path: str, *, recursive: bool) -> list[str]:
    if Path(path).is_dir():
        return _inside(Path(path), recursive=recursive)
    if Path(path).exists():
        return [path]
    if glob.has_magic(path):
        return _matches(path, recursive=recursive)
    raise CorrosionError(f"There is no {path}: check the path.")


def _inside(folder: Path, *, recursive: bool) -> list[str]:
    files = sorted(files_below(folder, recursive=recursive, suffixes=_WANTED))
    if not files:
        deeper = "" if recursive else "; --recursive looks into its subfolders"
        raise CorrosionError(
            f"{folder} holds no images or videos ({', '.join(sorted(_WANTED))}){deeper}."
        )
    if not recursive and any(one.is_dir() for one in folder.iterdir()):
        log.warning("%s has subfolders, which are passed over: --recursive looks into them", folder)
    return files


def _matches(pattern: str, *, recursive: bool) -> list[str]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 -- takes absolute ones too
    files = [
        match
        for match in matches
        if Path(match).suffix.lower() in _WANTED and Path(match).is_file()
    ]
    for folder in map(Path, matches):
        if folder.is_dir():
            files += sorted(files_below(folder, recursive=recursive, suffixes=_WANTED))
    if not files:
        raise CorrosionError(
            f"Nothing that {pattern} matches is an image or video: put the pattern in quotation "
            f"marks, and ** for folders within folders."
        )
    return files
