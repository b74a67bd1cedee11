r"""What lies in a place: its files by names that are paths below it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from corrosion.errors import CorrosionError, RunEndingError

_ODD = {"": "\\x2f", ".": "\\x2e", "..": "\\x2e\\x2e"}
_MEANT = {name: odd for odd, name in _ODD.items()}
_MOST = 2**63 - 1  # what a table of SQLite holds


class PlaceError(CorrosionError):
    """A file of a place that can't be read; the message says why, in a few words."""


class UnreachableError(RunEndingError):
    """Nothing can be read any more from a place: it is silent, or takes no credentials."""


@dataclass(frozen=True)
class Entry:
    """A file of a place.

    Attributes:
        key: how the place calls it.
        size: its size in bytes, unpacked.
        version: a number that is another one where its content is; at least 0.
        packed: its size in the archive in bytes; that of other files is `size`.
        problem: why it is not read, where the listing tells already.
    """

    key: str
    size: int
    version: int
    packed: int
    problem: str | None = None


@dataclass(frozen=True)
class Listing:
    """What lies below a folder of a place.

    Attributes:
        root: the folder as users call it, without a slash at its end.
        entries: files by their paths below it (`path_of`).
        folders: names of folders directly in it whose files are not listed.
    """

    root: str
    entries: Mapping[str, Entry]
    folders: tuple[str, ...] = field(default=())

    def below(self, folder: str) -> Iterator[str]:
        """The paths of files below one of its folders, relative to this."""
        start = f"{folder}/" if folder else ""
        return (path[len(start) :] for path in self.entries if path.startswith(start))


def path_of(key: str) -> str:
    r"""The path that a file is called by, so that no part of it leads elsewhere.

    Names of members and objects may be anything: `..` is a name, as is nothing between two slashes.

    Args:
        key: how the place calls the file, below its root.

    Example:
        >>> path_of("../../etc/a.jpg"), path_of("a//b.jpg")
        ('\\x2e\\x2e/\\x2e\\x2e/etc/a.jpg', 'a/\\x2f/b.jpg')
    """
    return "/".join(_ODD.get(part, part) for part in key.split("/"))


def key_of(path: str) -> str:
    r"""What `path_of` was made of.

    Example:
        >>> key_of("a/\\x2f/b.jpg")
        'a//b.jpg'
    """
    return "/".join(_MEANT.get(part, part) for part in path.split("/"))


def version_of(*parts: object) -> int:
    """A number for whatever changes when a file does, as its ETag."""
    digest = hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) & _MOST
