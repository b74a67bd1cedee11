"""From a data configuration to split records: the steps in their order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.data.labels import CLASSES
from corrosion.data.sample import make_sample, sample_dir
from corrosion.data.screening import screen
from corrosion.data.sources import scan
from corrosion.data.split import read_split, split
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)


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


def prepare_records(config: Mapping[str, Any], *, seed: int) -> pd.DataFrame:
    """Find, check and split the images of a configuration.

    Args:
        config: the keys of a file in `conf/data`.
        seed: of the split.

    Returns:
        Records with the columns path, label, source, subset, content_hash, width, height, group
        and split, one row a readable image.

    Raises:
        CorrosionError: missing or odd folders, class names without a meaning, unreadable images
            with `on_bad_image: error`, classes too small to split.
    """
    records = pd.concat([_found(source) for source in _sources(config)], ignore_index=True)
    screened = screen(
        records, on_bad=config["on_bad_image"], max_pixels=config["max_megapixels"] * 10**6
    )
    assigned = None
    if config["split_file"] is not None:
        assigned = read_split(Path(config["split_file"]).expanduser(), screened.records)
    return split(
        screened.records,
        fractions=config["split"],
        seed=seed,
        keep_subsets=config.get("keep_subsets", True),
        assigned=assigned,
    )


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
    if source.url and not source.root.is_dir():
        raise CorrosionError(
            f"{source.root} is missing: download the set {source.name} from {source.url} (an "
            f"account there is needed) and unpack it to this folder."
        )
    records = scan(source.root, name=source.name, classes=source.classes)
    if source.images is not None:
        found = {name: int((records["label"] == label).sum()) for label, name in enumerate(CLASSES)}
        expected = {name: source.images[name] for name in CLASSES}
        if found != expected:
            log.warning("%s holds %s images; the paper has %s", source.name, found, expected)
    return records
