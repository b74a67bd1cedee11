"""From a data configuration to split records: the steps in their order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.data.sample import make_sample, sample_dir
from corrosion.data.screening import screen
from corrosion.data.sources import scan
from corrosion.data.split import read_split, split
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)


def prepare_records(config: Mapping[str, Any], *, seed: int) -> pd.DataFrame:
    """Find, check and split the images of a configuration.

    Args:
        config: the keys of `conf/data/sample.yaml` or `conf/data/folder.yaml`.
        seed: of the split.

    Returns:
        Records with the columns path, label, source, subset, content_hash, width, height, group
        and split, one row a readable image.

    Raises:
        CorrosionError: missing or odd folders, class names without a meaning, unreadable images
            with `on_bad_image: error`, classes too small to split.
    """
    match config["source"]:
        case "sample":
            root = sample_dir(config["count"], config["size"], config["sample_seed"])
            make_sample(
                root, count=config["count"], size=config["size"], seed=config["sample_seed"]
            )
            records = scan(root / "images", name="sample")
        case "folder":
            root = Path(config["root"]).expanduser()
            records = scan(root, name=config["name"], classes=config["classes"])
        case other:
            raise CorrosionError(f"data.source={other!r}: choose data=sample or data=folder.")
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
