"""Examine folders of photographs before anybody trains on them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from corrosion.data.curation.findings import count_leaks
from corrosion.data.curation.policy import Inspection, inspect, left_out
from corrosion.data.curation.screening import screen
from corrosion.data.passed_over import PassedOver
from corrosion.data.prepare import find_images
from corrosion.data.splits import split
from corrosion.errors import CorrosionError
from corrosion.settings.data import ClassFolders, CurationSettings, SourceSettings

log = logging.getLogger(__name__)

_FRACTIONS = (0.7, 0.2, 0.1)
_SEEDS = 20  # splits over which leaks are averaged: one split is a matter of luck


@dataclass(frozen=True)
class Leaks:
    """What splits of the same images leak, on average.

    Attributes:
        images: number of images in each of val and test.
        known: number of those with a copy or near-duplicate in training.
    """

    images: Mapping[str, float]
    known: Mapping[str, float]


@dataclass(frozen=True)
class Audit:
    """What was found in folders of photographs.

    Attributes:
        roots: the folders.
        policy: what counted as a duplicate or as suspicious.
        inspection: duplicates, conflicts and suspicious images among the readable ones.
        unreadable: path, label, source and reason of the others, one row an image.
        passed_over: what else lies in the folders, and why it is not read.
        left_out: images that training would leave out of the readable ones, as
            `curation.policy.left_out` gives them.
        official: number of images of official subsets that are known from another one, as
            {"test in train": 3, ...}; None where there are no subsets.
        random: leaks of random splits, stratified by class and source; None where no split can be
            made.
        grouped: leaks of the splits that training makes; None where none can be made.
    """

    roots: tuple[Path, ...]
    policy: CurationSettings
    inspection: Inspection
    unreadable: pd.DataFrame
    passed_over: tuple[PassedOver, ...]
    left_out: pd.DataFrame
    official: Mapping[str, int] | None
    random: Leaks | None
    grouped: Leaks | None

    @property
    def failed(self) -> bool:
        """Whether there are leaks between official subsets, or conflicting labels."""
        return bool(self.inspection.conflicting.any() or sum((self.official or {}).values()))


def audit_folders(
    roots: Sequence[Path],
    *,
    classes: ClassFolders | None = None,
    policy: CurationSettings | None = None,
) -> Audit:
    """Find unreadable and suspicious images, duplicates, conflicts and leaks in folders.

    Args:
        roots: folders, each with a folder of images per class, or with official subsets of them.
        classes: further folder names of each class (`labels.folder_labels`).
        policy: what counts as a duplicate or as suspicious; None for the defaults.

    Raises:
        CorrosionError: a folder is missing or odd, a class has no folder, or no image is readable.
    """
    policy = policy or CurationSettings()
    given = SourceSettings(source="folder", root=tuple(roots), classes=classes or ClassFolders())
    passed: list[PassedOver] = []
    screened = screen(find_images(given, passed))
    inspection = inspect(screened.records, policy)
    dropped = left_out(inspection, policy)
    kept = inspection.records.drop(index=dropped.index)
    # each image a group of its own: what a split by file names does
    single = inspection.records.assign(content_hash=inspection.records["path"])
    return Audit(
        roots=tuple(roots),
        policy=policy,
        inspection=inspection,
        unreadable=screened.rejected,
        # what may be missed first
        passed_over=tuple(sorted(passed, key=lambda one: (not one.missed, one.path))),
        left_out=dropped,
        official=_official_leaks(inspection),
        random=_leaks(inspection, single),
        grouped=_leaks(inspection, kept.assign(group=inspection.duplicates.group[kept.index])),
    )


def _official_leaks(inspection: Inspection) -> dict[str, int] | None:
    subset = inspection.records["subset"].astype(str).to_numpy()
    if len(set(subset) - {""}) < 2:
        return None
    return {
        f"{name} in {other}": int(
            (inspection.duplicates.seen_in(subset == other) & (subset == name)).sum()
        )
        for name, other in (("val", "train"), ("test", "train"), ("test", "val"))
    }


def _leaks(inspection: Inspection, records: pd.DataFrame) -> Leaks | None:
    images: list[dict[str, int]] = []
    known: list[dict[str, int]] = []
    for seed in range(_SEEDS):
        try:
            divided = split(records, fractions=_FRACTIONS, seed=seed, keep_subsets=False)["split"]
        except CorrosionError as error:
            log.warning("no split can be tried: %s", error)
            return None
        images.append({name: int((divided == name).sum()) for name in ("val", "test")})
        known.append(count_leaks(inspection, divided.set_axis(records.index)))
    return Leaks(_mean(images), _mean(known))


def _mean(counts: list[dict[str, int]]) -> dict[str, float]:
    return {name: float(np.mean([count[name] for count in counts])) for name in counts[0]}
