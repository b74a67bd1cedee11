"""The photographs in a place, told by names alone as those of a folder are."""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from corrosion.data.file_kinds import LOG_SUFFIXES, kind_by_suffix, why_not_read
from corrosion.data.passed_over import PassedOver, is_visible
from corrosion.data.places import (
    Listing,
    folder_elsewhere,
    is_folder,
    refuse_archive,
    remote,
)
from corrosion.data.places.entries import PlaceError, path_of
from corrosion.data.places.retries import refused
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, escaped
from corrosion.system.place_names import (
    SCHEMES,
    address_of,
    archive_of,
    shown_place,
    without_secrets,
)


def given_elsewhere(
    path: str, *, recursive: bool, matching: Collection[str]
) -> tuple[list[str] | None, bool]:
    """What somebody means who gives an address or an archive.

    Args:
        path: as it was given.
        recursive: whether subfolders are wanted.
        matching: endings of the files that are taken of those that match a pattern.

    Returns:
        The files, or None for a folder; whether its subfolders are wanted: of an archive they are.

    Raises:
        CorrosionError: there is nothing, or it can't be asked.
    """
    address = address_of(path)
    if address is None:
        inside = archive_of(path)
        if inside is None:
            raise CorrosionError(
                f"{displayable(without_secrets(path))}: photographs are read from "
                f"{', '.join(f'{scheme}://' for scheme in SCHEMES)}, from folders and from .zip "
                f"and .tar archives."
            )
        if not is_folder(path):
            return [escaped(path)], recursive
        _check_member(path)
        return None, True
    if not is_folder(path):
        refuse_archive(address)
        scheme, rest = address.split("://", 1)
        return [f"{scheme}://{path_of(rest)}"], recursive
    if glob.has_magic(address) and not _is_there(address):
        return _matches(address, matching), recursive
    return None, recursive


def check_elsewhere(folder: str | Path) -> None:
    """Make sure that a folder of a place can be listed.

    Raises:
        CorrosionError: it can't.
    """
    _check_member(folder)


def files_elsewhere(
    directory: str | Path,
    *,
    recursive: bool,
    suffixes: Collection[str],
    passed: list[PassedOver] | None = None,
) -> Iterator[str]:
    """Paths of the files in a folder of a place that their names tell to be images, in no order.

    Args:
        directory: the folder.
        recursive: look into its subfolders too.
        suffixes: endings of the files wanted, in lower case.
        passed: gets what is not read, and why.

    Raises:
        CorrosionError: it can't be listed.
    """
    listing, folder = _listing(directory, recursive=recursive)
    start = f"{listing.root}/{folder}/" if folder else f"{listing.root}/"
    for below in listing.below(folder):
        parts = below.split("/")
        if (len(parts) > 1 and not recursive) or not all(map(is_visible, parts)):
            continue
        suffix = PurePosixPath(parts[-1]).suffix
        if suffix.lower() in suffixes:
            yield start + below
        elif passed is not None and suffix not in LOG_SUFFIXES:
            kind = kind_by_suffix(suffix.lower())
            reason = "no photograph by its name" if kind is None else why_not_read(kind)
            passed.append(PassedOver(start + below, reason, kind is not None))


def subfolders_elsewhere(directory: str | Path) -> list[Path]:
    """The visible folders in a folder of a place, sorted.

    Raises:
        CorrosionError: it can't be listed.
    """
    listing, folder = _listing(directory, recursive=True)
    names = {below.split("/")[0] for below in listing.below(folder) if "/" in below}
    names |= set() if folder else set(listing.folders)
    return [Path(directory) / name for name in sorted(names) if is_visible(name)]


def _listing(directory: str | Path, *, recursive: bool) -> tuple[Listing, str]:
    found = folder_elsewhere(directory, recursive=recursive)
    if found is None:
        raise CorrosionError(f"{shown_place(directory)} is no place that is listed.")
    return found


def _check_member(path: str | Path) -> None:
    listing, folder = _listing(path, recursive=True)
    if folder and next(listing.below(folder), None) is None:
        raise CorrosionError(
            f"There is no {displayable(folder)} in {displayable(listing.root)}: check the path."
        )


def _is_there(address: str) -> bool:
    try:
        listing = remote.listing(address, recursive=False)[0]
    except PlaceError:
        return False
    return bool(listing.entries or listing.folders)


def _matches(address: str, wanted: Collection[str]) -> list[str]:
    try:
        matches = remote.matches(address)
    except PlaceError as error:
        raise refused(displayable(address), "listed", error) from error
    files = [one for one in matches if PurePosixPath(one).suffix.lower() in wanted]
    if not files:
        raise CorrosionError(
            f"Nothing that {displayable(address)} matches is among the files that are read: put "
            f"the pattern in quotation marks, and ** for folders within folders."
        )
    return files
