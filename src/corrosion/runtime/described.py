"""What an exported file of any kind says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.runtime.metadata import KEY, Metadata
from corrosion.runtime.network import load
from corrosion.runtime.seal import check_seal

PAGE = ".html"
"""Ending of the inspector in one file, which a browser runs."""

_METADATA = re.compile(rf'<script type="application/json" id="{KEY}">(.*?)</script>'.encode())


def describe_file(path: Path) -> Metadata:
    """The metadata of an exported file that is as it was written.

    Args:
        path: path of the file: .onnx, .xml (with its .bin beside it), .pt2 or .html.

    Raises:
        CorrosionError: it is missing, has changed or is not of corrosion export, or what reads it
            is not installed.

    Example:
        >>> describe_file(Path("none.html"))
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: There is no none.html: give a file that corrosion export \
has written.
    """
    if path.suffix.lower() != PAGE:
        return load(path).metadata
    if not path.is_file():
        raise CorrosionError(f"There is no {path}: give a file that corrosion export has written.")
    check_seal(path)
    found = _METADATA.search(path.read_bytes())
    return Metadata.parse(None if found is None else found[1].decode("utf-8", "replace"), path)
