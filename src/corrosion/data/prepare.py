"""From the settings of the images to split records: the steps in their order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from corrosion.data.curation.findings import Findings, count_findings
from corrosion.data.curation.kind_conflicts import settle_kinds
from corrosion.data.curation.policy import inspect, left_out
from corrosion.data.curation.screening import screen
from corrosion.data.kind_labels import COLUMN, check_kinds, check_learnable, find_kinds
from corrosion.data.labels import CLASSES
from corrosion.data.passed_over import PassedOver
from corrosion.data.sample import is_sample, make_sample, sample_dir
from corrosion.data.shortcut import plant
from corrosion.data.sources import check_root, scan
from corrosion.data.splits import leave_source_out, read_split, split, split_fold
from corrosion.data.splits.folds import twins_of_source
from corrosion.data.splits.split_file import twins_of_judged
from corrosion.errors import CorrosionError
from corrosion.settings.data import ClassFolders, DataSettings, SourceSettings
from corrosion.settings.ranges import as_written
from corrosion.system.names import escaped

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
        name: name of the source in records.
        root: path of the folder.
        classes: further folder names of each class (`labels.folder_labels`).
        images: expected number of images by class, where it is known.
        url: address at which the images can be had; None for images that are there.
    """

    name: str
    root: Path
    classes: ClassFolders | None = None
    images: Mapping[str, int] | None = None
    url: str | None = None


@dataclass(frozen=True)
class Prepared:
    """Images that are ready for training, and what was found on the way.

    Attributes:
        records: path, label, source, subset, content_hash, width, height, group (images that show
            the same picture or nearly so) and split, one row an image; with a planted shortcut
            also marked (bool), with kinds of corrosion also kind (str, empty if unknown).
        left_out: path, label, source, reason (unreadable, conflict, copy, leak or the name of a
            rule) and detail of the images that no split got, one row an image.
        findings: numbers of what was found.
    """

    records: pd.DataFrame
    left_out: pd.DataFrame
    findings: Findings


def is_generated(settings: DataSettings) -> bool:
    """Whether all images are generated ones: the sample, whether made here or named as a folder."""
    return settings.source == "sample" or (
        settings.source == "folder" and all(map(is_sample, settings.roots))
    )


def prepare_records(settings: DataSettings) -> Prepared:
    """Find, check, curate and split images.

    Args:
        settings: where the images are, which are left out and how they are split.

    Raises:
        CorrosionError: a folder is missing or odd, the class of a folder is unknown, an image can't
            be read with `on_bad_image="error"`, labels conflict with `on_conflict="error"`, a class
            is too small to split, or kinds of corrosion can't be told or learnt.
    """
    screened = screen(
        find_images(settings),
        on_bad=settings.on_bad_image,
        max_pixels=int(settings.max_megapixels * 10**6),
    )
    keep_subsets = settings.folds is None and settings.keep_subsets
    assigned = None
    if settings.split_file is not None:
        assigned = read_split(
            settings.split_file.expanduser(), screened.records, on_changed=settings.on_changed
        )
    inspection = inspect(screened.records, settings)
    splits = _assigned_splits(screened.records, assigned, keep_subsets=keep_subsets)
    dropped = left_out(inspection, settings, assigned=splits)
    kept = inspection.records.drop(index=dropped.index, columns=list(_MEASURED))
    kept = kept.assign(group=inspection.duplicates.group[kept.index])
    twins = None
    if settings.folds == "source":
        twins = _twins_of_tested(kept, settings)
    elif assigned is not None and splits is not None:
        twins = _twins_of_judged(kept, splits[kept.index])
    if twins is not None:
        dropped = pd.concat([dropped, twins]).sort_index()
        kept = kept.drop(index=twins.index)
    divided = _divided(kept, settings, assigned=None if assigned is None else assigned[kept.index])
    if settings.kinds is not None:
        images = inspection.records  # those that are left out too: a copy may contradict
        roots = {source.name: source.root for source in _sources(settings)}
        told = settle_kinds(
            find_kinds(images, settings.kinds, roots),
            images["path"],
            inspection.duplicates,
            on_conflict=settings.on_conflict,
        )
        divided = divided.assign(**{COLUMN: told[kept.index].to_numpy()})
        check_learnable(divided, settings.kinds)
    findings = count_findings(
        inspection,
        unreadable=len(screened.rejected),
        left_out=dropped,
        split=divided["split"].set_axis(kept.index),
    )
    return Prepared(
        plant(divided, settings.shortcut, seed=settings.split_seed),
        _all_left_out(screened.rejected, dropped),
        findings,
    )


def find_images(settings: SourceSettings, passed: list[PassedOver] | None = None) -> pd.DataFrame:
    """List the images of all sources, unread.

    Args:
        settings: which sources there are.
        passed: gets what else lies in their folders, and why it is not read.

    Returns:
        Records with the columns path, label, source and subset (`sources.scan`).

    Raises:
        CorrosionError: a folder is missing or odd, or the class of a folder is unknown.
    """
    found = [_found(source, passed) for source in _available_sources(settings)]
    return pd.concat(found, ignore_index=True)


def check_sources(settings: SourceSettings) -> None:
    """Refuse at once what is wrong with the sources' folders, before their images are listed.

    Args:
        settings: which sources there are.

    Raises:
        CorrosionError: a folder is missing, the class of a folder is unknown, or the file of kinds
            of corrosion can't be used.
    """
    check_kinds(settings.kinds)
    if settings.source == "sample":  # is made where it is missing
        return
    for source in _available_sources(settings):
        check_root(source.root, classes=source.classes)


def _available_sources(settings: SourceSettings) -> list[Source]:
    """The sources, none of which waits to be downloaded."""
    sources = _sources(settings)
    missing = [source for source in sources if source.url and not source.root.is_dir()]
    if missing:
        raise CorrosionError(
            "Download these sets (an account there is needed) and unpack each to its folder:\n"
            + "\n".join(f"  {one.name} from {one.url} to {one.root}" for one in missing)
        )
    return sources


def _assigned_splits(
    records: pd.DataFrame, assigned: pd.Series | None, *, keep_subsets: bool
) -> pd.Series | None:
    """The split that each image has already: of an earlier run, else its official subset."""
    official = records["subset"].astype(str) if keep_subsets else None
    if assigned is None or official is None:
        return official if assigned is None else assigned
    return assigned.where(assigned != "", official)


def _twins_of_tested(records: pd.DataFrame, settings: DataSettings) -> pd.DataFrame:
    """Images that training and validation must not see: the source that is tested has them."""
    tested = _tested_source(settings)
    twins = twins_of_source(records, tested)
    if len(twins):
        log.info(
            "%d images are near-duplicates of images of %s, which is tested: left out",
            len(twins),
            tested,
        )
    return twins


def _twins_of_judged(records: pd.DataFrame, splits: pd.Series) -> pd.DataFrame:
    """New images like those of the earlier validation and test, which are to stay as they were."""
    twins = twins_of_judged(records, splits)
    if len(twins):
        log.info(
            "%d new images are near-duplicates of images of validation or test, which stay as the "
            "split file has them: left out",
            len(twins),
        )
    return twins


def _tested_source(settings: DataSettings) -> str:
    return _sources(settings)[settings.fold].name


def _divided(
    records: pd.DataFrame, settings: DataSettings, *, assigned: pd.Series | None
) -> pd.DataFrame:
    seed = settings.split_seed
    if settings.folds == "source":
        tested = _tested_source(settings)
        return leave_source_out(
            records, source=tested, fractions=settings.split, seed=seed, assigned=assigned
        )
    if settings.folds is not None:
        return split_fold(
            records, folds=settings.folds, fold=settings.fold, fractions=settings.split, seed=seed
        )
    return split(
        records,
        fractions=settings.split,
        seed=seed,
        keep_subsets=settings.keep_subsets,
        assigned=assigned,
    )


def _all_left_out(unreadable: pd.DataFrame, dropped: pd.DataFrame) -> pd.DataFrame:
    first = unreadable[["path", "label", "source", "reason"]].rename(columns={"reason": "detail"})
    return pd.concat([first.assign(reason="unreadable"), dropped], ignore_index=True)[
        ["path", "label", "source", "reason", "detail"]
    ]


def _sources(settings: SourceSettings) -> list[Source]:
    if settings.source == "sample":
        count, size, seed = settings.count, settings.size, settings.sample_seed
        kinds = settings.kinds == "subfolders"
        place = sample_dir(count, size, seed, kinds=kinds)
        root = make_sample(place, count=count, size=size, seed=seed, kinds=kinds)
        return [Source("sample", root / "images")]
    if settings.source == "paper":
        return [
            Source(
                public.name,
                settings.roots[0] / public.folder,
                settings.classes,
                public.images,
                public.url,
            )
            for public in settings.sources
        ]
    names = [escaped(root.resolve().name) for root in settings.roots]
    if len(set(names)) < len(names):
        raise CorrosionError(
            f"root={as_written(settings.roots)}: the last part of each path is the source's name, "
            f"and two are the same."
        )
    return [
        Source(name, root, settings.classes)
        for name, root in zip(names, settings.roots, strict=True)
    ]


def _found(source: Source, passed: list[PassedOver] | None) -> pd.DataFrame:
    """Records of a source, compared with what is known of it."""
    records = scan(source.root, name=source.name, classes=source.classes, passed=passed)
    if source.images is not None:
        found = {name: int((records["label"] == label).sum()) for label, name in enumerate(CLASSES)}
        expected = {name: source.images[name] for name in CLASSES}
        if found != expected:
            log.warning("%s holds %s images; the paper has %s", source.name, found, expected)
    return records
