"""Kinds of corrosion of photographs, by the folders they lie in or by CSV files.

A photograph has one kind, or none that is known. Names are anything; those that differ in capitals,
spaces, hyphens and underscores only are one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from corrosion.data.kind_names import kind_name
from corrosion.data.labels import is_usual_name
from corrosion.data.sources import SUBSETS
from corrosion.errors import CorrosionError
from corrosion.settings.data import LONGEST_KIND, MOST_KINDS
from corrosion.system.files import read_csv
from corrosion.system.names import shortened
from corrosion.system.place_names import below

log = logging.getLogger(__name__)

SUBFOLDERS = "subfolders"
"""Kinds are told by folders: the value of `data.kinds` that is no path."""

COLUMN = "kind"
"""Column of records: the kind, empty where it is unknown."""

FEWEST = 5
"""Training photographs below which a kind can't be learnt."""

Kinds = str | Path | tuple[Path, ...]
"""What `data.kinds` may be but None: `SUBFOLDERS`, the path of a CSV file, or several."""

_TARGETS = {"corrosion", "no corrosion", "predicted"}  # what else maps are evidence for


def check_kinds(kinds: Kinds | None) -> None:
    """Refuse at once a file of kinds that can't be used, before any image is read.

    Args:
        kinds: where the kinds come from; None for none.

    Raises:
        CorrosionError: the file can't be read, lacks a column, or says of a photograph that it is
            of two kinds.
    """
    for file in () if kinds is None else _files(kinds):
        _table(file)


def find_kinds(records: pd.DataFrame, kinds: Kinds, roots: Mapping[str, Path]) -> pd.Series:
    """The kinds of corrosion of images.

    Args:
        records: one row an image, with the columns path, label and source.
        kinds: `SUBFOLDERS`: the first folder below that of the corroded class, or this itself where
            it was mapped by hand (`data.classes.corrosion=[pitting]`). Else the path of a CSV file
            with the columns path and kind, or of several; paths are below the folder of the file or
            of a source, or absolute.
        roots: folder of each source, by its name.

    Returns:
        (N,) str with the index of the records, for the column `COLUMN`: the kind of corroded
        images, empty where it is unknown and for sound ones.

    Raises:
        CorrosionError: a file can't be used, or names none of the images; two files say that one
            of them is of two kinds.
    """
    if files := _files(kinds):
        told = _by_files(records, files, roots)
        named = [told.get(path, "") for path in records["path"]]
    else:
        pairs = zip(records["path"], records["source"].astype(str), strict=True)
        named = [_of_folder(path, roots[source]) for path, source in pairs]
    found = pd.Series(named, index=records.index, dtype="str").map(kind_name)
    sound = (found != "") & (records["label"] == 0)
    if sound.any() and files:
        log.warning(
            "%s: %d photographs of no_corrosion have a kind of corrosion, as %s: not used",
            _shown(kinds),
            int(sound.sum()),
            records["path"][sound].iloc[0],
        )
    return found.where(records["label"] == 1, "")


def learnable_kinds(records: pd.DataFrame) -> tuple[str, ...]:
    """Names of the kinds with at least `FEWEST` training photographs, sorted.

    Args:
        records: one row an image, with the columns split and `COLUMN`.
    """
    training = records[COLUMN][records["split"] == "train"]
    counts = training[training != ""].value_counts()
    return tuple(sorted(map(str, counts.index[counts >= FEWEST])))


def kind_counts(records: pd.DataFrame) -> dict[str, dict[str, int]]:
    """The number of photographs of every kind in each split: {"pitting": {"train": 70, ...}, ...}.

    Args:
        records: one row an image, with the columns split and `COLUMN`.
    """
    counts = records.groupby(["split", COLUMN]).size()
    return {
        name: {split: int(counts.get((split, name), 0)) for split in ("train", "val", "test")}
        for name in sorted(set(records[COLUMN]) - {""})
    }


def _files(kinds: Kinds) -> tuple[Path, ...]:
    """The CSV files that tell kinds; none where folders do."""
    if isinstance(kinds, tuple):
        return kinds
    return () if kinds == SUBFOLDERS else (Path(kinds),)


def _shown(kinds: Kinds) -> str:
    return ", ".join(map(str, _files(kinds))) or SUBFOLDERS


def _tell(told: dict[str, str], path: str, kind: str, file: Path) -> None:
    """Add the kind of a photograph to what was told before."""
    if told.setdefault(path, kind) != kind:
        raise CorrosionError(
            f"{file}: {path} is both {told[path] or 'of no kind'} and {kind or 'of none'}; "
            f"give each photograph one row."
        )


def _of_folder(path: str, root: Path) -> str:
    """The kind that the folders of a path below the root of its source tell; empty for none."""
    folders = Path(path).relative_to(below(root, "")).parts[:-1]
    if folders and folders[0].lower() in SUBSETS:
        folders = folders[1:]
    if len(folders) > 1:
        return folders[1]
    return "" if not folders or is_usual_name(folders[0]) else folders[0]


def _table(file: Path) -> dict[str, str]:
    """Kinds by path, as a file has them."""
    file = file.expanduser()
    if not file.is_file():
        raise CorrosionError(
            f"kinds={file}: there is no such file; give {SUBFOLDERS}, or a CSV file with the "
            f"columns path and {COLUMN}."
        )
    columns = ("path", COLUMN)
    way_out = f"Name the columns path and {COLUMN} in its first line, with a comma between them."
    table = read_csv(file, required=columns, text=columns, way_out=way_out).dropna(subset=["path"])
    named: dict[str, str] = {}
    pairs = zip(table["path"], table[COLUMN].fillna("").map(kind_name), strict=True)
    for path, kind in pairs:
        _tell(named, path, kind, file)
    return named


def _by_files(
    records: pd.DataFrame, files: Sequence[Path], roots: Mapping[str, Path]
) -> dict[str, str]:
    """Kinds by the path of the images, of those that files name."""
    known = set(records["path"])
    found: dict[str, str] = {}
    paths: list[str] = []
    for file in files:
        named = _table(file)
        folders = (file.expanduser().parent, *roots.values())
        missing = 0
        for path, kind in named.items():
            places = (below(folder, path) for folder in folders)
            place = next((one for one in places if one in known), None)
            if place is None:
                missing += 1
            else:
                _tell(found, place, kind, file)
        if missing:
            log.info("%s: %d of its %d photographs are not here", file, missing, len(named))
        paths += named
    if not found:
        raise CorrosionError(
            f"kinds={_shown(tuple(files))}: none of its {len(paths)} paths, as "
            f"{next(iter(paths), '(it is empty)')}, is that of a photograph. Paths are below the "
            f"folder of the file or of a source."
        )
    return found


def check_learnable(records: pd.DataFrame, kinds: Kinds) -> None:
    """Refuse kinds that no head can learn, and tell of those that are too rare.

    Args:
        records: one row an image, with the columns split and `COLUMN`.
        kinds: where the kinds come from, for messages.

    Raises:
        CorrosionError: no kinds are found, there are too many, a name can't be used, or there are
            fewer than two that can be learnt.
    """
    counts, shown = kind_counts(records), _shown(kinds)
    for name in counts:
        if name in _TARGETS or shortened(name, LONGEST_KIND) != name:
            raise CorrosionError(
                f"kinds={shown}: {shortened(name, LONGEST_KIND)} can't be the name of a kind: give "
                f"it another one, of {LONGEST_KIND} bytes at most."
            )
    if len(counts) > MOST_KINDS:
        raise CorrosionError(
            f"kinds={shown}: {len(counts)} kinds, as {', '.join(list(counts)[:3])}; {MOST_KINDS} "
            f"at most can be told apart. Are they folders of something else?"
        )
    learnable = learnable_kinds(records)
    if len(learnable) < 2:
        told = ", ".join(f"{name} ({one['train']})" for name, one in counts.items())
        raise CorrosionError(
            f"kinds={shown}: a second head needs two kinds with {FEWEST} training photographs or "
            f"more. Found: {told or 'none'}. Put photographs into corrosion/KIND/, or name a CSV "
            f"file with the columns path and {COLUMN}."
        )
    rare = [f"{name} ({one['train']})" for name, one in counts.items() if name not in learnable]
    if rare:
        log.warning(
            "kinds with fewer than %d training photographs can't be learnt, and count as unknown: "
            "%s",
            FEWEST,
            ", ".join(rare),
        )
