"""Decoded, resized images on disk, shared by loader processes, epochs, runs and datasets.

    cache_dir()/images/<settings>/<id>.npy           uint8 (N, image_size, image_size, 3)
    cache_dir()/images/<settings>/<id>.hashes.npy    their content hashes; written last

`<settings>` names all that pixels depend on beside the file's bytes: size and mode of resizing, and
what decodes. A segment, the two files together, never changes: images that no segment holds yet
come into a new one (`corrosion.data.cache.filling`). So readers need no lock, a killed run leaves
nothing that counts, images added to a dataset cost only themselves, and datasets share what they
have in common. One file a dataset would hold every shared image twice, and one growing file would
need a database beside it and could not be cut down to its limit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import torch
from numpy.typing import NDArray

from corrosion.data.cache.directory import cache_dir
from corrosion.data.resizing import Resize

_DECODER_VERSION = 1  # raise it when reading or resizing gives other pixels
_HASH = "S32"
_HASHES = ".hashes.npy"
_ABSENT = -1


def images_dir() -> Path:
    """The folder of the segments of all settings."""
    return cache_dir() / "images"


def settings_dir(resize: Resize) -> Path:
    """The folder of the segments that hold images as `resize` makes them."""
    decoders = f"cv{cv2.__version__}-pil{PIL.__version__}-torch{torch.__version__}"
    return images_dir() / f"{resize.image_size}-{resize.mode}-v{_DECODER_VERSION}-{decoders}"


@dataclass(frozen=True)
class Segment:
    """Images that were added together.

    Attributes:
        images: path of the file of images; that of the hashes lies beside it.
    """

    images: Path

    @property
    def hashes(self) -> Path:
        """Path of the file of hashes. The segment counts once it is there."""
        return self.images.with_name(self.images.stem + _HASHES)

    @cached_property
    def size(self) -> int:
        """Size of the images on disk in bytes; 0 if they are gone."""
        try:
            return self.images.stat().st_size
        except OSError:
            return 0

    def load_hashes(self) -> NDArray[np.bytes_]:
        """The content hash of each image, (N,); none if the segment is gone or incomplete."""
        try:
            hashes = np.load(self.hashes)
            complete = len(np.load(self.images, mmap_mode="r")) == len(hashes)
        except (OSError, ValueError):
            complete = False
        return hashes if complete else hash_array([])


def segments(folder: Path) -> list[Segment]:
    """The complete segments in a folder that `settings_dir` gives."""
    return sorted(
        (
            Segment(path.with_name(path.name.removesuffix(_HASHES) + ".npy"))
            for path in folder.glob(f"*{_HASHES}")
            if not path.name.startswith(".")  # still being written
        ),
        key=lambda segment: segment.images,
    )


def hash_array(hashes: Iterable[str]) -> NDArray[np.bytes_]:
    """Content hashes as segments hold them: (N,), bytes of length 32."""
    return np.array(list(hashes), dtype=_HASH)


class ImageCache:
    """The decoded images of a table's rows, as far as they are on disk.

    May be pickled: a worker process gets positions in shared memory and opens the files itself.

    Args:
        hashes: content hash of each row's file.
        resize: how the images are to be resized.
    """

    def __init__(self, hashes: Iterable[str], resize: Resize) -> None:
        self._segments = segments(settings_dir(resize))
        held = [segment.load_hashes() for segment in self._segments]
        self._starts = np.cumsum([0, *map(len, held)]).tolist()
        positions = _positions(hash_array(hashes), np.concatenate([hash_array([]), *held]))
        self._positions = torch.from_numpy(positions)
        self._images: dict[int, NDArray[np.uint8] | None] = {}

    @property
    def lacks(self) -> NDArray[np.bool_]:
        """Whether the image of each row is missing, (rows,) bool."""
        return self._positions.numpy() == _ABSENT

    @property
    def used(self) -> list[Segment]:
        """The segments that hold at least one image of the table."""
        positions = np.unique(self._positions.numpy()[~self.lacks])
        numbers = np.unique(np.searchsorted(self._starts, positions, side="right") - 1)
        return [self._segments[number] for number in numbers]

    def get(self, row: int) -> NDArray[np.uint8] | None:
        """A copy of a row's image, uint8 (image_size, image_size, 3) RGB; None if it is missing."""
        position = int(self._positions[row])
        if position == _ABSENT:
            return None
        number = bisect_right(self._starts, position) - 1
        if number not in self._images:
            self._images[number] = _mapped(self._segments[number].images)
        images = self._images[number]
        return None if images is None else images[position - self._starts[number]].copy()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_images": {}}  # pickled memory maps would be copies


def _positions(wanted: NDArray[np.bytes_], held: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Where each wanted hash is held."""
    if not len(held):
        return np.full(len(wanted), _ABSENT)
    order = np.argsort(held, kind="stable")
    places = np.searchsorted(held, wanted, sorter=order)
    places = order[np.minimum(places, len(held) - 1)]
    return np.where((held[places] == wanted) & (wanted != b""), places, _ABSENT)


def _mapped(path: Path) -> NDArray[np.uint8] | None:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except (OSError, ValueError):
        return None  # another run has made room for its own images since
