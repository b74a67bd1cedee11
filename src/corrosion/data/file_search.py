"""Find the photographs and videos that paths stand for."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from corrosion.data.images import SUFFIXES
from corrosion.data.video import VIDEO_SUFFIXES
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)

_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


def find_inputs(
    paths: Iterable[str | Path], *, recursive: bool = False, videos: bool = True
) -> list[str]:
    """The files that paths stand for, each once.

    Args:
        paths: files (images whatever they are called, or videos by their ending), folders of them,
            or patterns such as `bridge*/**/*.jpg`.
        recursive: look into subfolders of folders.
        videos: take the videos of folders and patterns too.

    Returns:
        In the order of `paths`; inside a folder or pattern sorted by name.

    Raises:
        CorrosionError: a path is missing, a folder or pattern has nothing of these kinds, or there
            is no path at all.
    """
    wanted = SUFFIXES | VIDEO_SUFFIXES if videos else SUFFIXES
    found: dict[str, str] = {}
    for path in paths:
        for file in _files(os.fspath(path), wanted, recursive=recursive):
            found.setdefault(os.path.abspath(file), file)  # noqa: PTH100 -- links stay as they are
    if not found:
        raise CorrosionError("There are no images: name files, folders or patterns.")
    return list(found.values())


def files_below(
    directory: Path, *, recursive: bool = True, suffixes: Collection[str] = SUFFIXES
) -> Iterator[str]:
    """Paths of the files in a folder that their names tell to be images, in no order.

    Hidden files and what operating systems leave behind are passed over; links to folders are not
    followed.

    Args:
        directory: the folder.
        recursive: look into its subfolders too.
        suffixes: endings of the files wanted, in lower case.
    """
    for entry in visible(directory):
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from files_below(Path(entry.path), suffixes=suffixes)
        elif _has_suffix(entry.name, suffixes) and entry.is_file():
            yield entry.path
        else:
            log.debug("passed over %s: not an image's name", entry.path)


def visible(directory: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, without hidden files and litter."""
    with os.scandir(directory) as entries:
        return [
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.name.lower() not in _LITTER
        ]


def _files(path: str, wanted: Collection[str], *, recursive: bool) -> list[str]:
    if Path(path).is_dir():
        return _inside(Path(path), wanted, recursive=recursive)
    if Path(path).exists():
        return [path]
    if glob.has_magic(path):
        return _matches(path, wanted, recursive=recursive)
    raise CorrosionError(f"There is no {path}: check the path.")


def _inside(folder: Path, wanted: Collection[str], *, recursive: bool) -> list[str]:
    files = sorted(files_below(folder, recursive=recursive, suffixes=wanted))
    if not files:
        deeper = "" if recursive else "; recursive=True searches its subfolders too"
        raise CorrosionError(f"{folder} holds no {_kinds(wanted)}{deeper}.")
    if not recursive and any(one.is_dir() for one in folder.iterdir()):
        log.warning(
            "%s has subfolders, which are passed over: --recursive (in Python recursive=True) "
            "searches them too",
            folder,
        )
    return files


def _matches(pattern: str, wanted: Collection[str], *, recursive: bool) -> list[str]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 -- takes absolute ones too
    files = [match for match in matches if _has_suffix(match, wanted) and Path(match).is_file()]
    for folder in map(Path, matches):
        if folder.is_dir():
            files += sorted(files_below(folder, recursive=recursive, suffixes=wanted))
    if not files:
        raise CorrosionError(
            f"Nothing that {pattern} matches is among {_kinds(wanted)}: put the pattern in "
            f"quotation marks, and ** for folders within folders."
        )
    return files


def _kinds(wanted: Collection[str]) -> str:
    kinds = "images or videos" if set(wanted) >= VIDEO_SUFFIXES else "image files"
    return f"{kinds} ({', '.join(sorted(wanted))})"


def _has_suffix(name: str, suffixes: Collection[str]) -> bool:
    return os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122 -- a million Paths are slow
