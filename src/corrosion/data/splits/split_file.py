"""The file `split.csv`: which image is in which split, so that another run can repeat it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from corrosion.data.shortcut import MARKED
from corrosion.data.splits.holdout import SPLITS
from corrosion.data.splits.strata import twins
from corrosion.errors import CorrosionError
from corrosion.system.checksums import check_recorded, recorded
from corrosion.system.files import write_csv

log = logging.getLogger(__name__)

_NAMED = 5  # changed images that are told by name

_COLUMNS = ("path", "label", "source", "group", "split", "content_hash")


def write_split(records: pd.DataFrame, path: Path) -> None:
    """Write a split: path, label, source, group, split and content_hash of every image.

    With a planted shortcut, a column says which images are marked.

    Args:
        records: records as `corrosion.data.splits.split` gives them.
        path: path of the file.

    Raises:
        CorrosionError: the file can't be written.
    """
    with recorded(path):
        write_csv(path, split_table(records))


def split_table(records: pd.DataFrame) -> pd.DataFrame:
    """The columns of `records` that `write_split` writes, one row an image."""
    return records[[*_COLUMNS, *([MARKED] if MARKED in records else [])]]


def read_split(
    path: Path, records: pd.DataFrame, *, on_changed: Literal["warn", "error"] = "warn"
) -> pd.Series:
    """Read the assignment of images from a `split.csv`.

    Images are recognised by path and, where files were moved or renamed, by content. Images whose
    content is another than when the file was written keep their split, and are told by name. A
    file without contents (no column content_hash, or empty cells) tells images by path alone.

    Args:
        path: path of the file.
        records: one row an image, with the columns path and content_hash.
        on_changed: whether images whose content has changed are warned of, or are an error.

    Returns:
        train, val or test for each row of `records`, "" for images that are not in the file.

    Raises:
        CorrosionError: the file is missing, is no split, or knows none of the images; an image has
            changed, with `on_changed="error"`.
    """
    if path.is_file():
        check_recorded(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # ValueError covers pandas' own parser errors
        raise CorrosionError(f"split_file={path} can't be read: {error}") from error
    missing = {"path", "split"} - set(table)
    unknown = set() if missing else set(table["split"]) - set(SPLITS)
    if missing or unknown:
        wrong = f"columns {sorted(missing)} are missing" if missing else f"splits {unknown}"
        raise CorrosionError(
            f"split_file={path}: {wrong}. It must be a split.csv of an earlier run, with split one "
            f"of {', '.join(SPLITS)}."
        )
    if "content_hash" not in table:
        table["content_hash"] = ""
    hashed = table[table["content_hash"] != ""]
    by_path = dict(zip(table["path"], table["split"], strict=True))
    by_content = pd.Series(
        dict(zip(hashed["content_hash"], hashed["split"], strict=True)), dtype="str"
    )
    found = records["path"].map(by_path).fillna(records["content_hash"].map(by_content)).fillna("")
    if (found == "").all():
        raise CorrosionError(
            f"split_file={path} knows none of the {len(records)} images, neither by path nor by "
            f"content: it belongs to other data."
        )
    _tell_changed(path, hashed, records, on_changed=on_changed)
    here = table["path"].isin(records["path"]) | table["content_hash"].isin(records["content_hash"])
    if gone := int((~here).sum()):
        log.warning("%d of %d images in %s are not here", gone, len(table), path)
        if new := records.loc[found == "", "path"].astype(str).tolist():
            log.warning(
                "%d images here are not in it (%s%s): new ones, or some of those that are gone, "
                "moved and changed, which can't be told",
                len(new),
                ", ".join(new[:_NAMED]),
                f" and {len(new) - _NAMED} more" if len(new) > _NAMED else "",
            )
    return found


def _tell_changed(
    path: Path, hashed: pd.DataFrame, records: pd.DataFrame, *, on_changed: str
) -> None:
    """Tell which images have another content than when the file was written."""
    known = records["path"].map(dict(zip(hashed["path"], hashed["content_hash"], strict=True)))
    changed = records.loc[known.notna() & (known != records["content_hash"]), "path"].astype(str)
    if changed.empty:
        return
    names = ", ".join(changed[:_NAMED])
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    one = len(changed) == 1
    told = (
        f"split_file={path}: {len(changed)} image{'' if one else 's'} {'has' if one else 'have'} "
        f"changed since it was written: {names}{more}. Results on {'it' if one else 'them'} can't "
        f"be compared with those of before."
    )
    if on_changed == "error":
        raise CorrosionError(
            f"{told} Put the earlier files back, or give on_changed=warn to go on with these."
        )
    log.warning("%s on_changed=error stops here.", told)


def twins_of_judged(records: pd.DataFrame, assigned: pd.Series) -> pd.DataFrame:
    """Find new images that resemble one of validation or test.

    Training must not see them, and with them validation and test would not stay what they were.

    Args:
        records: one row an image, with the columns path, label, source, content_hash and group.
        assigned: train, val or test for each row of `records`, "" for new images.

    Returns:
        One row an image, numbered as in `records`: path, label, source, reason (leak) and detail.

    Example:
        >>> records = pd.DataFrame(
        ...     {
        ...         "path": ["a.jpg", "b.jpg", "c.jpg"],
        ...         "label": [0, 0, 1],
        ...         "source": "ships",
        ...         "content_hash": ["1", "2", "3"],
        ...         "group": [0, 0, 1],
        ...     }
        ... )
        >>> found = twins_of_judged(records, pd.Series(["test", "", ""]))
        >>> found[["path", "detail"]].to_dict("records")
        [{'path': 'b.jpg', 'detail': 'near-duplicate of a.jpg, which is in validation or test'}]
    """
    judged, new = assigned.isin(("val", "test")).to_numpy(), (assigned == "").to_numpy()
    return twins(records, judged, new, which="which is in validation or test")
