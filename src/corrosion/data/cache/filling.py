"""Decode the images that the cache of decoded images lacks, within its limit."""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from corrosion.data.cache.checksums import checksum
from corrosion.data.cache.segments import (
    ImageCache,
    Segment,
    hash_array,
    images_dir,
    segments,
    settings_dir,
)
from corrosion.data.dataset import load_image
from corrosion.data.images import ImageError, content_hash, file_content
from corrosion.data.places import reading_threads
from corrosion.data.resizing import Resize
from corrosion.errors import CorrosionError
from corrosion.system.files import replacing
from corrosion.system.progress import progress

log = logging.getLogger(__name__)

_GIB = 2**30
_SEGMENT = _GIB // 4  # bytes: what a killed run loses at most, and what is removed at once
_SPARE = 2 * _GIB  # stays free on the disk, for checkpoints
_FEWEST_FOR_A_BAR = 200  # images that take a second or more
_WAY_OUT = "Set cache_gib higher, CORROSION_CACHE to a folder on a larger disk, or cache=false."


class CacheError(CorrosionError):
    """The images can't be kept: the folder can't be written, or they need too much room."""


def fill_cache(
    paths: Sequence[str],
    hashes: Sequence[str],
    resize: Resize,
    *,
    limit_gib: float,
) -> None:
    """Decode and keep those images that the cache does not hold yet.

    Only one run fills the cache at a time; another waits and finds its images there. A file whose
    content is no longer that of its hash is passed over. Where room is needed, the segments that
    have not been used for the longest time are removed.

    Args:
        paths: paths of image files.
        hashes: content hashes of these files.
        resize: how the images are resized.
        limit_gib: largest size of all kept images, whatever their settings, in GiB; above 0.

    Raises:
        CacheError: the folder can't be written, or the images don't fit the limit or the disk.
        ImageError: a file can't be read, naming it.
    """
    cache = ImageCache(hashes, resize)
    if cache.lacks.any():
        with _sole_writer():
            cache = ImageCache(hashes, resize)  # another run may have filled it meanwhile
            _, rows = np.unique(hash_array(hashes), return_index=True)
            rows = np.sort(rows[cache.lacks[rows]])  # as files lie on the disk
            _remove_damaged(resize)
            _make_room(len(rows) * _image_bytes(resize), cache.used, int(limit_gib * _GIB))
            _add([paths[row] for row in rows], [hashes[row] for row in rows], resize)
            cache = ImageCache(hashes, resize)
    for segment in cache.used:
        with suppress(OSError):
            os.utime(segment.index)  # the time of its last use
    size = sum(segment.size for folder in _folders() for segment in segments(folder)) / _GIB
    log.info(
        "%d of %d images are kept decoded; all that %s keeps is %.2f GiB of at most %g",
        len(hashes) - int(cache.lacks.sum()),
        len(hashes),
        images_dir(),
        size,
        limit_gib,
    )


def _image_bytes(resize: Resize) -> int:
    return resize.image_size**2 * 3


@contextmanager
def _sole_writer() -> Iterator[None]:
    """Hold the lock of the cache; files that can't be written become a CacheError."""
    folder = images_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("waiting for another run that decodes images into %s", folder)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except (CacheError, ImageError):
        raise
    except (OSError, NotImplementedError, CorrosionError) as error:  # some disks know no locks
        raise CacheError(
            f"Decoded images can't be kept in {folder}: {error}. Set CORROSION_CACHE to another "
            f"folder, or cache=false."
        ) from error


def _remove_damaged(resize: Resize) -> None:
    """Remove segments of which nothing can be read, whose images are decoded anew."""
    for segment in segments(settings_dir(resize)):
        if not len(segment.load_index(_image_bytes(resize))):
            log.warning("%s is damaged, and its images are decoded anew", segment.images)
            _unlink(segment)


def _folders() -> list[Path]:
    """The folder of each settings."""
    return [path for path in images_dir().glob("*") if path.is_dir()]


def _make_room(needed: int, used: Iterable[Segment], limit: int) -> None:
    """Remove leftovers, and segments that are not `used`, the oldest first, until `needed` fit."""
    for folder in _folders():
        complete = {path for one in segments(folder) for path in (one.images, one.index)}
        for path in set(folder.iterdir()) - complete:
            path.unlink()  # a killed run's: the lock is ours
    kept = {segment.images for segment in used}
    found = [segment for folder in _folders() for segment in segments(folder)]
    removable = [segment for segment in found if segment.images not in kept]
    free = shutil.disk_usage(images_dir()).free
    excess = sum(segment.size for segment in found) + needed - limit
    shortage = needed + _SPARE - free
    freed = sum(segment.size for segment in removable)
    own = sum(segment.size for segment in found) - freed + needed
    if excess > freed:
        raise CacheError(
            f"The decoded images take {own / _GIB:.1f} GiB, more than cache_gib="
            f"{limit / _GIB:g}. {_WAY_OUT}"
        )
    if shortage > freed:
        raise CacheError(
            f"The decoded images take {own / _GIB:.1f} GiB, and {images_dir()} has only "
            f"{free / _GIB:.1f} GiB free, of which 2 are left for other files. {_WAY_OUT}"
        )
    for segment in sorted(removable, key=_last_used):
        if max(excess, shortage) <= 0:
            return
        excess -= segment.size
        shortage -= segment.size
        _remove(segment)


def _last_used(segment: Segment) -> float:
    return segment.index.stat().st_mtime


def _remove(segment: Segment) -> None:
    log.info("%s has not been used for the longest time and makes room", segment.images)
    _unlink(segment)


def _unlink(segment: Segment) -> None:
    segment.index.unlink(missing_ok=True)  # first: from here on it does not count
    segment.images.unlink(missing_ok=True)


def _add(paths: Sequence[str], hashes: Sequence[str], resize: Resize) -> None:
    """Write new segments."""
    folder = settings_dir(resize)
    rows = max(1, _SEGMENT // _image_bytes(resize))
    with ThreadPoolExecutor(reading_threads(paths)) as pool:  # decoding needs no lock of Python's
        decoded = (
            kept
            for start in range(0, len(paths), rows)
            for kept in _write_segment(
                Segment(folder / f"{uuid.uuid4().hex}.images"),
                paths[start : start + rows],
                hashes[start : start + rows],
                resize,
                pool,
            )
        )
        bar = progress(decoded, "decoding images", total=len(paths), fewest=_FEWEST_FOR_A_BAR)
        passed_over = sum(not kept for kept in bar)
    if passed_over:
        log.warning("%d files have changed since they were checked: not kept decoded", passed_over)


def _write_segment(
    segment: Segment,
    paths: Sequence[str],
    hashes: Sequence[str],
    resize: Resize,
    pool: ThreadPoolExecutor,
) -> Iterator[bool]:
    """Decode images into a segment; yields for each whether it has been kept."""
    keys, sums = hash_array(hashes), np.zeros(len(paths), np.uint32)
    kept = np.zeros(len(paths), bool)
    with replacing(segment.images) as temporary, temporary.open("wb") as file:
        # written, not mapped: on a full disk, writing to a mapped file kills the process
        turn = Lock()

        def decode(row: int) -> bool:
            pixels = _pixels(paths[row], hashes[row], resize)
            if pixels is not None:
                sums[row] = checksum(bytes(keys[row]), pixels)
                with turn:
                    file.seek(row * pixels.nbytes)
                    file.write(pixels.data)
            return pixels is not None

        for row, done in enumerate(pool.map(decode, range(len(paths)))):
            kept[row] = done
            yield done
        file.flush()
        file.truncate(len(paths) * _image_bytes(resize))
        os.fsync(file.fileno())
    segment.write_index(np.where(kept, keys, b""), sums)


def _pixels(path: str, expected: str, resize: Resize) -> NDArray[np.uint8] | None:
    content = file_content(path)
    if content_hash(content) != expected:
        return None
    return np.ascontiguousarray(load_image(path, resize, content=content))
