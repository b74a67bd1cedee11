"""Paths of commands, checked before anything heavy is imported."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.errors import CorrosionError
from corrosion.system.files import check_place, is_taken
from corrosion.system.locks import sole_writer
from corrosion.system.place_names import is_elsewhere, refuse_address, shown_place

if TYPE_CHECKING:
    from corrosion.data.places.output import Output

CHECKPOINT = "a checkpoint, or the directory of a run for its best"
PATHS = "files, folders, .zip and .tar archives, s3:// gs:// az:// sftp://, patterns in quotes"
FOLDER_NAMES = dict.fromkeys(("corrosion", "no_corrosion", "ignore"), "NAME")
"""What stands for the values of `FolderNameSettings` in the help."""
LIVE_NAMES = {"camera": "SOURCE", "alarms": "FOLDER", "webhook": "URL"}
"""What stands for the values of `LiveSettings` in the help."""


def add_out(parser: argparse.ArgumentParser, default: str) -> None:
    """Add --out, with the rule that all commands follow.

    Args:
        parser: parser of the command.
        default: how the default is described, as "predictions-PATH".
    """
    parser.add_argument(
        "--out",
        type=Path,
        help=f"new or empty folder of the results, by default {default}, or s3:// gs:// az:// "
        f"sftp://; what is there already is never overwritten",
    )


def new_folder(out: Path, *, option: str = "--out") -> Path:
    """A folder for results, which nothing is in.

    Args:
        out: path of the folder.
        option: the option that gave it.

    Raises:
        CorrosionError: something is there already, or it can't be made.
    """
    if is_taken(out):
        raise CorrosionError(f"{out} is there already: choose another {option}, or remove it.")
    check_place(out, option=option)
    return out


def own_folder(
    options: argparse.Namespace, default: str | Path, *, elsewhere: bool = False
) -> Path:
    """The folder of a command's results: --out, or a default; no other process writes there.

    It is held until the command ends, and removed then if nothing was written. Results for an
    address are copied there in the end; `options.out` is what users call their place.

    Args:
        options: of the command; `main` gives them what holds the folder.
        default: path where --out is not given.
        elsewhere: whether an address will do too.

    Raises:
        CorrosionError: something is there already, it can't be made, or another process writes
            there.
    """
    options.out = output = output_of(options.out or default)
    if not elsewhere:
        refuse_address(output.address or output.folder, option="--out")
    output.check()
    options._own = out = new_folder(output.folder)
    options._held.push(lambda kind, *_: None if kind else output.deliver())
    options._held.enter_context(sole_writer(out, name="--out"))
    return out


def output_of(out: str | Path) -> Output:
    """Where the results of a command go, as its --out says: to a folder or to an address.

    Raises:
        CorrosionError: they can't go there.
    """
    from corrosion.data.places.output import Output

    return Output.of(out)


def name_of(path: str | Path) -> str:
    """A name for the results of a path: of its folder, or of its file without the ending."""
    path = Path(path)
    name = path.resolve().name if path.is_dir() else path.stem
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "photographs"


def folder(path: Path, what: str, *, elsewhere: bool = False) -> Path:
    """A folder of photographs.

    Args:
        path: path as it was given.
        what: what kind of folder is wanted, as "one with masks/".
        elsewhere: whether an address or an archive will do too.

    Raises:
        CorrosionError: there is no folder.
    """
    if not (path.is_dir() or (elsewhere and is_elsewhere(path))):
        raise CorrosionError(_missing(path, f"There is no folder {path}: give {what}."))
    return path


def existing(paths: Iterable[Path], what: str) -> list[Path]:
    """Paths that are there.

    Args:
        paths: paths as they were given.
        what: what is wanted, as "the directory of a run".

    Raises:
        CorrosionError: there is nothing at a path.
    """
    found = list(paths)
    for path in found:
        if not path.exists():
            raise CorrosionError(_missing(path, f"There is no {path}: give {what}."))
    return found


def _missing(path: Path, what: str) -> str:
    """What is said of a path of this machine, or of an address where there may be none."""
    if not is_elsewhere(path):
        return what
    return (
        f"{shown_place(path)}: only photographs of predict, explain, audit, evaluate, next and of "
        f"a training may lie elsewhere. Copy it here."
    )
