"""Files that are reached through a network, by fsspec: listed, read, written, with patience."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from corrosion.data.places.entries import (
    Entry,
    Listing,
    PlaceError,
    key_of,
    path_of,
    version_of,
)
from corrosion.data.places.retries import ATTEMPTS, attempt, missing_package

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

CONNECTIONS = 16
"""Files that a process reads at once: the answer of a place takes longer than its bytes."""

_PATIENT = 2  # attempts where the backend tries again by itself
_EACH = 5  # attempts of S3's client at each page of a listing: 15 seconds
_FRESH = 120.0  # seconds for which a listing is not asked for again
_TALKATIVE = ("botocore", "aiobotocore", "azure", "gcsfs")  # tell of credentials and attempts
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "sftp": "paramiko"}

_FOLDER, _FILE, _NOTHING = "a folder", "a file, no folder", "nothing is there"

_known: dict[str, Entry] = {}  # by address, as listed last
_listings: dict[tuple[str, bool], tuple[float, Listing]] = {}


@contextmanager
def reached(address: str, *, patient: bool = False) -> Iterator[AbstractFileSystem]:
    """What fsspec reaches an address by; credentials come from where each backend looks for them.

    Args:
        address: as `corrosion.system.place_names.address_of` gives it.
        patient: let the backend itself repeat what fails, where a call makes many requests.

    Raises:
        PlaceError: a package is missing.
    """
    scheme = address.partition("://")[0]
    try:
        if scheme == "sftp":
            from corrosion.data.places.sftp import connection

            using: AbstractContextManager[AbstractFileSystem] = connection(address)
        else:
            using = nullcontext(_storage(scheme, patient=patient))
    except ImportError as error:
        raise missing_package(error, _PACKAGES[scheme]) from error
    with using as files:
        yield files


def _storage(scheme: str, *, patient: bool) -> AbstractFileSystem:
    import fsspec  # keeps what it has made, for each process anew

    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.CRITICAL)

    if scheme != "s3":
        return fsspec.filesystem(scheme)
    retries = {"mode": "standard", "total_max_attempts": _EACH if patient else 1}
    config = {"retries": retries, "max_pool_connections": 2 * CONNECTIONS}
    files = fsspec.filesystem("s3", config_kwargs=config, use_listings_cache=False)
    files.retries = 1  # `attempt` has the patience
    return files


def _asked(
    address: str,
    call: Callable[[AbstractFileSystem], T],
    *,
    patient: bool = False,
    working: bool = False,
) -> T:
    """What a call gives, tried again where it may help."""

    def once() -> T:
        with reached(address, patient=patient) as files:
            return call(files)

    own = _PATIENT if patient or address.startswith(("gs", "az")) else ATTEMPTS
    return attempt(once, attempts=own, working=working, name="" if working else address)


def content(address: str, limit: int) -> bytes:
    """The bytes of a file.

    Args:
        address: of the file.
        limit: largest size in bytes, which is told before anything is read.

    Raises:
        PlaceError: why it can't be read.
        UnreachableError: nothing can be read from there any more.
    """

    def whole(files: AbstractFileSystem) -> bytes:
        entry = _known.get(address) or _told(files, address)
        if entry.size > limit:
            raise PlaceError(f"too large: {entry.size:,} bytes are more than {limit:,}")
        if not entry.size:
            return b""
        found: bytes = files.cat_file(key_at(address), start=0, end=entry.size + 1)
        if len(found) != entry.size:
            _known.pop(address, None)  # it may be another one than when it was listed
            raise OSError(f"ends after {len(found):,} of {entry.size:,} bytes")
        return found

    return _asked(address, whole, working=True)


def entry_of(address: str) -> Entry:
    """What is known of a file; asked for where no listing has told it.

    Raises:
        PlaceError: there is no such file.
    """
    return _known.get(address) or _asked(address, lambda files: _told(files, address))


def _told(files: AbstractFileSystem, address: str) -> Entry:
    found = files.info(key_at(address))
    if found.get("type") == "directory":
        raise PlaceError(_FOLDER)
    _known[address] = entry = _entry(found)
    return entry


def is_file(address: str) -> bool:
    """Whether there is a file at an address, not a folder or nothing.

    Raises:
        PlaceError: it can't be asked.
    """
    if address.endswith("/") or "/" not in address.partition("://")[2]:
        return False
    try:
        entry_of(address)
    except PlaceError as error:
        if isinstance(error.__cause__, FileNotFoundError) or str(error) == _FOLDER:
            return False
        raise
    return True


def listing(address: str, *, recursive: bool = True) -> tuple[Listing, str]:
    """What lies below an address, asked for once in two minutes.

    Args:
        address: of a folder.
        recursive: list its subfolders too; else they are only named.

    Returns:
        A listing of this folder, or of one that holds it, and the folder's path in it.

    Raises:
        PlaceError: it can't be listed, or there is no such folder.
    """
    root = address.rstrip("/")
    now = time.monotonic()
    for (held, deep), (when, found) in _listings.items():
        if now - when < _FRESH and (deep or not recursive):
            if held == root:
                return found, ""
            if deep and root.startswith(f"{held}/"):
                folder = root.removeprefix(f"{held}/")
                if next(found.below(folder), None) is None:
                    raise PlaceError(_NOTHING) from FileNotFoundError(root)
                return found, folder
    found = _asked(root, lambda files: _listed(files, root, recursive=recursive), patient=True)
    _known.update({f"{root}/{path}": entry for path, entry in found.entries.items()})
    _listings[root, recursive] = time.monotonic(), found
    return found, ""


def matches(address: str) -> list[str]:
    """The addresses of the files that a pattern stands for, sorted.

    Raises:
        PlaceError: the place can't be listed.
    """
    scheme = address.partition("://")[0]
    found = _asked(address, lambda files: files.glob(key_at(address), detail=True), patient=True)
    kept = {
        f"{scheme}://{_host(address)}{path_of(key.lstrip('/'))}": _entry(info)
        for key, info in found.items()
        if info.get("type") != "directory"
    }
    _known.update(kept)
    return sorted(kept)


def fetch(address: str, to: Path) -> None:
    """Copy a file to this machine.

    Raises:
        PlaceError: why it can't be read.
        UnreachableError: nothing can be read from there any more.
    """
    _asked(address, lambda files: files.get_file(key_at(address), str(to)), working=True)


def send(path: Path, address: str) -> None:
    """Copy a file of this machine to an address.

    Raises:
        PlaceError: why it can't be written.
    """
    _asked(address, lambda files: files.put_file(str(path), key_at(address)))


def remove(address: str) -> None:
    """Delete a file.

    Raises:
        PlaceError: why it can't be deleted.
    """
    _asked(address, lambda files: files.rm_file(key_at(address)))


def forget() -> None:
    """Ask for everything anew."""
    _known.clear()
    _listings.clear()


def key_at(address: str) -> str:
    """How fsspec calls what an address means."""
    rest = address.partition("://")[2]
    if address.startswith("sftp"):
        rest = f"/{rest.partition('/')[2]}"
    return key_of(rest)


def _host(address: str) -> str:
    """What fsspec leaves out of the names of files: the host of sftp, with its slash."""
    return f"{address.partition('://')[2].partition('/')[0]}/" if address.startswith("sftp") else ""


def _listed(files: AbstractFileSystem, root: str, *, recursive: bool) -> Listing:
    key = key_at(root).rstrip("/")
    found = files.find(key, detail=True) if recursive else _named(files.ls(key, detail=True))
    entries, folders = {}, []
    for name, info in found.items():
        below = name.removeprefix(key).removeprefix("/")
        if info.get("type") == "directory":
            folders.append(below.strip("/"))
        elif below and not below.endswith("/"):  # else a marker of an empty folder
            entries[path_of(below)] = _entry(info)
    # asking raises where there is nothing
    if not entries and not folders and files.info(key).get("type") == "file":
        raise PlaceError(_FILE)
    return Listing(root, entries, tuple(folders))


def _named(infos: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {info["name"]: info for info in infos}


def _entry(info: dict[str, Any]) -> Entry:
    size = int(info.get("size") or 0)
    tag = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    changed = info.get("mtime") or info.get("LastModified") or info.get("last_modified")
    return Entry(info["name"], size, version_of(tag or changed, size), size)
