"""Remember what was measured of files, so that unchanged ones are not read again."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, fields

from corrosion.data.cache.directory import cache_dir
from corrosion.data.places import version
from corrosion.system.names import escaped

log = logging.getLogger(__name__)

_VERSION = 4  # raise it when what is measured changes, or how: older states are then forgotten
_PATIENCE = 30.0  # seconds that another process's lock is waited for
_CHUNK = 500  # below SQLite's limit of parameters


@dataclass(frozen=True)
class FileState:
    """An image file that was read: its size and time then, and what was measured of it.

    Attributes:
        size: size of the file in bytes.
        mtime_ns: time of its last change, in nanoseconds; of a file elsewhere a number for its
            ETag (`corrosion.data.places.version`).
        content_hash: hexadecimal hash of its bytes.
        width: width in pixels, as displayed.
        height: height in pixels, as displayed.
        pixel_hash: hash of the decoded pixels (`fingerprint.pixel_hash`).
        perceptual_hash: hash that survives recompression (`fingerprint.perceptual_hash`).
        contrast, shadows, highlights, sharpness: measures of quality (`quality.Measures`).
    """

    size: int
    mtime_ns: int
    content_hash: str
    width: int
    height: int
    pixel_hash: int
    perceptual_hash: int
    contrast: float
    shadows: int
    highlights: int
    sharpness: float


_FIELDS = tuple(field.name for field in fields(FileState))


class FileCache:
    """States of files in a SQLite database below `cache_dir()`.

    Several runs may use it at once. A damaged database is made anew, a damaged row is not believed;
    where the database can't be read or written, or another process keeps it locked, nothing is
    remembered any more and a warning says so.

    Args:
        name: name of the database.
    """

    def __init__(self, name: str) -> None:
        self._path = cache_dir() / f"{name}-{_VERSION}.sqlite"
        self._given_up = False

    def load(self, paths: Sequence[str]) -> dict[str, FileState]:
        """The states, by path, of those files that have not changed since they were saved."""
        if self._given_up or not self._path.exists():
            return {}
        try:
            with closing(self._connect()) as connection:
                rows = [row for chunk in _chunks(paths) for row in _select(connection, chunk)]
        except sqlite3.OperationalError as error:  # locked, or not ours to read
            self._give_up(error)
            return {}
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            log.warning("%s is damaged and is made anew: %s", self._path, error)
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return {}
        return {path: state for path, state in rows if _unchanged(path, state)}

    def save(self, states: Mapping[str, FileState]) -> None:
        """Remember the states of files, by path."""
        if not states or self._given_up:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS files "
                    f"(path PRIMARY KEY, {', '.join(_FIELDS)}, checksum)"
                )
                marks = _marks(2 + len(_FIELDS))
                connection.executemany(
                    f"INSERT OR REPLACE INTO files VALUES ({marks})",
                    (
                        (escaped(path), *astuple(state), _checksum(escaped(path), astuple(state)))
                        for path, state in states.items()
                    ),
                )
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Go on without: waiting for a lock at every portion of files would take hours."""
        self._given_up = True
        log.warning("%s is not used, so images are checked anew: %s", self._path, error)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE)


def _chunks(paths: Sequence[str]) -> Iterable[Sequence[str]]:
    return (paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK))


def _select(
    connection: sqlite3.Connection, paths: Sequence[str]
) -> Iterable[tuple[str, FileState]]:
    query = (
        f"SELECT path, {', '.join(_FIELDS)}, checksum FROM files "
        f"WHERE path IN ({_marks(len(paths))})"
    )
    given = {escaped(path): path for path in paths}
    return [
        (given[path], FileState(*state))
        for path, *state, found in connection.execute(query, list(given))
        if found == _checksum(path, tuple(state))
    ]


def _checksum(path: str, values: tuple[object, ...]) -> int:
    """Of a row: a database finds a damaged page, but no changed number."""
    return zlib.crc32(repr((path, values)).encode("utf-8", "replace"))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _unchanged(path: str, state: FileState) -> bool:
    try:
        return version(path) == (state.size, state.mtime_ns)
    except OSError:
        return False  # gone, or no longer ours to read: reading it will tell
