"""Decoded, resized images on disk, shared by loader processes, epochs, runs and datasets.

    cache_dir()/images/<settings>/<id>.images    uint8 (N, image_size, image_size, 3), nothing else
    cache_dir()/images/<settings>/<id>.index.npy their content hashes and checksums; written last

`<settings>` names all that pixels depend on beside the file's bytes: size and mode of resizing, and
what decodes. Images that no segment, the two files together, holds yet come into a new one
(`corrosion.data.cache.filling`). So readers need no lock, a killed run leaves nothing that counts,
images added to a dataset cost only themselves, and datasets share what they have in common. One
file a dataset would hold every shared image twice, and one growing file would need a database
beside it and could not be cut down to its limit.

Nothing is trusted: an image that does not fit its checksum is decoded anew, and put right.
"""

from __future__ import annotations

import logging
import os
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import PIL
import torch
from numpy.typing import NDArray

from corrosion.data.cache.checksums import checksum
from corrosion.data.cache.directory import cache_dir
from corrosion.data.images import content_hash
from corrosion.data.resizing import Resize
from corrosion.errors import CorrosionError
from corrosion.system.files import replacing

log = logging.getLogger(__name__)

_DECODER_VERSION = 2  # raise it when reading or resizing gives other pixels, or files change
_HASH = "S32"
_INDEX = np.dtype([("hash", _HASH), ("checksum", "<u4")])
_INDEX_SUFFIX = ".index.npy"
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
        images: path of the file of images; the index lies beside it.
    """

    images: Path

    @property
    def index(self) -> Path:
        """Path of the index. The segment counts once it is there."""
        return self.images.with_name(self.images.stem + _INDEX_SUFFIX)

    @cached_property
    def size(self) -> int:
        """Size of the images on disk in bytes; 0 if they are gone."""
        try:
            return self.images.stat().st_size
        except OSError:
            return 0

    def load_index(self, image_bytes: int) -> NDArray[np.void]:
        """Hash and checksum of each image, (N,); none if the segment is gone, cut or damaged.

        Args:
            image_bytes: size of each image.
        """
        try:
            index = np.load(self.index)
        except Exception:  # damaged bytes make numpy raise nearly anything
            log.debug("%s can't be read", self.index, exc_info=True)
            index = None
        if (
            not isinstance(index, np.ndarray)
            or index.dtype != _INDEX
            or index.ndim != 1
            or self.size != len(index) * image_bytes
        ):
            return np.zeros(0, _INDEX)
        return index

    def write_index(self, hashes: NDArray[np.bytes_], sums: NDArray[np.uint32]) -> None:
        """Write the index: from here on the segment counts.

        Raises:
            CorrosionError: it can't be written.
        """
        index = np.zeros(len(hashes), _INDEX)
        index["hash"], index["checksum"] = hashes, sums
        with replacing(self.index) as temporary, temporary.open("wb") as file:
            np.save(file, index)


def segments(folder: Path) -> list[Segment]:
    """The complete segments in a folder that `settings_dir` gives."""
    return sorted(
        (
            Segment(path.with_name(path.name.removesuffix(_INDEX_SUFFIX) + ".images"))
            for path in folder.glob(f"*{_INDEX_SUFFIX}")
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
        self._shape = (resize.image_size, resize.image_size, 3)
        self._bytes = resize.image_size**2 * 3
        self._segments = segments(settings_dir(resize))
        held = [segment.load_index(self._bytes) for segment in self._segments]
        self._starts = np.cumsum([0, *map(len, held)]).tolist()
        index = np.concatenate([np.zeros(0, _INDEX), *held])
        wanted = hash_array(hashes)
        positions = _positions(wanted, index["hash"])
        sums = np.zeros(len(wanted), np.int64)
        sums[positions != _ABSENT] = index["checksum"][positions[positions != _ABSENT]]
        self._positions, self._checksums = torch.from_numpy(positions), torch.from_numpy(sums)
        # tensors share their memory with worker processes
        self._hashes = torch.from_numpy(wanted.view(np.uint8).reshape(len(wanted), -1))
        self._files: dict[int, BinaryIO | None] = {}
        self._told: set[Segment] = set()

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
        """A row's image, uint8 (image_size, image_size, 3) RGB; None if missing or damaged."""
        position = int(self._positions[row])
        if position == _ABSENT:
            return None
        number, place = self._place(position)
        if number not in self._files:
            self._files[number] = _opened(self._segments[number].images)
        file, pixels = self._files[number], np.empty(self._shape, np.uint8)
        try:
            # read, not mapped: a mapped file that is cut meanwhile kills the process
            read = 0 if file is None else os.preadv(file.fileno(), [pixels.data], place)
        except OSError:
            return None
        if read < self._bytes:
            return None
        return pixels if checksum(self._key(row), pixels) == int(self._checksums[row]) else None

    def repair(self, row: int, content: bytes, pixels: NDArray[np.uint8]) -> None:
        """Put a row's image right that `get` did not give though it is there.

        Args:
            row: the row.
            content: bytes of the image's file; of one that has changed since, nothing is kept.
            pixels: the image, (image_size, image_size, 3).
        """
        position, key = int(self._positions[row]), self._key(row)
        if position == _ABSENT or content_hash(content).encode() != key:
            return
        number, place = self._place(position)
        segment = self._segments[number]
        if segment not in self._told:
            self._told.add(segment)
            log.warning("%s holds damaged images, which are decoded anew", segment.images)
        with suppress(OSError, CorrosionError):  # a cache that can't be written stays as it is
            with segment.images.open("r+b") as file:
                file.seek(place)
                file.write(np.ascontiguousarray(pixels).data)
            right = checksum(key, np.ascontiguousarray(pixels))
            if right != int(self._checksums[row]):
                index = segment.load_index(self._bytes)
                index["checksum"][position - self._starts[number]] = right
                segment.write_index(index["hash"], index["checksum"])
                self._checksums[row] = right

    def _place(self, position: int) -> tuple[int, int]:
        """The number of a segment, and the first byte in its file."""
        number = bisect_right(self._starts, position) - 1
        return number, (position - self._starts[number]) * self._bytes

    def _key(self, row: int) -> bytes:
        return self._hashes[row].numpy().tobytes().rstrip(b"\0")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}  # open files stay in their process


def _positions(wanted: NDArray[np.bytes_], held: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Where each wanted hash is held."""
    if not len(held):
        return np.full(len(wanted), _ABSENT)
    order = np.argsort(held, kind="stable")
    places = np.searchsorted(held, wanted, sorter=order)
    places = order[np.minimum(places, len(held) - 1)]
    return np.where((held[places] == wanted) & (wanted != b""), places, _ABSENT)


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except OSError:
        return None  # another run has made room for its own images since
