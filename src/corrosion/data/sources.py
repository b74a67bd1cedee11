"""Find the images of a source and their classes by its folders."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from corrosion.data.images import SUFFIXES
from corrosion.data.labels import folder_labels
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)

SUBSETS = {"train": "train", "valid": "val", "validation": "val", "val": "val", "test": "test"}
"""Folder names of official subsets, in lower case, and what they are called in records."""

_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


def scan(
    root: str | Path,
    *,
    name: str = "folder",
    classes: Mapping[str, Iterable[str]] | None = None,
) -> pd.DataFrame:
    """List the images below a folder.

    Two layouts are told apart by looking: `<class>/**` and, as Roboflow exports it,
    `train|val|valid|test/<class>/**`. Hidden files and files that are no images are passed over.

    Args:
        root: the source's folder.
        name: of the source, kept in the records.
        classes: further folder names of each class: see `labels.folder_labels`.

    Returns:
        Records, sorted by path: path (str, absolute), label (int8), source (str), and subset
        (str: train, val or test where the layout says so, else empty).

    Raises:
        CorrosionError: the folder is missing or holds no images in folders of classes, or a
            folder's class is unknown.
    """
    root = Path(root).expanduser().absolute()
    if not root.is_dir():
        raise CorrosionError(
            f"{root} is {'no folder' if root.exists() else 'missing'}: data.root must be a folder "
            f"with a folder of images for each class."
        )
    found = {folder.name: folder for folder in _folders(root)}
    subsets = {folder: SUBSETS.get(folder.lower(), "") for folder in found}
    if any(subsets.values()):
        for folder, path in found.items():
            if not subsets[folder] and (images := sum(1 for _ in _images(path))):
                log.warning(
                    "%s: passed over, since images are taken from %s (%d images in it)",
                    path,
                    ", ".join(sorted(name for name in found if subsets[name])),
                    images,
                )
        class_folders = [
            (subsets[folder], class_folder)
            for folder, path in found.items()
            if subsets[folder]
            for class_folder in _folders(path)
        ]
    else:
        class_folders = [("", path) for path in found.values()]
    files = [
        (subset, folder.name, list(_images(folder))) for subset, folder in sorted(class_folders)
    ]
    counts: Counter[str] = Counter()
    for _, folder_name, paths in files:
        if paths:
            counts[folder_name] += len(paths)
    if not counts:
        loose = sum(1 for _ in _images(root))
        raise CorrosionError(
            f"{root} holds no images in folders of classes"
            + (f" ({loose} lie elsewhere below it)" if loose else "")
            + ". Make a folder for each class, e.g. corrosion/ and no_corrosion/, with images "
            f"({', '.join(sorted(SUFFIXES))}) inside."
        )
    labels = folder_labels(counts, classes)
    files = [entry for entry in files if entry[2]]
    sizes = [len(paths) for _, _, paths in files]
    records = pd.DataFrame(
        {
            "path": pd.Series([path for _, _, paths in files for path in paths], dtype="str"),
            "label": np.repeat(
                np.array([labels[folder] for _, folder, _ in files], dtype=np.int8), sizes
            ),
            "source": pd.Categorical(np.repeat([name], sum(sizes))),
            "subset": pd.Categorical(np.repeat([subset for subset, _, _ in files], sizes)),
        }
    )
    return records.sort_values("path", ignore_index=True)


def _visible(directory: Path) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return [
            entry
            for entry in entries
            if not entry.name.startswith(".") and entry.name.lower() not in _LITTER
        ]


def _folders(directory: Path) -> list[Path]:
    return sorted(Path(entry.path) for entry in _visible(directory) if entry.is_dir())


def _images(directory: Path) -> Iterator[str]:
    """Paths of all image files below a folder; links to folders are not followed."""
    for entry in _visible(directory):
        if entry.is_dir(follow_symlinks=False):
            yield from _images(Path(entry.path))
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file():  # noqa: PTH122 -- a million Paths are slow
            yield entry.path
        else:
            log.debug("passed over %s: not an image's name", entry.path)
