"""Files written whole or not at all, and read with an error that names them.

A killed run or a full disk never leaves half of a file.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError, DiskError
from corrosion.system.names import escaped, shortened
from corrosion.system.place_names import refuse_address

if TYPE_CHECKING:
    import pandas as pd  # half a second that commands without tables need not wait

RESTORE = "Restore it from a copy, or write it anew by the command that made it."
"""What to do about a damaged file."""

_LONGEST_REASON = 200

LOCK = ".lock"
"""Name of the file in a folder that says that a process writes there. A killed process may leave
the file, never the lock, which the operating system gives back."""


# errno of what is wrong with one file; what encoders raise has none
_OF_ONE_FILE = (None, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EISDIR, errno.ELOOP)


def unwritable(path: Path, error: OSError) -> CorrosionError:
    """The error of a file that can't be written: a `DiskError`, unless it is this file alone."""
    kind = CorrosionError if error.errno in _OF_ONE_FILE else DiskError
    return kind(f"{escaped(path)} can't be written: {error.strerror or error}.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the place of `path` when the block succeeds.

    Args:
        path: path of the file to write; its folder is made if missing.

    Raises:
        DiskError: the folder can't be written, or the disk is full; an older file at `path` stays
            as it was.
        CorrosionError: this file can't be written, as its name is too long.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a shorter name than that of the file, which may be as long as the disk allows
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{shortened(path.stem, 80)}-", suffix=path.suffix
        )
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o644)  # mkstemp's 0600 would hide results from colleagues
        yield temporary
        with temporary.open("r+b") as written:
            os.fsync(written)  # a crash of the machine must not leave the new name without content
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; it becomes `path` when the block succeeds.

    Args:
        path: path of the folder to write, which is not there yet, or is empty.

    Raises:
        CorrosionError: it can't be written, or something has come into it meanwhile.
    """
    path = path.resolve()
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{shortened(path.name, 80)}-"))
        temporary.chmod(0o755)  # as a folder that mkdir makes, not mkdtemp's 0700
        yield temporary
        if path.exists():
            (path / LOCK).unlink(missing_ok=True)  # of this process, if there is one
            path.rmdir()
        temporary.rename(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def check_place(path: Path, *, option: str) -> None:
    """Make sure that a file or folder can be made where it is to be.

    Args:
        path: path of the file or folder, which need not be there yet, nor the folders above it.
        option: the option that gave it.

    Raises:
        CorrosionError: the folder that it would be made in can't be written, or is none; or it is
            an address.
    """
    refuse_address(path, option=option)
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise CorrosionError(f"{option}={path}: {there} can't be written. Choose another {option}.")


def is_taken(path: Path) -> bool:
    """Whether results written to a path would mix with others: it is there, and no empty folder.

    A lock is nothing: who begins to write has made it, or a killed process has left it.
    """
    return path.exists() and (not path.is_dir() or any(one.name != LOCK for one in path.iterdir()))


def remove_leftovers(folder: Path, *, suffix: str) -> None:
    """Delete what killed processes left of files with this suffix, written by `replacing`.

    Args:
        folder: folder of these files, which may be missing.
        suffix: suffix of these files, with its dot.
    """
    for path in folder.glob(f".*-????????{suffix}"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(escaped(text), encoding="utf-8")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index, whole or not at all."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, whole or not at all; NaN and infinity become null."""
    write_text(path, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON knows no NaN
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


_LARGEST_YAML = 2**22  # bytes; a run's settings take some thousands


def read_json(path: Path, *, kind: type = object, way_out: str = RESTORE) -> Any:
    """Read plain values from a JSON file.

    Args:
        path: path of the file.
        kind: type of what it must hold: dict or list; any where it is not given.
        way_out: sentence that ends the message.

    Raises:
        CorrosionError: the file can't be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error, way_out) from error
    return _of_kind(content, kind, path, way_out)


def read_yaml(path: Path, *, kind: type = object) -> Any:
    """Read plain values from a YAML file.

    Args:
        path: path of the file.
        kind: type of what it must hold: dict or list; any where it is not given.

    Raises:
        CorrosionError: the file can't be read, or holds something else.
    """
    import yaml  # what runs exported files does without

    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST_YAML + 1)
        # a larger one is none of ours, and parsing it would take minutes
        content = _plain_yaml(text) if len(text) <= _LARGEST_YAML else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise unreadable(path, error) from error
    return _of_kind(content, kind, path, RESTORE)


def _plain_yaml(text: str) -> Any:
    """What a YAML text holds; aliases, of which a few lines make billions of values, are refused.

    We write none.
    """
    import yaml

    content = yaml.safe_load(text)  # first, since it refuses what is nested too deeply
    events = yaml.parse(text, yaml.SafeLoader) if "*" in text else ()
    if any(isinstance(event, yaml.AliasEvent) for event in events):
        raise ValueError("it holds an alias (*)")
    return content


def _of_kind(content: Any, kind: type, path: Path, way_out: str) -> Any:
    if isinstance(content, kind):
        return content
    wanted = "a list" if kind is list else "a mapping"
    raise CorrosionError(
        f"{path} holds a {type(content).__name__} where {wanted} belongs. {way_out}"
    )


def unreadable(path: Path, error: Exception, way_out: str = RESTORE) -> CorrosionError:
    """The error of a file that is damaged, in one line.

    Args:
        path: path of the file.
        error: what a reader said.
        way_out: sentence that ends the message.
    """
    reason = " ".join(str(getattr(error, "strerror", None) or error).split())
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[: _LONGEST_REASON - 3]}..."
    return CorrosionError(f"{path} can't be read: {reason.rstrip('.')}. {way_out}")


def read_csv(
    path: Path,
    *,
    required: Sequence[str] = (),
    text: Sequence[str] = (),
    numbers: Sequence[str] = (),
    way_out: str = RESTORE,
) -> pd.DataFrame:
    """Read a table from a CSV file.

    Args:
        path: path of the file.
        required: columns that it must have.
        text: columns that are text, whatever their cells look like.
        numbers: columns that are numbers, if they are there; an empty cell is NaN.
        way_out: sentence that ends the message.

    Raises:
        CorrosionError: the file can't be read, lacks a column, or has a cell that is no number.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(text, str))
    except (OSError, ValueError, OverflowError) as error:  # pandas' parser errors are ValueErrors
        raise unreadable(path, error, way_out) from error
    missing = [name for name in required if name not in table]
    if missing:
        raise CorrosionError(
            f"{path} has no column {', '.join(missing)}: it needs {', '.join(required)}. {way_out}"
        )
    for name in table.columns.intersection(list(numbers)):
        try:
            table[name] = pd.to_numeric(table[name])
        except (ValueError, TypeError) as error:
            raise CorrosionError(
                f"{path}: the column {name} holds something that is no number. {way_out}"
            ) from error
    return table
