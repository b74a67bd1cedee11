"""Checksums of files, beside them: half of a table or of settings often is a sound smaller one.

Each folder has one file of them, `checksums.json`: SHA-256 by file name. A file that has none, of
an earlier version or from elsewhere, is taken as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.system.files import read_json, unreadable, write_json

CHECKSUMS = "checksums.json"
"""Name of the file of a folder."""


@contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Remember the checksum of a file that the block writes, as `check_recorded` compares it.

    A process that is killed on the way leaves a file without a checksum, never one with another's.

    Args:
        path: path of the file.

    Raises:
        CorrosionError: the checksums can't be read or written.
    """
    known = _read(path.parent)
    others = {name: value for name, value in known.items() if name != path.name}
    if others != known:
        write_json(path.parent / CHECKSUMS, others)
    yield
    write_json(path.parent / CHECKSUMS, {**others, path.name: _sha256(path)})


def forget(path: Path) -> None:
    """Remove a file, and its checksum with it.

    Args:
        path: path of the file, which need not be there.

    Raises:
        CorrosionError: the checksums can't be read or written.
    """
    others = {name: value for name, value in _read(path.parent).items() if name != path.name}
    path.unlink(missing_ok=True)
    if others:
        write_json(path.parent / CHECKSUMS, others)
    else:
        (path.parent / CHECKSUMS).unlink(missing_ok=True)


def check_recorded(path: Path) -> None:
    """Make sure that a file is as it was written, where its checksum was remembered.

    Args:
        path: path of the file, which is there.

    Raises:
        CorrosionError: it is another; or the file or the checksums can't be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "split.csv"
        ...     with recorded(path):
        ...         _ = path.write_text("path,split")
        ...     check_recorded(path)
        ...     _ = path.write_text("path")
        ...     check_recorded(path)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: ...split.csv can't be read: it is not as it was written. \
Restore it from a copy; if it was changed on purpose, delete ...checksums.json.
    """
    wanted = _read(path.parent).get(path.name)
    if wanted is None or wanted == _sha256(path):
        return
    if wanted == _read(path.parent).get(path.name):  # else it is just being written anew
        raise CorrosionError(
            f"{path} can't be read: it is not as it was written. Restore it from a copy; if it was "
            f"changed on purpose, delete {path.parent / CHECKSUMS}."
        )


def _read(folder: Path) -> Mapping[str, object]:
    path = folder / CHECKSUMS
    if not path.is_file():
        return {}
    way_out = "Restore it from a copy, or delete it: files are then taken as they are."
    content: Mapping[str, object] = read_json(path, kind=dict, way_out=way_out)
    return content


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
