"""From a data configuration to split records: the steps in their order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.data.curation.findings import Findings, find
from corrosion.data.curation.policy import Policy, inspect, left_out
from corrosion.data.curation.screening import screen
from corrosion.data.labels import CLASSES
from corrosion.data.sample.generate import make_sample, sample_dir
from corrosion.data.shortcut import check_share, plant
from corrosion.data.sources import check_root, scan
from corrosion.data.splits.folds import check_folds, split_fold
from corrosion.data.splits.split import read_split, split
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)

_MEASURED = (
    "pixel_hash",
    "perceptual_hash",
    "contrast",
    "shadows",
    "highlights",
    "sharpness",
)  # of no use after curation


@dataclass(frozen=True)
class Source:
    """A folder of images.

    Attributes:
        name: kept in the records.
        root: the folder.
        classes: further folder names of each class: see `labels.folder_labels`.
        images: expected number by class, where it is known.
        url: where the images can be had.
    """

    name: str
    root: Path
    classes: Mapping[str, Iterable[str]] | None = None
    images: Mapping[str, int] | None = None
    url: str | None = None


@dataclass(frozen=True)
class Prepared:
    """Images that are ready for training, and what was found on the way.

    Attributes:
        records: path, label, source, subset, content_hash, width, height, group (images that show
            the same picture or nearly so) and split, one row an image; with a planted shortcut
            also marked (bool).
        left_out: path, label, source, reason (unreadable, conflict, copy or the name of a rule)
            and detail of the images that no split got.
        findings: counts.
    """

    records: pd.DataFrame
    left_out: pd.DataFrame
    findings: Findings


def prepare_records(config: Mapping[str, Any], *, seed: int) -> Prepared:
    """Find, check, curate and split the images of a configuration.

    Args:
        config: the keys of a file in `conf/data`.
        seed: of the split and of what is marked.

    Raises:
        CorrosionError: missing or odd folders, class names without a meaning, unreadable images
            with `on_bad_image: error`, conflicting labels with `on_conflict: error`, classes too
            small to split, values that are not among the choices.
    """
    policy = _policy(config)
    shortcut = check_share("data.shortcut", config.get("shortcut", 0))
    folds = config["folds"]
    check_folds(folds, config["fold"], split_file=config["split_file"])
    records = find_images(config)
    screened = screen(
        records, on_bad=config["on_bad_image"], max_pixels=config["max_megapixels"] * 10**6
    )
    keep_subsets = folds is None and config.get("keep_subsets", True)
    assigned = None
    if config["split_file"] is not None:
        assigned = read_split(Path(config["split_file"]).expanduser(), screened.records)
    inspection = inspect(screened.records, policy)
    dropped = left_out(
        inspection, policy, places=_places(screened.records, assigned, keep_subsets=keep_subsets)
    )
    kept = inspection.records.drop(index=dropped.index, columns=list(_MEASURED))
    kept = kept.assign(group=inspection.duplicates.group[kept.index])
    if folds is not None:
        divided = split_fold(
            kept, folds=folds, fold=config["fold"], fractions=config["split"], seed=seed
        )
    else:
        divided = split(
            kept,
            fractions=config["split"],
            seed=seed,
            keep_subsets=keep_subsets,
            assigned=None if assigned is None else assigned[kept.index],
        )
    findings = find(
        inspection,
        unreadable=len(screened.rejected),
        left_out=dropped,
        split=divided["split"].set_axis(kept.index),
    )
    return Prepared(
        plant(divided, shortcut, seed=seed), _all_left_out(screened.rejected, dropped), findings
    )


def find_images(config: Mapping[str, Any]) -> pd.DataFrame:
    """List the images of all sources of a configuration, unread.

    Args:
        config: the keys source, root and classes (and sources) of a file in `conf/data`.

    Returns:
        Records with the columns path, label, source and subset.

    Raises:
        CorrosionError: missing or odd folders, class names without a meaning.
    """
    return pd.concat([_found(source) for source in _at_hand(config)], ignore_index=True)


def check_sources(config: Mapping[str, Any]) -> None:
    """Refuse at once what is wrong with the sources' folders, before their images are listed.

    Args:
        config: as for `find_images`.

    Raises:
        CorrosionError: missing folders, class names without a meaning.
    """
    if config["source"] == "sample":  # is made where it is missing
        return
    for source in _at_hand(config):
        check_root(source.root, classes=source.classes)


def _at_hand(config: Mapping[str, Any]) -> list[Source]:
    """The sources of a configuration, none of which waits to be downloaded."""
    sources = _sources(config)
    missing = [source for source in sources if source.url and not source.root.is_dir()]
    if missing:
        raise CorrosionError(
            "Download these sets (an account there is needed) and unpack each to its folder:\n"
            + "\n".join(f"  {one.name} from {one.url} to {one.root}" for one in missing)
        )
    return sources


def _policy(config: Mapping[str, Any]) -> Policy:
    limits = dict(config["quality"])
    return Policy(
        near_duplicates=config["near_duplicates"],
        exact_duplicates=config["exact_duplicates"],
        on_conflict=config["on_conflict"],
        remove=limits.pop("remove"),
        limits=limits,
    )


def _places(
    records: pd.DataFrame, assigned: pd.Series | None, *, keep_subsets: bool
) -> pd.Series | None:
    """Where images are already: by an earlier split, else by their official subset."""
    official = records["subset"].astype(str) if keep_subsets else None
    if assigned is None or official is None:
        return official if assigned is None else assigned
    return assigned.where(assigned != "", official)


def _all_left_out(unreadable: pd.DataFrame, dropped: pd.DataFrame) -> pd.DataFrame:
    first = unreadable[["path", "label", "source", "reason"]].rename(columns={"reason": "detail"})
    return pd.concat([first.assign(reason="unreadable"), dropped], ignore_index=True)[
        ["path", "label", "source", "reason", "detail"]
    ]


def _sources(config: Mapping[str, Any]) -> list[Source]:
    match config["source"]:
        case "sample":
            count, size, seed = config["count"], config["size"], config["sample_seed"]
            root = make_sample(sample_dir(count, size, seed), count=count, size=size, seed=seed)
            return [Source("sample", root / "images")]
        case "folder":
            given = [config["root"]] if isinstance(config["root"], str) else config["root"]
            roots = [Path(root).expanduser() for root in given]
            names = [root.resolve().name for root in roots]
            if len(set(names)) < len(names):
                raise CorrosionError(
                    f"data.root={given}: the last part of each path is the source's name, and "
                    f"two are the same."
                )
            return [
                Source(name, root, config["classes"])
                for name, root in zip(names, roots, strict=True)
            ]
        case "paper":
            base = Path(config["root"]).expanduser()
            return [
                Source(root=base / entry.pop("folder"), classes=config["classes"], **entry)
                for entry in map(dict, config["sources"])
            ]
    raise CorrosionError(f"data.source={config['source']!r}: choose sample, folder or paper.")


def _found(source: Source) -> pd.DataFrame:
    """Records of a source, compared with what is known of it."""
    records = scan(source.root, name=source.name, classes=source.classes)
    if source.images is not None:
        found = {name: int((records["label"] == label).sum()) for label, name in enumerate(CLASSES)}
        expected = {name: source.images[name] for name in CLASSES}
        if found != expected:
            log.warning("%s holds %s images; the paper has %s", source.name, found, expected)
    return records
