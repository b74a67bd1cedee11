r"""Where photographs may lie beside the local disk, by their names alone: nothing is opened.

A place is called as users call it: `s3://bucket/photos`, `gs://`, `az://`, `sftp://host/path`, or
an archive, `flight.zip` and `flight.tar`, whose members are called as if it were a folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, escaped, on_disk

SCHEMES = ("s3", "gs", "az", "sftp")
"""What the addresses of places begin with that are reached through a network."""

_ADDRESS = re.compile(rf"({'|'.join(SCHEMES)}):/+(.*)", re.DOTALL)  # pathlib leaves one slash
_OTHER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ARCHIVE = re.compile(r"\.(?:zip|tar)(?=/|$)", re.IGNORECASE)
_PACKED = re.compile(r"(?<=.)\.(?:zip|tar|tgz|tar\.(?:gz|bz2|xz|zst))(?=/|$)", re.IGNORECASE)
_SECRET = re.compile(r"(?<=:/)(/*)[^/@\s]*:[^/\s]*@")
_SIGNED = re.compile(
    r"((?:sig|signature|token|password|secret|credential|key)[\w-]*=)[^&\s]+", re.IGNORECASE
)


def address_of(path: str | Path) -> str | None:
    """The address of a place that is reached through a network; None for a path of this machine.

    Args:
        path: as it was given; `pathlib.Path`, which leaves one slash of two, does no harm.

    Raises:
        CorrosionError: there is a password in it, which would come into tables and logs; or no
            name of a bucket or server.

    Example:
        >>> address_of("s3://bucket/a b#1.jpg"), address_of(Path("s3://bucket/photos"))
        ('s3://bucket/a b#1.jpg', 's3://bucket/photos')
        >>> address_of("photos/a.jpg") is None
        True
    """
    text = os.fspath(path)
    if ":/" not in text or (found := _ADDRESS.fullmatch(text)) is None:
        return None
    if _SECRET.search(text) is not None:
        raise CorrosionError(
            f"{displayable(without_secrets(text))}: leave the password out, which would come into "
            f"tables and logs: it belongs where docs/places.md says."
        )
    if not found[2].strip("/"):
        raise CorrosionError(f"{found[1]}:// names no place: give {found[1]}://NAME/photographs.")
    return f"{found[1]}://{found[2]}"


def shown_place(path: str | Path) -> str:
    """A path for messages, an address with both its slashes.

    Example:
        >>> shown_place(Path("s3://bucket/photos"))
        's3://bucket/photos'
    """
    return displayable(address_of(path) or os.fspath(path))


def is_address(path: str | Path) -> bool:
    """Whether something looks like an address of any kind, also one that nothing is read from."""
    return address_of(path) is not None or _OTHER.match(os.fspath(path)) is not None


def refuse_address(path: str | Path, *, option: str) -> None:
    """Refuse an address where results go to a folder of this machine.

    Args:
        path: where they are to go.
        option: the option that gave it.

    Raises:
        CorrosionError: it is an address.
    """
    if is_address(path):
        raise CorrosionError(
            f"{option}={shown_place(path)}: only predict, explain and audit write to an address. "
            f"Give a folder, and copy it there."
        )


def archive_of(path: str | Path) -> tuple[Path, str] | None:
    """The archive on this machine that a path leads to or into, and what follows; else None.

    Args:
        path: path of an archive, or of something in it: `flight.zip/day 1/a.jpg`. A folder that is
            called so is none.
    """
    text = os.fspath(path)
    for found in _ARCHIVE.finditer(text):
        there = on_disk(text[: found.end()])
        if os.path.isfile(there):  # noqa: PTH113 -- Path's raises where a name is too long
            return there, text[found.end() :].strip("/")
    return None


def archives_at(address: str) -> list[str]:
    """The addresses of archives that an address leads to or into, by their names.

    Example:
        >>> archives_at("s3://bucket/flight.zip/day 1"), archives_at("s3://bucket/flight")
        (['s3://bucket/flight.zip'], [])
    """
    return [address[: found.end()] for found in _PACKED.finditer(address)]


def is_elsewhere(path: str | Path) -> bool:
    """Whether a path leads through a network, or into an archive."""
    return address_of(path) is not None or archive_of(path) is not None


def absolute(path: str | Path) -> str:
    """A path for comparisons, whole: that of an address as if it were a path.

    Example:
        >>> absolute("s3://bucket/photos/a.jpg")
        '/s3:/bucket/photos/a.jpg'
    """
    address = address_of(path)
    if address is None:
        return os.path.abspath(escaped(path))  # noqa: PTH100 -- links stay as they are
    return "/" + address.replace("://", ":/", 1).rstrip("/")


def below(folder: str | Path, path: str) -> str:
    """The whole path of a file that is named below a folder; one that is whole stays as it is.

    Example:
        >>> below("s3://bucket/photos", "day 1/a.jpg"), below("/photos", "s3://bucket/a.jpg")
        ('s3://bucket/photos/day 1/a.jpg', 's3://bucket/a.jpg')
    """
    if address_of(path) is not None:
        return path
    address = address_of(folder)
    if address is not None:
        return f"{address.rstrip('/')}/{path}"
    return escaped(Path(folder).expanduser().absolute() / path)


def without_secrets(text: str) -> str:
    """A text without the passwords and signatures that addresses in it may hold.

    Example:
        >>> without_secrets("sftp://jane:1234@host/a, https://a.org/b?sig=abc&x=1")
        'sftp://…@host/a, https://a.org/b?sig=…&x=1'
    """
    return _SIGNED.sub(r"\1…", _SECRET.sub(r"\1…@", text))
