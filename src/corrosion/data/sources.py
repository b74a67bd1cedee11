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
from corrosion.data.labels import folder_labels, is_usual_name
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
    `train|val|valid|test/<class>/**`. Hidden files and files that are no images are passed over,
    images outside the folders of classes with a warning.

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
    listed = [
        (subset, folder.name, list(_images(folder))) for subset, folder in _class_folders(root)
    ]
    listed = [entry for entry in listed if entry[2]]
    labels = _labels(root, listed, classes)
    kept = [entry for entry in listed if entry[1] in labels]
    if len(kept) < len(listed):
        ignored = sorted({folder for _, folder, _ in listed} - set(labels))
        log.info("%s: left out %s, as data.classes.ignore says", root, ", ".join(ignored))
    sizes = [len(paths) for _, _, paths in kept]
    subsets = ["", *sorted(set(SUBSETS.values()))]
    codes = np.array([subsets.index(subset) for subset, _, _ in kept], np.int8)
    records = pd.DataFrame(
        {
            "path": pd.Series([path for _, _, paths in kept for path in paths], dtype="str"),
            "label": np.repeat(np.array([labels[folder] for _, folder, _ in kept], np.int8), sizes),
            "source": pd.Categorical.from_codes(np.zeros(sum(sizes), np.int8), pd.Index([name])),
            "subset": pd.Categorical.from_codes(np.repeat(codes, sizes), pd.Index(subsets)),
        }
    )
    return records.sort_values("path", ignore_index=True)


def _class_folders(root: Path) -> list[tuple[str, Path]]:
    """Folders named after classes, each with its subset ("" where the layout has none)."""
    folders = _folders(root)
    subset_folders = [folder for folder in folders if folder.name.lower() in SUBSETS]
    if not subset_folders:
        _warn_of_images_outside([root], [])
        return [("", folder) for folder in folders]
    others = [folder for folder in folders if folder not in subset_folders]
    _warn_of_images_outside([root, *subset_folders], others)
    return [
        (SUBSETS[subset_folder.name.lower()], folder)
        for subset_folder in subset_folders
        for folder in _folders(subset_folder)
    ]


def _warn_of_images_outside(parents: list[Path], others: list[Path]) -> None:
    counts = {
        folder: sum(1 for entry in _visible(folder) if _is_image(entry)) for folder in parents
    }
    counts |= {folder: sum(1 for _ in _images(folder)) for folder in others}
    for folder, count in counts.items():
        if count:
            log.warning("%s: %d images lie outside the folders of classes: not used", folder, count)


def _labels(
    root: Path,
    listed: list[tuple[str, str, list[str]]],
    classes: Mapping[str, Iterable[str]] | None,
) -> dict[str, int]:
    """Labels by folder name, or an error that fits what was found."""
    counts: Counter[str] = Counter()
    for _, folder_name, paths in listed:
        counts[folder_name] += len(paths)
    if not counts:
        loose = sum(1 for _ in _images(root))
        raise CorrosionError(
            f"{root} holds no images in folders of classes"
            + (f" ({loose} lie elsewhere below it)" if loose else "")
            + ". Make a folder for each class, e.g. corrosion/ and no_corrosion/, with images "
            f"({', '.join(sorted(SUFFIXES))}) inside."
        )
    try:
        return folder_labels(counts, classes)
    except CorrosionError as error:
        roots = [str(folder) for folder in _folders(root) if _is_root(folder)]
        if not roots:
            raise CorrosionError(f"{root}: {error}") from error
        raise CorrosionError(
            f"{root} holds no folders of classes itself, but folders that do; use "
            f"data.root={roots[0] if len(roots) == 1 else '[' + ','.join(roots) + ']'}."
        ) from error


def _is_root(folder: Path) -> bool:
    """Whether a folder looks like a source: archives are often unpacked one level too deep."""
    return folder.name.lower() not in SUBSETS and any(
        inner.name.lower() in SUBSETS or is_usual_name(inner.name) for inner in _folders(folder)
    )


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
        elif _is_image(entry):
            yield entry.path
        else:
            log.debug("passed over %s: not an image's name", entry.path)


def _is_image(entry: os.DirEntry[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1]  # noqa: PTH122 -- a million Paths are slow
    return suffix.lower() in SUFFIXES and entry.is_file()
