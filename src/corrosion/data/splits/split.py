"""Assign images to training, validation and test so that nothing leaks between them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from corrosion.data.labels import CLASSES
from corrosion.data.shortcut import MARKED
from corrosion.data.splits.apportion import Strata, draw
from corrosion.errors import CorrosionError
from corrosion.settings.data import SplitSettings
from corrosion.system.files import write_csv

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
FREE = -1  # code of an image without a split; the others are positions in SPLITS
_COLUMNS = ("path", "label", "source", "group", "split", "content_hash")


def split(
    records: pd.DataFrame,
    *,
    fractions: Sequence[float] = (0.7, 0.2, 0.1),
    seed: int = 0,
    keep_subsets: bool = True,
    assigned: pd.Series | None = None,
) -> pd.DataFrame:
    """Split images, stratified by label and source, never dividing a group.

    Groups (column `group`, and files with the same bytes) are taken in turn, the largest first,
    equal sizes in an order drawn by `seed`; each goes where its class and source lack the largest
    share, so that every split gets its part of the large groups. What a source can't share out
    evenly is made up for by the next source, so that the shares of each class hold however small
    the sources are. The result depends on the files' content and the seed, not on names or order.

    Args:
        records: with the columns path, label, source and content_hash; optionally group (any
            values; images of one group stay together) and subset (official split).
        fractions: of training, validation and test; above 0, together 1.
        seed: 0 or more.
        keep_subsets: keep official subsets where there is a train folder and at least one other;
            a validation or test set that is missing is taken out of training.
        assigned: earlier assignment by row of `records` ("train", "val", "test", or "" for new
            images), which stays as it is; new images of an assigned group join it.

    Returns:
        The records with the columns group (int64, from 0) and split (train, val or test).

    Raises:
        CorrosionError: fractions that make no sense, or a class with too few images.

    Example:
        Two photographs of one bolt (group 0) stay together:

        >>> records = pd.DataFrame(
        ...     {
        ...         "path": [f"{number}.jpg" for number in range(20)],
        ...         "label": [0, 1] * 10,
        ...         "source": "bridges",
        ...         "content_hash": [f"{number}" for number in range(20)],
        ...         "group": [0, 1, 0, *range(2, 19)],
        ...     }
        ... )
        >>> table = split(records, seed=1)
        >>> table["split"].value_counts().to_dict()
        {'train': 14, 'val': 4, 'test': 2}
        >>> table["split"][0] == table["split"][2]
        True
    """
    shares = checked_fractions(fractions)
    records = records.reset_index(drop=True)
    groups = number_groups(records)
    shares_by_source = dict.fromkeys(records["source"].astype(str).unique(), shares)
    fixed = np.full(len(records), FREE, dtype=np.int8)
    if keep_subsets and "subset" in records:
        _keep_subsets(records, fixed, shares_by_source)
    official = fixed != FREE
    if assigned is not None:
        known = split_codes(assigned)
        if new := int((known == FREE).sum()):
            log.info("%d images are not in the earlier split and are assigned now", new)
        fixed = np.where(known == FREE, fixed, known)
    _warn_of_divided_groups(groups, fixed)
    strata = build_strata(records, shares_by_source, fixed, drawn=~official)
    places = draw(groups, fixed, strata, turns=group_turns(records["content_hash"], groups, seed))
    fill_gaps(records["label"].to_numpy(), groups, fixed, places, SPLITS)
    return records.assign(group=groups, split=pd.Categorical.from_codes(places, pd.Index(SPLITS)))


def write_split(records: pd.DataFrame, path: Path) -> None:
    """Write a split: path, label, source, group, split and content_hash of every image.

    With a planted shortcut, also which images are marked.
    """
    write_csv(path, split_table(records))


def split_table(records: pd.DataFrame) -> pd.DataFrame:
    """The columns of `records` that `write_split` writes."""
    return records[[*_COLUMNS, *([MARKED] if MARKED in records else [])]]


def read_split(path: Path, records: pd.DataFrame) -> pd.Series:
    """Read the assignment of images from a `split.csv`.

    Images are recognised by path and, where files were moved or renamed, by content.

    Args:
        path: of the file.
        records: with the columns path and content_hash.

    Returns:
        train, val or test for each row of `records`, "" for images that are not in the file.

    Raises:
        CorrosionError: the file is missing, is no split, or knows none of the images.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # ValueError covers pandas' own parser errors
        raise CorrosionError(f"split_file={path} can't be read: {error}") from error
    missing = {"path", "split", "content_hash"} - set(table)
    unknown = set() if missing else set(table["split"]) - set(SPLITS)
    if missing or unknown:
        wrong = f"columns {sorted(missing)} are missing" if missing else f"splits {unknown}"
        raise CorrosionError(
            f"split_file={path}: {wrong}. It must be a split.csv of an earlier run, with split one "
            f"of {', '.join(SPLITS)}."
        )
    by_path = dict(zip(table["path"], table["split"], strict=True))
    by_content = dict(zip(table["content_hash"], table["split"], strict=True))
    found = records["path"].map(by_path).fillna(records["content_hash"].map(by_content)).fillna("")
    if (found == "").all():
        raise CorrosionError(
            f"split_file={path} knows none of the {len(records)} images, neither by path nor by "
            f"content: it belongs to other data."
        )
    here = table["path"].isin(records["path"]) | table["content_hash"].isin(records["content_hash"])
    if gone := int((~here).sum()):
        log.warning("%d of %d images in %s are not here", gone, len(table), path)
    return found


def checked_fractions(fractions: Sequence[float]) -> tuple[float, ...]:
    """The shares of training, validation and test.

    Raises:
        CorrosionError: they are not three numbers above 0 that sum to 1.
    """
    return SplitSettings.read({"split": fractions}, name=lambda _: "fractions").split


def split_codes(names: pd.Series) -> NDArray[np.int8]:
    """Positions in `SPLITS` of train, val and test; FREE for anything else."""
    return pd.Index(SPLITS).get_indexer(pd.Index(names.astype(str))).astype(np.int8)


def _keep_subsets(
    records: pd.DataFrame,
    fixed: NDArray[np.int8],
    shares_by_source: dict[str, tuple[float, ...]],
) -> None:
    """Fix the rows of official subsets; what is still to be drawn is drawn out of training."""
    subsets = split_codes(records["subset"])
    train = SPLITS.index("train")
    for source, rows in records.groupby(records["source"].astype(str)).indices.items():
        official = subsets[rows]
        present = set(official.tolist()) - {FREE}
        if not present:
            continue
        if train not in present or len(present) == 1:
            log.info("%s has no train folder beside another: it is split anew", source)
            continue
        missing = [place for place in range(len(SPLITS)) if place not in present]
        kept = (official != FREE) & ~(bool(missing) & (official == train))
        fixed[rows[kept]] = official[kept]
        if missing:
            names = " and no ".join(SPLITS[place] for place in missing)
            log.info("%s has no %s folder: taken out of train", source, names)
            shares = [
                share if place in (train, *missing) else 0.0
                for place, share in enumerate(shares_by_source[str(source)])
            ]
            shares_by_source[str(source)] = tuple(share / sum(shares) for share in shares)


def number_groups(records: pd.DataFrame) -> NDArray[np.int64]:
    """Number groups from 0; files with the same bytes belong together whatever `group` says."""
    by_content = pd.factorize(records["content_hash"])[0]
    if "group" not in records:
        return by_content.astype(np.int64)
    given = pd.factorize(records["group"])[0]
    # contents and given groups are the two sides of a graph; its components are the groups
    size = len(records)
    edges = coo_array((np.ones(size, bool), (by_content, size + given)), shape=(2 * size, 2 * size))
    labels = connected_components(edges, directed=False)[1]
    return pd.factorize(labels[by_content])[0].astype(np.int64)


def build_strata(
    records: pd.DataFrame,
    shares_by_source: dict[str, tuple[float, ...]],
    fixed: NDArray[np.int8],
    *,
    drawn: NDArray[np.bool_],
) -> Strata:
    """Classes by source. Official subsets (not drawn) are no part of what is to be shared out."""
    keys = pd.MultiIndex.from_arrays([records["label"], records["source"].astype(str)])
    codes, names = pd.factorize(keys, sort=True)
    shares = np.array([shares_by_source[source] for _, source in names], dtype=np.float64)
    totals = np.bincount(codes[drawn], minlength=len(names))
    lacking = np.asarray(shares * totals[:, None], dtype=np.float64)
    known = drawn & (fixed != FREE)
    np.subtract.at(lacking, (codes[known], fixed[known]), 1)
    labels = np.array([label for label, _ in names])
    return Strata(codes=codes, labels=labels, totals=totals, open=shares > 0, lacking=lacking)


def group_turns(contents: pd.Series, groups: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A number for each group, by which equal ones take turns: a hash of seed and content."""
    hashes = np.fromiter(
        (
            int.from_bytes(hashlib.blake2b(f"{seed}:{content}".encode(), digest_size=8).digest())
            for content in contents
        ),
        dtype=np.uint64,
        count=len(contents),
    )
    turns = np.full(groups.max(initial=-1) + 1, np.iinfo(np.uint64).max)
    np.minimum.at(turns, groups, hashes)
    return turns


def _warn_of_divided_groups(groups: NDArray[np.int64], fixed: NDArray[np.int8]) -> None:
    known = fixed != FREE
    pairs = np.unique(groups[known] * len(SPLITS) + fixed[known])
    if divided := int((np.bincount(pairs // len(SPLITS)) > 1).sum()):
        log.warning(
            "%d groups of copies or near-duplicates lie in several of %s already, as the official "
            "subsets or the split file have them: test results will be too good. Without a "
            "split file, keep_subsets=false splits anew.",
            divided,
            ", ".join(SPLITS),
        )


def fill_gaps(
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    fixed: NDArray[np.int8],
    places: NDArray[np.int8],
    names: Sequence[str],
) -> None:
    """Move a group to each place that a small class would otherwise be missing from.

    Args:
        labels: of each row.
        groups: of each row.
        fixed: place of each row that must stay, below 0 for the others.
        places: of each row; changed here.
        names: of the places.

    Raises:
        CorrosionError: a class has too few groups, or all its groups are fixed.
    """
    for label, class_name in enumerate(CLASSES):
        rows = np.flatnonzero(labels == label)
        for place, name in enumerate(names):
            if (places[rows] == place).any():
                continue
            count = len(np.unique(groups[rows]))
            if count < len(names):
                raise CorrosionError(
                    f"The class {class_name} has {len(rows)} images in {count} groups of "
                    f"near-duplicates: too few to put one in each of {', '.join(names)}. Add "
                    f"images of this class: {len(names)} that differ are the least, "
                    f"hundreds make sense."
                )
            held = [np.unique(groups[rows[places[rows] == other]]) for other in range(len(names))]
            donor = max(held, key=len)
            movable = np.setdiff1d(donor, groups[fixed != FREE])
            if len(donor) < 2 or not len(movable):
                raise CorrosionError(
                    f"The class {class_name} has no image in {name}, and the official subsets or "
                    f"the split file keep its {len(rows)} images where they are. Split anew by "
                    f"keep_subsets=false without a split file, or add images."
                )
            sizes = np.bincount(groups)[movable]
            places[groups == movable[np.argmin(sizes)]] = place
