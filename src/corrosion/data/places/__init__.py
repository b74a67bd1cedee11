"""Photographs that lie elsewhere than in a folder of this machine: object storage and archives.

`corrosion.system.place_names` tells such paths by their names; here they are listed, read and
written. `remote` reaches object storage and servers by fsspec, `retries` has the patience for that,
`archives` reads members of zip and tar, `output` writes results to such a place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from corrosion.data.places import remote
from corrosion.data.places.archives import open_archive
from corrosion.data.places.entries import Entry, Listing, PlaceError
from corrosion.data.places.retries import refused
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, on_disk
from corrosion.system.place_names import (
    address_of,
    archive_of,
    archives_at,
    is_elsewhere,
)
from corrosion.system.processors import usable_processors

__all__ = [
    "Listing",
    "PlaceError",
    "elsewhere_content",
    "folder_elsewhere",
    "is_folder",
    "is_there",
    "local_file",
    "reading_threads",
    "refuse_archive",
    "version",
]


def elsewhere_content(path: str | Path, limit: int) -> bytes | None:
    """The bytes of a file that lies elsewhere; None for a file of this machine.

    Args:
        path: as a listing gives it.
        limit: largest size in bytes, which is told before anything is read.

    Raises:
        PlaceError: why it can't be read.
        UnreachableError: nothing can be read from there any more.
    """
    address = address_of(path)
    if address is not None:
        return remote.content(address, limit)
    inside = archive_of(path)
    if inside is None or not inside[1]:
        return None
    try:
        archive = open_archive(inside[0])
    except CorrosionError as error:
        raise PlaceError(str(error).rstrip(".")) from error
    return archive.content(inside[1], limit)


def folder_elsewhere(path: str | Path, *, recursive: bool = True) -> tuple[Listing, str] | None:
    """The listing that a folder elsewhere belongs to, and its path there; None for one of here.

    Args:
        path: of a folder of a place, or of an archive.
        recursive: whether more than the names of its subfolders are wanted.

    Raises:
        CorrosionError: it can't be listed; a sentence that names it.
    """
    address = address_of(path)
    if address is not None:
        try:
            return remote.listing(address, recursive=recursive)
        except PlaceError as error:
            refuse_archive(address)
            raise refused(displayable(address), "listed", error) from error
    inside = archive_of(path)
    return None if inside is None else (open_archive(inside[0]).listing, inside[1])


def is_folder(path: str | Path) -> bool:
    """Whether a path is a folder here or elsewhere, or an archive.

    Raises:
        CorrosionError: a place can't be asked.
    """
    address = address_of(path)
    if address is not None:
        try:
            return not remote.is_file(address)
        except PlaceError as error:
            raise refused(displayable(address), "read", error) from error
    inside = archive_of(path)
    if inside is not None:
        return inside[1] not in open_archive(inside[0]).listing.entries
    return on_disk(path).is_dir()


def is_there(path: str | Path) -> bool:
    """Whether a photograph is where it was; of one in a network place only reading it tells."""
    if address_of(path) is not None:
        return True
    inside = archive_of(path)
    return on_disk(path).is_file() if inside is None else not is_folder(path)


def refuse_archive(address: str) -> None:
    """Say what to do about an archive that does not lie on this machine.

    Raises:
        CorrosionError: the address leads to one or into one.
    """
    for archive in archives_at(address):
        if not is_folder(archive):
            raise CorrosionError(
                f"{displayable(archive)}: archives are read on this machine only: copy it here and "
                f"give the copy, or unpack it where it lies."
            )


def version(path: str | Path) -> tuple[int, int]:
    """Size and time of a file of this machine, or a number for its ETag elsewhere: two integers
    that are others when the file has changed.

    Raises:
        OSError: there is no such file, or it can't be asked for.
    """
    address = address_of(path)
    try:
        entry = None if address is None else remote.entry_of(address)
        if address is None and (inside := archive_of(path)) is not None:
            entry = open_archive(inside[0]).listing.entries[inside[1]]
    except (CorrosionError, KeyError) as error:
        raise OSError(str(error)) from error
    if isinstance(entry, Entry):
        return entry.size, entry.version
    state = on_disk(path).stat()
    return state.st_size, state.st_mtime_ns


def reading_threads(paths: Iterable[str]) -> int:
    """Threads that read and decode files: one a processor, more where they wait for a network."""
    mine = usable_processors()
    far = any(address_of(path) is not None for path in paths)
    return max(mine, remote.CONNECTIONS) if far else mine


@contextmanager
def local_file(path: str | Path, *, beside: tuple[str, ...] = ()) -> Iterator[Path]:
    """A file of this machine with the content of one that may lie elsewhere, while it is needed.

    Args:
        path: of the file.
        beside: endings of further files that are called as it is and are wanted beside it.

    Raises:
        PlaceError: it can't be read, or the disk has no room for it.
    """
    if not is_elsewhere(path):
        yield on_disk(path)
        return
    with TemporaryDirectory(prefix="corrosion-") as folder:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        copy = Path(folder) / f"file{Path(path).suffix}"
        _copy(path, copy, free)
        for suffix in beside:
            companion = Path(path).with_suffix(suffix)
            try:
                _copy(companion, copy.with_suffix(suffix), free)
            except PlaceError:
                continue
            break
        yield copy


def _copy(path: str | Path, to: Path, free: int) -> None:
    try:
        size = version(path)[0]
    except OSError as error:
        raise PlaceError(str(error)) from error
    if size > free // 2:
        raise PlaceError(f"too large: {size:,} bytes, and {to.parent} has only {free:,} free")
    address = address_of(path)
    if address is not None:
        remote.fetch(address, to)
        return
    to.write_bytes(elsewhere_content(path, free // 2) or b"")
