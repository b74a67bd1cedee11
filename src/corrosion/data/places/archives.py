"""Members of zip and tar archives, read where they lie: nothing is unpacked to the disk."""

from __future__ import annotations

import logging
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Container, Iterator
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from corrosion.data.places.entries import Entry, Listing, PlaceError, path_of, version_of
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, escaped

log = logging.getLogger(__name__)

_BOMB = 64 * 2**20  # bytes from which a member must not be packed to less than a hundredth
_RATIO = 100
_ENCRYPTED = 0x1  # flag of a member of a zip
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")  # gzip, bzip2, xz, zstd
_LINK = "a link, which is not followed"
_BLOCK = 512  # bytes of a header of tar

_Member = tuple[Entry, Callable[[], bytes]]


class Archive:
    """An open archive of this machine.

    Sizes are those of its directory, and no member is read beyond them. An archive within it is
    not opened.

    Args:
        path: path of the file.

    Raises:
        CorrosionError: it is damaged, or packed so that it can only be read as a whole.
    """

    def __init__(self, path: Path) -> None:
        self._members: dict[str, _Member] = {}
        try:
            for entry, read in _members(path):
                self._members[_free(path_of(escaped(entry.key)), self._members)] = entry, read
        except CorrosionError:
            raise
        except OSError as error:
            raise CorrosionError(
                f"{escaped(path)} can't be read: {error.strerror or error}."
            ) from error
        except Exception as error:  # damaged archives make both modules raise nearly anything
            raise CorrosionError(
                f"{escaped(path)} is no zip or tar that can be read: {_said(error)}."
            ) from error
        entries = {name: entry for name, (entry, _) in self._members.items()}
        self.listing = Listing(escaped(path), entries)

    def content(self, member: str, limit: int) -> bytes:
        """The bytes of a member.

        Args:
            member: its path, as the listing has it.
            limit: largest size in bytes.

        Raises:
            PlaceError: it is not there, too large, encrypted or damaged.
        """
        if member not in self._members:
            raise PlaceError("not in the archive")
        entry, read = self._members[member]
        if entry.problem is not None:
            raise PlaceError(entry.problem)
        if entry.size > limit:
            raise PlaceError(f"too large: {entry.size:,} bytes are more than {limit:,}")
        if entry.size > _BOMB and entry.size > _RATIO * entry.packed:
            raise PlaceError(
                f"too large: {entry.size:,} bytes packed into {entry.packed:,} are no photograph"
            )
        try:
            content = read()
        except Exception as error:  # of damaged or odd members, nearly anything
            raise PlaceError(f"can't be unpacked: {_said(error)}") from error
        if len(content) != entry.size:
            raise PlaceError(f"truncated: {len(content):,} of {entry.size:,} bytes are there")
        return content


def open_archive(path: Path) -> Archive:
    """An archive, which stays open while it does not change; each process opens its own.

    Raises:
        CorrosionError: as `Archive`.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise CorrosionError(
            f"{escaped(path)} can't be read: {error.strerror or error}."
        ) from error
    # a forked process would share the place that is read at
    return _opened(path, state.st_size, state.st_mtime_ns, os.getpid())


@lru_cache(maxsize=32)
def _opened(path: Path, *_: int) -> Archive:
    return Archive(path)


def _members(path: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(path):
        return _of_zip(zipfile.ZipFile(path))
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_COMPRESSED):
        raise CorrosionError(
            f"{escaped(path)}: a compressed tar can only be read as a whole. Unpack it, or pack it "
            f"as .zip, or as .tar without compression."
        )
    return _of_tar(path)


def _of_zip(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if info.is_dir():
            continue
        problem = "encrypted" if info.flag_bits & _ENCRYPTED else None
        if stat.S_ISLNK(info.external_attr >> 16):
            problem = _LINK
        version = version_of(info.CRC, info.file_size)
        entry = Entry(info.filename, info.file_size, version, info.compress_size, problem)
        yield entry, partial(_unzipped, archive, info)


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:  # ends at the size of the directory, whatever is packed
        return member.read()


def _of_tar(path: Path) -> Iterator[_Member]:
    whole = path.stat()
    with tarfile.open(path, "r:") as archive:
        for info in _headers(archive):
            if info.isdir():
                continue
            problem = None if info.isreg() else "no regular file"
            if info.issym() or info.islnk():
                problem = _LINK
            if info.issparse():
                problem = "a sparse file, of which parts are left out"
            start, size = info.offset_data, info.size
            version = version_of(whole.st_mtime_ns, whole.st_size, start, size)
            there = max(0, min(size, whole.st_size - start))
            entry = Entry(info.name, size, version, size, problem)
            yield entry, partial(_part, path, start, there)
        behind = _part(path, archive.offset, _BLOCK)
        if archive.offset > whole.st_size or (len(behind) == _BLOCK and any(behind)):
            log.warning(
                "%s is damaged: what lies behind byte %d can't be listed",
                displayable(str(path)),
                archive.offset,
            )


def _headers(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The headers of a tar, as far as they can be read; at least one."""
    found = False
    while True:
        try:
            info = archive.next()
        except tarfile.TarError:
            if not found:
                raise
            return  # what is said of the rest is said by the caller
        if info is None:
            return
        found = True
        yield info


def _part(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


def _free(name: str, taken: Container[str]) -> str:
    """A name that no member has yet: an archive may have several of one name."""
    path, number, free = PurePosixPath(name), 2, name
    while free in taken:
        free = f"{name.removesuffix(path.suffix)} ({number}){path.suffix}"
        number += 1
    return free


def _said(error: Exception) -> str:
    return displayable(str(error) or type(error).__name__)
