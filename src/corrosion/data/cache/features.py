"""Features of images on disk, so that a frozen backbone looks at each image once.

    cache_dir()/features/<key>/<id>.npz    content hashes (N,) and features (N, C) float32

`<key>` names all that features depend on beside the file's bytes: the network's weights and how
photographs become its input. What `curation.pictures` finds out of photographs and of pairs of them
is kept likewise. A file never changes; what is not held yet comes into a new one. All
features together take 1 GiB at most, those of 200,000 photographs: the networks that were not used
for the longest time make room.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.system.files import replacing

log = logging.getLogger(__name__)

Features = NDArray[np.float32]

_LIMIT = 2**30  # bytes


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
        for path in sorted(self._folder.glob("[!.]*.npz")):
            try:
                with np.load(path) as held:
                    hashes, features = held["hashes"], held["features"]
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                log.warning("%s is damaged, and its images are looked at anew: %s", path, error)
                continue
            found |= {one.decode(): row for one, row in zip(hashes, features, strict=True)}
        return found

    def save(self, hashes: Sequence[str], features: Features) -> None:
        """Keep features (N, C) of N files; where that is not possible, a warning says so."""
        try:
            with replacing(self._folder / f"{uuid.uuid4().hex}.npz") as temporary:
                np.savez(temporary, hashes=np.asarray(hashes, dtype="S64"), features=features)
            self._remove_unused()
        except CorrosionError as error:
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


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another run's, which has just got its final name
            total += path.stat().st_size
    return total
