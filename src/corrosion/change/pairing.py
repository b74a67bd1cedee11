"""Which photographs of two inspections show the same place: by name, GPS, likeness or a list."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from corrosion.data.file_search import find_inputs
from corrosion.data.position import photograph_position
from corrosion.errors import CorrosionError
from corrosion.settings.change import ChangeSettings
from corrosion.system.files import read_csv
from corrosion.system.names import escaped, on_disk

PairedBy = Literal["name", "gps", "features", "file"]
"""What told that two photographs belong together; "file" is a list that the user gave."""


@dataclass(frozen=True)
class Pair:
    """Two photographs of the same place.

    Attributes:
        old: path of the photograph of the old inspection.
        new: path of the photograph of the new inspection.
        paired_by: what told that they belong together.
    """

    old: str
    new: str
    paired_by: PairedBy


@dataclass(frozen=True)
class Pairing:
    """The photographs of two inspections, each in one pair or alone.

    Attributes:
        pairs: pairs in the order of the old photographs.
        old_alone: paths of old photographs without a partner, sorted.
        new_alone: paths of new photographs without a partner, sorted.
    """

    pairs: tuple[Pair, ...]
    old_alone: tuple[str, ...]
    new_alone: tuple[str, ...]

    def with_pairs(self, found: Sequence[tuple[str, str]], paired_by: PairedBy) -> Pairing:
        """Take photographs that are alone together as pairs.

        Args:
            found: old and new path of each new pair, both alone so far, each once.
            paired_by: what told these pairs.
        """
        pairs = [*self.pairs, *(Pair(old, new, paired_by) for old, new in found)]
        olds, news = {old for old, _ in found}, {new for _, new in found}
        return Pairing(
            tuple(sorted(pairs, key=lambda pair: pair.old)),
            tuple(old for old in self.old_alone if old not in olds),
            tuple(new for new in self.new_alone if new not in news),
        )


def pair_inspections(
    old: Path, new: Path, settings: ChangeSettings | None = None, *, pairs: Path | None = None
) -> Pairing:
    """Pair what can be paired without a network: by a list, by name or by GPS.

    Photographs have the same name if their paths below the two folders are equal but for the
    ending and for upper and lower case; a name that two files of one folder have tells nothing. By
    GPS as many pairs as there can be are made of photographs within `settings.metres`, of these
    the ones whose distances have the least sum (the assignment problem, solved by
    `scipy.optimize.linear_sum_assignment`; Crouse, IEEE Transactions on Aerospace and Electronic
    Systems 2016). What is left under `pair_by` "auto" or "features" is for `pair_by_features`.

    Args:
        old: folder of the old inspection.
        new: folder of the new inspection.
        settings: the defaults if None.
        pairs: a CSV file with the columns old and new, whose paths are meant below the two folders,
            or as they are. It alone decides then.

    Raises:
        CorrosionError: a folder is missing or holds no images, the list can't be read, names a file
            that is not there, or names one twice; or no pair can be made by name or GPS where
            nothing else is allowed, or is left.
    """
    settings = settings or ChangeSettings()
    olds, news = (_photographs(folder, settings) for folder in (old, new))
    pairing = Pairing((), tuple(olds), tuple(news))
    if pairs is not None:
        return pairing.with_pairs(_listed(pairs, old, new, pairing), "file")
    if settings.pair_by in ("name", "auto"):
        pairing = pairing.with_pairs(_same_names(old, new, pairing), "name")
    if settings.pair_by in ("gps", "auto"):
        pairing = pairing.with_pairs(_near(pairing, settings.metres), "gps")
    if not pairing.pairs and settings.pair_by in ("name", "gps"):
        told = "have the same name" if settings.pair_by == "name" else _no_gps(settings.metres)
        raise CorrosionError(
            f"pair_by={settings.pair_by}: no photographs of {old} and {new} {told}. Take features, "
            f"or list them in a CSV file with the columns old and new (--pairs FILE)."
        )
    return pairing


def pair_by_features(
    pairing: Pairing,
    features: Callable[[Sequence[str]], NDArray[np.floating]],
    unreadable: frozenset[str] = frozenset(),
) -> Pairing:
    """Pair photographs that are left alone by how alike a network's features of them are.

    The pairs are those with the largest sum of cosine similarities, one to one. As many pairs are
    made as the shorter side has photographs, however unlike: what no photograph of the other
    inspection shows is paired all the same.

    Args:
        pairing: pairs so far, which stay.
        features: (N, C) of the photographs at N paths.
        unreadable: paths of files that stay alone.

    Raises:
        CorrosionError: a feature is not finite.
    """
    olds = [path for path in pairing.old_alone if path not in unreadable]
    news = [path for path in pairing.new_alone if path not in unreadable]
    if not olds or not news:
        return pairing
    found = features([*olds, *news]).astype(np.float64)
    if not np.isfinite(found).all():
        raise CorrosionError("The network's features are not finite: its weights are damaged.")
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.finfo(float).tiny)
    unlike = 1 - found[: len(olds)] @ found[len(olds) :].T
    return pairing.with_pairs(_assigned(olds, news, unlike), "features")


def nearest_pairs(cost: NDArray[np.float64], limit: float = np.inf) -> list[tuple[int, int]]:
    """Match rows to columns one to one: as many as the limit allows, then at the least cost.

    Args:
        cost: (N, M), at least 0; how little a row and a column belong together.
        limit: largest cost of a pair.

    Returns:
        Row and column of each pair, rows rising.

    Example:
        The nearest column of both rows is the first one, which only one of them can have:

        >>> nearest_pairs(np.array([[1.0, 9.0], [2.0, 4.0]]))
        [(0, 0), (1, 1)]
        >>> nearest_pairs(np.array([[1.0, 9.0], [2.0, 4.0]]), limit=3)
        [(0, 0)]
    """
    allowed = cost <= limit
    if not allowed.any():
        return []
    # a forbidden pair costs more than all allowed ones: it is taken where nothing else is left
    forbidden = 1 + float(cost[allowed].max()) * min(cost.shape)
    rows, columns = linear_sum_assignment(np.where(allowed, cost, forbidden))
    return [
        (int(row), int(column))
        for row, column in zip(rows, columns, strict=True)
        if allowed[row, column]
    ]


def _photographs(folder: Path, settings: ChangeSettings) -> list[str]:
    if not folder.is_dir():
        raise CorrosionError(f"There is no folder {folder}: give one with an inspection's photos.")
    return sorted(find_inputs([folder], recursive=settings.recursive, videos=False))


def _same_names(old: Path, new: Path, pairing: Pairing) -> list[tuple[str, str]]:
    olds, news = _by_name(old, pairing.old_alone), _by_name(new, pairing.new_alone)
    return [(path, news[name]) for name, path in olds.items() if name in news]


def _by_name(folder: Path, paths: Sequence[str]) -> dict[str, str]:
    """Paths by their names below a folder; names that several have are left out."""
    root = escaped(folder)
    names = [Path(path).relative_to(root).with_suffix("").as_posix().casefold() for path in paths]
    count = Counter(names)
    return {name: path for name, path in zip(names, paths, strict=True) if count[name] == 1}


def _near(pairing: Pairing, metres: float) -> list[tuple[str, str]]:
    places = [
        [(path, place) for path in paths if (place := photograph_position(path)) is not None]
        for paths in (pairing.old_alone, pairing.new_alone)
    ]
    olds, news = places
    if not olds or not news:
        return []
    distance = np.array([[here.distance(there) for _, there in news] for _, here in olds])
    return _assigned([path for path, _ in olds], [path for path, _ in news], distance, metres)


def _assigned(
    olds: Sequence[str], news: Sequence[str], cost: NDArray[np.float64], limit: float = np.inf
) -> list[tuple[str, str]]:
    return [(olds[row], news[column]) for row, column in nearest_pairs(cost, limit)]


def _no_gps(metres: float) -> str:
    return f"have GPS positions within {metres:g} metres of each other"


def _listed(file: Path, old: Path, new: Path, pairing: Pairing) -> list[tuple[str, str]]:
    table = read_csv(file, required=("old", "new"), text=("old", "new"))
    if table.empty:
        raise CorrosionError(f"{file} names no pairs: write a row with old and new for each.")
    columns = []
    for column, folder, known in (
        ("old", old, pairing.old_alone),
        ("new", new, pairing.new_alone),
    ):
        there = {os.path.abspath(path): path for path in known}  # noqa: PTH100 -- links stay
        paths = [
            _found(file, row, column, name, folder, there)
            for row, name in enumerate(table[column], start=2)  # the header is the first line
        ]
        twice = next((path for path, count in Counter(paths).items() if count > 1), None)
        if twice is not None:
            raise CorrosionError(
                f"{file} names {twice} in more than one pair: each photograph has one partner."
            )
        columns.append(paths)
    return list(zip(*columns, strict=True))


def _found(
    file: Path, row: int, column: str, name: object, folder: Path, there: Mapping[str, str]
) -> str:
    """The path of a photograph as the folder's search found it, or as it was written."""
    if not isinstance(name, str) or not name.strip():
        raise CorrosionError(f"{file}, row {row}: {column} is empty; name a photograph there.")
    for path in (folder / name.strip(), Path(name.strip())):
        if on_disk(path).is_file():
            return there.get(os.path.abspath(path), str(path))  # noqa: PTH100
    raise CorrosionError(
        f"{file}, row {row}: {column}={name} is no file in {folder}, and none as it is written; "
        f"correct the path."
    )
