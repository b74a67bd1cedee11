"""The files of a run, and the assets that they show."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from corrosion.data.asset_names import AssetNames, asset_names
from corrosion.data.file_search import find_inputs
from corrosion.prediction.journal import Row
from corrosion.prediction.mask_files import common_root, highest_folder
from corrosion.prediction.output_folder import OutputFolder
from corrosion.report.inspection.consequences import check_consequences, read_consequences
from corrosion.settings.prediction import PredictionSettings

log = logging.getLogger(__name__)


def tell_notes(notes: Mapping[str, int]) -> None:
    """Log what is special about files, as that they are thermal, with how many are so."""
    for note, count in sorted(notes.items()):
        log.warning("%d of the files: %s", count, note)


def find_files(
    paths: Sequence[str | Path], settings: PredictionSettings, *, tell: bool = True
) -> list[str]:
    """The files that paths stand for (`corrosion.data.file_search.find_inputs`).

    Args:
        paths: files, folders and patterns.
        settings: how files are predicted.
        tell: log what is passed over.

    Raises:
        CorrosionError: a path is missing or holds nothing; `asset` tells nothing of them;
            `consequence` can't be read, or is of other assets;
            a file lies beyond `relative_to`.
    """
    files = find_inputs(paths, recursive=settings.recursive, below=settings.relative_to, tell=tell)
    if settings.asset is not None:
        names = _names(settings.asset, files, paths)
        if settings.consequence is not None:
            assets = sorted(filter(None, {names.of(file) for file in files}))
            told = read_consequences(settings.consequence)
            check_consequences(told, tuple(assets), name=f"consequence={settings.consequence}")
    return files


def finished_rows(
    folder: OutputFolder, paths: Sequence[str | Path], settings: PredictionSettings
) -> Iterator[Row]:
    """The rows of a run that has read all files, with their assets; one in memory.

    Raises:
        CorrosionError: `asset` can't be read any more.
    """
    rows = folder.rows()
    if settings.asset is None:
        yield from rows
        return
    names = _names(settings.asset, folder.files(), paths)
    for row in rows:
        yield replace(row, asset=names.of(row.path))


def _names(asset: str, files: Sequence[str], paths: Sequence[str | Path]) -> AssetNames:
    return asset_names(asset, files, root=common_root(paths), top=highest_folder(paths))
