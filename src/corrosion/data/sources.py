"""Find the images of a source and their classes by its folders."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from corrosion.data.file_kinds import SUFFIXES
from corrosion.data.file_search import check_folder, files_below, subfolders
from corrosion.data.labels import (
    CLASSES,
    UNSORTED,
    ClassNames,
    folder_labels,
    is_mapped,
    is_usual_name,
)
from corrosion.data.passed_over import PassedOver, tell_passed_over
from corrosion.data.places import is_folder
from corrosion.errors import CorrosionError
from corrosion.system.names import escaped
from corrosion.system.place_names import address_of, is_elsewhere, shown_place

log = logging.getLogger(__name__)

SUBSETS = {"train": "train", "valid": "val", "validation": "val", "val": "val", "test": "test"}
"""Names of subsets in records, by their folders' names in lower case."""


def scan(
    root: str | Path,
    *,
    name: str = "folder",
    classes: ClassNames | None = None,
    passed: list[PassedOver] | None = None,
) -> pd.DataFrame:
    """List the images below a folder.

    Two layouts are told apart by looking: `<class>/**` and, as Roboflow exports it,
    `train|val|valid|test/<class>/**`. Hidden files are passed over; other files that are not read,
    and images outside the folders of classes, are logged.

    Args:
        root: folder of the source.
        name: name of the source in the records.
        classes: further folder names of each class (`labels.folder_labels`).
        passed: gets what is not read, and why.

    Returns:
        Records, sorted by path: path (str, absolute, `corrosion.system.names.escaped`), label
        (int8), source (str), and subset (str: train, val or test where the layout says so, else
        empty).

    Raises:
        CorrosionError: the folder is missing or holds no images in folders of classes, or a
            folder's class is unknown.
    """
    root = _folder(root)
    unread: list[PassedOver] = []
    outside = _images_outside(root, unread)
    listed = [
        (subset, escaped(folder.name), list(files_below(folder, passed=unread)))
        for subset, folder in _class_folders(root)
    ]
    tell_passed_over(unread)
    if passed is not None:
        passed += [*unread, *outside]
    # of several sources, one may have a single class: its other folder is there, but empty
    listed = [entry for entry in listed if entry[2] or is_usual_name(entry[1])]
    labels = _labels(root, listed, classes)
    kept = [entry for entry in listed if entry[1] in labels]
    if len(kept) < len(listed):
        ignored = sorted({folder for _, folder, _ in listed} - set(labels))
        log.info("%s: left out %s, to be ignored", root, ", ".join(ignored))
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


def check_root(root: str | Path, *, classes: ClassNames | None = None) -> None:
    """Refuse at once, by the names of folders alone, what `scan` would refuse.

    Args:
        root: folder of the source.
        classes: further folder names of each class (`labels.folder_labels`).

    Raises:
        CorrosionError: the folder is missing, or the class of a folder is unknown.
    """
    names = {folder.name for _, folder in _class_folders(_folder(root))}
    try:
        folder_labels(dict.fromkeys(names, 0), classes)
    except CorrosionError:
        scan(root, classes=classes)  # knows what lies in them, and what to do


def _folder(root: str | Path) -> Path:
    root = Path(root).expanduser()
    root = root if address_of(root) is not None else root.absolute()
    if not (is_elsewhere(root) or root.is_dir()):
        raise CorrosionError(
            f"{shown_place(root)} is {'no folder' if root.exists() else 'missing'}: give a folder "
            f"(data.root=PHOTOS) with a folder of images for each class."
        )
    check_folder(root)
    return root


def _class_folders(root: Path) -> list[tuple[str, Path]]:
    """Folders named after classes, each with its subset ("" where the layout has none)."""
    subset_folders = _subset_folders(root)
    if not subset_folders:
        return [("", folder) for folder in subfolders(root)]
    return [
        (SUBSETS[subset_folder.name.lower()], folder)
        for subset_folder in subset_folders
        for folder in subfolders(subset_folder)
    ]


def _subset_folders(root: Path) -> list[Path]:
    return [folder for folder in subfolders(root) if folder.name.lower() in SUBSETS]


def _images_outside(root: Path, passed: list[PassedOver]) -> list[PassedOver]:
    """Images outside the folders of classes, with a warning; what else is there is passed over."""
    subset_folders = _subset_folders(root)
    parents = [root, *subset_folders]
    others = (
        [one for one in subfolders(root) if one not in subset_folders] if subset_folders else []
    )
    images = {one: list(files_below(one, recursive=False, passed=passed)) for one in parents}
    images |= {one: list(files_below(one, passed=passed)) for one in others}
    for folder, found in images.items():
        if found:
            log.warning(
                "%s: %d images lie outside the folders of classes: not used",
                shown_place(folder),
                len(found),
            )
    return [
        PassedOver(
            path,
            "a folder that can't be read"
            if is_folder(path)
            else "an image outside the folders of classes",
            True,
        )
        for found in images.values()
        for path in found
    ]


def _labels(
    root: Path,
    listed: list[tuple[str, str, list[str]]],
    classes: ClassNames | None,
) -> dict[str, int]:
    """Labels by folder name, or an error that fits what was found."""
    counts: Counter[str] = Counter()
    for _, folder_name, paths in listed:
        counts[folder_name] += len(paths)
    if not counts.total():
        loose = len(list(files_below(root)))
        raise CorrosionError(
            f"{shown_place(root)} holds no images in folders of classes"
            + (f" ({loose} lie elsewhere below it)" if loose else "")
            + ". Make a folder for each class, e.g. corrosion/ and no_corrosion/, with images "
            f"({', '.join(sorted(SUFFIXES))}) inside."
        )
    if (waiting := counts[UNSORTED]) and not is_mapped(UNSORTED, classes):
        wait = "1 photograph still waits" if waiting == 1 else f"{waiting} photographs still wait"
        raise CorrosionError(
            f"{shown_place(root / UNSORTED)}: {wait} to be sorted. Move each into one of the "
            f"folders beside it, {' or '.join(CLASSES)}, and delete what can't be decided."
        )
    try:
        return folder_labels(counts, classes)
    except CorrosionError as error:
        roots = [shown_place(folder) for folder in subfolders(root) if _is_root(folder)]
        if not roots:
            raise CorrosionError(f"{shown_place(root)}: {error}") from error
        use = roots[0] if len(roots) == 1 else f"[{','.join(roots)}]"
        raise CorrosionError(
            f"{shown_place(root)} holds no folders of classes itself, but folders that do; use "
            f"root={use}."
        ) from error


def _is_root(folder: Path) -> bool:
    """Whether a folder looks like a source: archives are often unpacked one level too deep."""
    return folder.name.lower() not in SUBSETS and any(
        inner.name.lower() in SUBSETS or is_usual_name(inner.name) for inner in subfolders(folder)
    )
