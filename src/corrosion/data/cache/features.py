"""Features of images on disk, so that a frozen backbone looks at each image once.

    cache_dir()/features/<key>/<id>.v2.npz    hashes (N,), features (N, C) float32, checksums (N,)

`<key>` names all that features depend on beside the file's bytes: the network's weights and how
photographs become its input. What `curation.pictures` finds out of photographs and of pairs of them
is kept likewise. What is not held yet comes into a new file, and features that do not fit their
checksums are computed anew. All
features together take 1 GiB at most, those of 200,000 photographs: the networks that were not used
for the longest time make room.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrosion.data.cache.checksums import checksums
from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.system.files import replacing

log = logging.getLogger(__name__)

Features = NDArray[np.float32]

_LIMIT = 2**30  # bytes
_SUFFIX = ".v2.npz"  # of this layout: files of others are not read


class FeatureCache:
    """Features of one network by the content of the files they were made of, of one or of two.

    Args:
        key: name of all that features depend on beside the file's bytes.
    """

    def __init__(self, key: str) -> None:
        self._folder = cache_dir() / "features" / key

    def load(self) -> dict[str, Features]:
        """Features (C,) by content hash; damaged files are passed over."""
        found: dict[str, Features] = {}
        with suppress(OSError):
            os.utime(self._folder)  # the time of its last use
        for path in sorted(self._folder.glob(f"[!.]*{_SUFFIX}")):
            held = _read(path)
            if held is None or not held.fits.all():
                log.warning("%s is damaged, and its images are looked at anew", path)
                with suppress(OSError):
                    path.unlink()
                if held is not None and held.fits.any():
                    self._write(held.hashes[held.fits], held.features[held.fits])
            if held is not None:
                found |= {
                    bytes(one).decode("ascii", "replace"): row
                    for one, row, fits in zip(held.hashes, held.features, held.fits, strict=True)
                    if fits
                }
        return found

    def save(self, hashes: Sequence[str], features: Features) -> None:
        """Keep features (N, C) of N files; where that is not possible, a warning says so."""
        self._write(np.asarray(hashes, dtype="S64"), np.ascontiguousarray(features, np.float32))

    def _write(self, hashes: NDArray[np.bytes_], features: Features) -> None:
        try:
            with replacing(self._folder / f"{uuid.uuid4().hex}{_SUFFIX}") as temporary:
                sums = checksums(hashes, features)
                np.savez(temporary, hashes=hashes, features=features, checksums=sums)
            self._remove_unused()
        except (OSError, CorrosionError) as error:
            log.warning("features are not kept: %s", error)

    def _remove_unused(self) -> None:
        """Remove the features of other networks, the oldest first, until all keep the limit."""
        folders = [path for path in self._folder.parent.glob("[!.]*") if path.is_dir()]
        sizes = {path: _size(path) for path in folders}
        excess = sum(sizes.values()) - _LIMIT
        for folder in sorted(folders, key=lambda path: path.stat().st_mtime):
            if excess > 0 and folder != self._folder:
                log.info("%s has not been used for the longest time and makes room", folder)
                shutil.rmtree(folder, ignore_errors=True)
                excess -= sizes[folder]


@dataclass(frozen=True, eq=False)
class _Held:
    """A file's content hashes (N,), features (N, C), and whether each fits its checksum (N,)."""

    hashes: NDArray[np.bytes_]
    features: Features
    fits: NDArray[np.bool_]


def _read(path: Path) -> _Held | None:
    """What a file holds; None if that can't be told."""
    try:
        with np.load(path) as held:
            hashes, features, sums = held["hashes"], held["features"], held["checksums"]
        known = (hashes.dtype.kind, features.dtype, sums.dtype) == ("S", np.float32, np.uint32)
        if not known or features.ndim != 2 or not len(hashes) == len(features) == len(sums):
            return None
        return _Held(hashes, features, checksums(hashes, np.ascontiguousarray(features)) == sums)
    except Exception:  # damaged bytes make numpy and zipfile raise nearly anything
        log.debug("%s can't be read", path, exc_info=True)
        return None


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another run's, which has just got its final name
            total += path.stat().st_size
    return total
