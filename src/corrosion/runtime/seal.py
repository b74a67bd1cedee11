"""A checksum over all of an exported file, which stands in its own metadata.

The metadata are text in the file, and the checksum is a part of it that has always the same length:
it is computed with zeros in its place. (OpenVINO keeps the metadata of the ONNX file that it was
made of, too.)
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

from corrosion.errors import CorrosionError

UNSEALED = b"0" * 64
"""What stands in place of the checksum while it is computed."""

# as JSON, and as JSON within XML
_BEFORE = (b'"sha256": "', b"&quot;sha256&quot;: &quot;")
_CHECKSUM = re.compile(rb"[0-9a-f]{64}")


def seal(path: Path) -> None:
    """Write the checksum into an exported file; one in PyTorch's format has its own.

    Args:
        path: a file with `UNSEALED` as `sha256` in its metadata.

    Raises:
        ValueError: that does not stand there.
    """
    if path.suffix == ".pt2":
        return
    content = path.read_bytes()
    places = _places(content)
    if {content[place] for place in places} != {UNSEALED}:
        raise ValueError(f"{path} has no place for its checksum")
    checksum, sealed = _checksum(path, content), bytearray(content)
    for place in places:
        sealed[place] = checksum
    path.write_bytes(sealed)


def check_seal(path: Path) -> None:
    """Make sure that an exported file is as it was written.

    Files without a checksum are left to those who read their metadata.

    Args:
        path: path of the file.

    Raises:
        CorrosionError: it has changed.
    """
    try:
        if path.suffix == ".pt2":
            changed = zipfile.is_zipfile(path) and _damaged_part(path)
        else:
            content = path.read_bytes()
            stands = {content[place] for place in _places(content)}
            changed = bool(stands) and stands != {_checksum(path, content)}
    except OSError as error:
        raise CorrosionError(f"{path} can't be read: {error.strerror or error}.") from error
    if changed:
        raise CorrosionError(
            f"{path} has changed since it was written: its SHA-256 is another. Copy it again from "
            f"where it was written, or export it again."
        )


def _checksum(path: Path, content: bytes) -> bytes:
    """The checksum of a file, and of the weights that lie beside it."""
    found, end = hashlib.sha256(), 0
    for place in _places(content):
        found.update(content[end : place.start])
        found.update(UNSEALED)
        end = place.stop
    found.update(content[end:])
    if path.suffix == ".xml":
        found.update(path.with_suffix(".bin").read_bytes())
    return found.hexdigest().encode("ascii")


def _places(content: bytes) -> list[slice]:
    """Where checksums stand, in order.

    What stands before them is looked for first: a pattern for both takes seconds for a network.
    """
    found = []
    for before in _BEFORE:
        at = content.find(before)
        while at >= 0:
            start = at + len(before)
            if _CHECKSUM.match(content, start):
                found.append(slice(start, start + len(UNSEALED)))
            at = content.find(before, start)
    return sorted(found, key=lambda place: place.start)


def _damaged_part(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except (zipfile.BadZipFile, NotImplementedError, EOFError):
        return True
