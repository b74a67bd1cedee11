"""Find the photographs and videos that paths stand for, and tell what is passed over."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from corrosion.data.file_kinds import (
    HEAD,
    SUFFIXES,
    VIDEO_SUFFIXES,
    has_video,
    kind_by_content,
    kind_by_suffix,
    why_not_read,
)
from corrosion.data.passed_over import PassedOver, is_visible, tell_passed_over
from corrosion.data.places.search import (
    check_elsewhere,
    files_elsewhere,
    given_elsewhere,
    subfolders_elsewhere,
)
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, escaped, on_disk
from corrosion.system.place_names import (
    absolute,
    archive_of,
    is_address,
    is_elsewhere,
    shown_place,
)

log = logging.getLogger(__name__)


def find_inputs(
    paths: Iterable[str | Path],
    *,
    recursive: bool = False,
    videos: bool = True,
    below: Path | None = None,
    tell: bool = True,
) -> list[str]:
    """The files that paths stand for, each once.

    Args:
        paths: files (images whatever they are called, or videos by their ending), folders of them,
            or patterns such as `bridge*/**/*.jpg`; zip and tar archives, of which all members are
            taken; addresses as `s3://bucket/photos` (docs/places.md).
        recursive: look into subfolders of folders.
        videos: take the videos of folders and patterns too.
        below: a folder in which all files must lie, given as `relative_to`; None for none.
        tell: log what is passed over.

    Returns:
        In the order of `paths`; inside a folder or pattern sorted by name. Names that are no UTF-8
        are escaped (`corrosion.system.names.on_disk` gives the file).

    Raises:
        CorrosionError: a path is missing, a folder or pattern has nothing of these kinds, there is
            no path at all, or a file lies beyond `below`.
    """
    wanted = SUFFIXES | VIDEO_SUFFIXES if videos else SUFFIXES
    passed: list[PassedOver] = []
    given = [os.fspath(path) for path in paths]
    found: list[str] = []
    for path in given:
        found += _files(path, wanted, passed, recursive=recursive, tell=tell)
    if len(given) != 1 or not os.path.isdir(on_disk(given[0])):  # noqa: PTH112
        once: dict[str, str] = {}  # as large as the list: a folder alone has each file once
        for file in found:
            once.setdefault(absolute(file), file)
        found = list(once.values())
    if not found:
        raise CorrosionError("There are no images: name files, folders or patterns.")
    if below is not None:
        start = os.path.join(absolute(below), "")  # noqa: PTH118
        beyond = next((file for file in found if not absolute(file).startswith(start)), None)
        if beyond is not None:
            raise CorrosionError(
                f"relative_to={displayable(str(below))}: {displayable(beyond)} lies beyond it. "
                f"Give a folder in which all photographs lie, or leave it out."
            )
    if tell:
        tell_passed_over(passed)
    return found


def files_below(
    directory: Path,
    *,
    recursive: bool = True,
    suffixes: Collection[str] = SUFFIXES,
    passed: list[PassedOver] | None = None,
) -> Iterator[str]:
    """Paths of the files in a folder that their names tell to be images, in no order.

    Hidden files and what operating systems leave behind are passed over; links to folders are not
    followed. What is called like an image is given whatever it is (a pipe, a link to nothing), and
    so is a folder that can't be read: reading it tells what is wrong.

    Args:
        directory: the folder.
        recursive: look into its subfolders too.
        suffixes: endings of the files wanted, in lower case.
        passed: gets what is not read, and why.
    """
    if is_elsewhere(directory):
        yield from files_elsewhere(directory, recursive=recursive, suffixes=suffixes, passed=passed)
        return
    videos = not VIDEO_SUFFIXES.isdisjoint(suffixes)
    waiting = [os.fspath(directory)]
    while waiting:
        folder = waiting.pop()
        try:
            entries = visible(folder)
        except OSError:
            yield escaped(folder)
            continue
        for entry in entries:
            if _is_folder(entry, follow_links=False):
                if recursive:
                    waiting.append(entry.path)
            elif entry.is_symlink() and _is_folder(entry):
                back = leads_back(entry)
                if passed is not None and (recursive or back):
                    to = "a folder that it lies in" if back else "a folder, which is not followed"
                    passed.append(PassedOver(escaped(entry.path), f"a link to {to}", True))
            elif _suffix(entry.name) in suffixes:
                yield escaped(entry.path)
            elif passed is not None and not (videos and has_video(entry.path)):
                passed.append(_passed_over(entry.path))


def visible(directory: str | Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, without hidden files and litter.

    Raises:
        OSError: the folder can't be read.
    """
    with os.scandir(directory) as entries:
        return [entry for entry in entries if is_visible(entry.name)]


def subfolders(directory: Path) -> list[Path]:
    """The visible folders in a folder, sorted, with links to folders; none if unreadable."""
    if is_elsewhere(directory):
        return subfolders_elsewhere(directory)
    try:
        entries = visible(directory)
    except OSError:
        return []  # `files_below` tells
    return sorted(
        Path(entry.path) for entry in entries if _is_folder(entry) and not leads_back(entry)
    )


def check_folder(folder: Path) -> None:
    """Make sure that a folder can be read.

    Raises:
        CorrosionError: it can't.
    """
    if is_elsewhere(folder):
        check_elsewhere(folder)
        return
    try:
        visible(folder)
    except OSError as error:
        raise CorrosionError(
            f"{shown_place(folder)} can't be read: {error.strerror or error}."
        ) from error


def leads_back(entry: os.DirEntry[str]) -> bool:
    """Whether something in a folder is a link to this folder, or to one that this lies in."""
    if not entry.is_symlink():
        return False
    there = Path(os.path.realpath(entry.path))
    here = Path(os.path.realpath(os.path.dirname(entry.path)))  # noqa: PTH120
    return there == here or there in here.parents


def _passed_over(path: str) -> PassedOver:
    kind = kind_by_suffix(_suffix(path))
    reason = "no photograph by its name or content"
    try:
        if os.path.isfile(path):  # noqa: PTH113 -- opening a pipe would wait
            with open(path, "rb") as file:  # noqa: PTH123
                kind = kind or kind_by_content(file.read(HEAD))
        else:
            reason = "a link to nothing" if os.path.islink(path) else "no regular file"  # noqa: PTH114
    except OSError as error:
        return PassedOver(escaped(path), f"can't be read: {error.strerror or error}", True)
    missed = kind is not None or reason == "a link to nothing"
    return PassedOver(escaped(path), reason if kind is None else why_not_read(kind), missed)


def _is_folder(entry: os.DirEntry[str], *, follow_links: bool = True) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow_links)
    except OSError:  # a link to itself
        return False


def _files(
    path: str,
    wanted: Collection[str],
    passed: list[PassedOver],
    *,
    recursive: bool,
    tell: bool,
) -> list[str]:
    if is_address(path) or archive_of(path) is not None:
        file, whole = given_elsewhere(path, recursive=recursive, matching=wanted)
        if file is not None:
            return file
        return _inside(Path(path), wanted, passed, recursive=whole, tell=tell)
    there = on_disk(path)
    if os.path.isdir(there):  # noqa: PTH112 -- Path's raises where a name is too long
        return _inside(there, wanted, passed, recursive=recursive, tell=tell)
    if os.path.lexists(there):
        return [escaped(path)]
    if glob.has_magic(path):
        return _matches(path, wanted, passed, recursive=recursive)
    raise CorrosionError(f"There is no {displayable(path)}: check the path.")


def _inside(
    folder: Path,
    wanted: Collection[str],
    passed: list[PassedOver],
    *,
    recursive: bool,
    tell: bool,
) -> list[str]:
    check_folder(folder)
    here: list[PassedOver] = []
    files = sorted(files_below(folder, recursive=recursive, suffixes=wanted, passed=here))
    passed += here
    if not files:
        more = "" if recursive else "; recursive=True searches its subfolders too"
        missed = [one for one in here if one.missed]
        there = f"; {missed[0].path}: {missed[0].reason}" if missed else ""
        raise CorrosionError(
            f"{shown_place(folder)} holds no {_kinds(wanted)}{more}{displayable(there)}."
        )
    if tell and not recursive and subfolders(folder):
        log.warning(
            "%s has subfolders, which are passed over: --recursive (in Python recursive=True) "
            "searches them too",
            shown_place(folder),
        )
    return files


def _matches(
    pattern: str, wanted: Collection[str], passed: list[PassedOver], *, recursive: bool
) -> list[str]:
    videos = not VIDEO_SUFFIXES.isdisjoint(wanted)
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 -- takes absolute ones too
    files = []
    for match in matches:
        if os.path.isdir(match) or archive_of(match) is not None:  # noqa: PTH112
            files += sorted(
                files_below(Path(match), recursive=recursive, suffixes=wanted, passed=passed)
            )
        elif _suffix(match) in wanted:
            files.append(escaped(match))
        elif not (videos and has_video(match)):
            passed.append(_passed_over(match))
    if not files:
        raise CorrosionError(
            f"Nothing that {displayable(pattern)} matches is among {_kinds(wanted)}: put the "
            f"pattern in quotation marks, and ** for folders within folders."
        )
    return files


def _kinds(wanted: Collection[str]) -> str:
    kinds = "images or videos" if set(wanted) >= VIDEO_SUFFIXES else "image files"
    return f"{kinds} ({', '.join(sorted(wanted))})"


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 -- a million Paths are slow
