"""Photographs that an export is compared, calibrated and judged on."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import ImageReader, Item, batched, squares
from corrosion.data.places import is_there
from corrosion.data.resizing import build_resize
from corrosion.data.sample import make_sample
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import RunDirectory
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)

T = TypeVar("T")

_GENERATED = 24
_WORDS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs of a network.

    Attributes:
        pixels: (N, 3, image_size, image_size) uint8 RGB, N at least 1.
        what: what they are, in words.
        records: one row an input, of those of a run: label, and group of images that are not
            independent; None where they are not known.
    """

    pixels: NDArray[np.uint8]
    what: str
    records: pd.DataFrame | None = None

    def batches(self, size: int = 16) -> Iterator[NDArray[np.uint8]]:
        """The inputs in parts."""
        for start in range(0, len(self.pixels), size):
            yield self.pixels[start : start + size]


def inputs_of_folder(network: CorrosionClassifier, folder: Path, count: int, name: str) -> Inputs:
    """Photographs of a folder and of those in it, evenly chosen among all.

    Args:
        network: says how they become inputs.
        folder: the folder.
        count: how many, at most.
        name: of the setting that it was given as.

    Raises:
        CorrosionError: there is no folder, or none of its photographs can be read.
    """
    if not folder.is_dir():
        raise CorrosionError(f"{name}={folder}: give a folder of photographs.")
    paths = spread(find_inputs([folder], recursive=True, videos=False), count)
    pixels, _ = _read(network, paths, f"{name}={folder}")
    return Inputs(pixels, f"{len(pixels)} photographs of {folder}")


def inputs_of_run(
    network: CorrosionClassifier, checkpoint: Path, subset: str, count: int | None = None
) -> Inputs | None:
    """Photographs of the run in whose directory a checkpoint lies.

    Args:
        network: says how they become inputs.
        checkpoint: the checkpoint.
        subset: "train", "val" or "test".
        count: how many, at most, evenly chosen among all; None for all.

    Returns:
        None where the checkpoint lies in no run, or the run's photographs are gone.

    Raises:
        CorrosionError: the run's split can't be read.
    """
    run = RunDirectory.holding(checkpoint)
    split = None if run is None else run.read_split()
    if split is None:
        return None
    rows = split[split["split"] == subset]
    rows = rows[[is_there(path) for path in rows["path"]]]
    if not len(rows):
        return None
    rows = rows.iloc[spread(range(len(rows)), count)]
    pixels, read = _read(network, rows["path"].tolist(), f"{subset} photographs of {checkpoint}")
    what = f"{len(pixels)} {_WORDS[subset]} photographs of the checkpoint's run"
    return Inputs(pixels, what, rows.iloc[read])


def generated_inputs(network: CorrosionClassifier) -> Inputs:
    """Pictures of the embedded generator, where there are no photographs."""
    with tempfile.TemporaryDirectory() as folder:
        root = make_sample(Path(folder) / "sample", count=_GENERATED)
        paths = find_inputs([root / "images"], recursive=True, videos=False)
        pixels, _ = _read(network, paths, "generated pictures")
    return Inputs(pixels, f"{len(pixels)} generated pictures, no photographs")


def spread(items: Sequence[T], count: int | None) -> list[T]:
    """So many of the items, evenly chosen; all where there are no more.

    Example:
        >>> spread("abcdef", 3)
        ['a', 'c', 'f']
    """
    if count is None or len(items) <= count:
        return list(items)
    return [items[round(place)] for place in np.linspace(0, len(items) - 1, count)]


def _read(
    network: CorrosionClassifier, paths: Sequence[str], what: str
) -> tuple[NDArray[np.uint8], list[int]]:
    """Pixels (N, 3, H, W) of files, and which of them could be read."""
    reader = ImageReader(
        build_resize(network.image_size, network.resize), threads=usable_processors()
    )
    found, read = [], []
    for batch in batched(reader.inputs(Item(*one) for one in enumerate(paths)), 64):
        readable = [one for one in batch if one.square is not None]
        if readable:
            found.append(squares(readable).transpose(0, 3, 1, 2))
            read += [one.item for one in readable]
    if not found:
        raise CorrosionError(f"{what}: none of {len(paths)} files can be read.")
    if len(read) < len(paths):
        log.warning("%s: %d of %d files can't be read", what, len(paths) - len(read), len(paths))
    return np.ascontiguousarray(np.concatenate(found)), read
