"""List the photographs in a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from corrosion.data.images import SUFFIXES

log = logging.getLogger(__name__)

_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


def files_below(
    directory: Path, *, recursive: bool = True, suffixes: Collection[str] = SUFFIXES
) -> Iterator[str]:
    """Paths of the files in a folder that their names tell to be images, in no order.

    Hidden files and what operating systems leave behind are passed over; links to folders are not
    followed.

    Args:
        directory: the folder.
        recursive: look into its subfolders too.
        suffixes: of the files wanted, in lower case.
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


def _has_suffix(name: str, suffixes: Collection[str]) -> bool:
    return os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122 -- a million Paths are slow
