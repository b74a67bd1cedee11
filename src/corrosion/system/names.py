r"""How files are called in text: names that are no UTF-8, control characters, formulas.

A file's name is any bytes. Paths that were found in folders are text that every table, page and
log can hold (`escaped`), and `on_disk` gives the file that is meant.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_BRIEF = 300  # characters
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPE = re.compile(rb"\\x([89a-f][0-9a-f])")  # of a byte that is no ASCII


def escaped(path: str | Path) -> str:
    r"""A path as text that UTF-8 can hold: bytes that are none as \xNN, all others as they are.

    Example:
        >>> escaped("caf\udce9.jpg"), escaped("café.jpg")
        ('caf\\xe9.jpg', 'café.jpg')
    """
    text = os.fspath(path)
    if text.isascii():
        return text
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:  # halves of characters, which no file's name has
        encoded = text.encode("utf-8", "surrogatepass")
    return encoded.decode("utf-8", "backslashreplace")


def on_disk(path: str | Path) -> Path:
    r"""The file that a path means which may be `escaped`.

    A file that is called so to the letter, backslash and all, comes first.

    Example:
        >>> import os
        >>> os.fsencode(on_disk("caf\\xe9.jpg"))
        b'caf\xe9.jpg'
    """
    text = os.fspath(path)
    if "\\x" not in text or os.path.lexists(text):
        return Path(text)
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), os.fsencode(text))
    return Path(os.fsdecode(raw))


def displayable(path: str) -> str:
    r"""A path as text of one line: as `escaped`, and control characters as \xNN too.

    Example:
        >>> displayable("a\rb.jpg")
        'a\\x0db.jpg'
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", escaped(path))


def table_path(path: str) -> str:
    """A path as `displayable`, for the cell of a table: no spreadsheet takes it for a formula.

    Example:
        >>> table_path("=1+1.jpg"), table_path("photos/=1.jpg")
        ('./=1+1.jpg', 'photos/=1.jpg')
    """
    text = displayable(path)
    return f"./{text}" if text.startswith(("=", "+", "-", "@")) else text


def table_text(text: str) -> str:
    """Text of somebody else as `displayable`, for the cell of a table: an apostrophe stands before
    what a spreadsheet would take for a formula.

    Example:
        >>> table_text("=1+1"), table_text("Bridge 7")
        ("'=1+1", 'Bridge 7')
    """
    text = displayable(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def brief(path: str) -> str:
    """A path as `displayable` for a line of the log: of a very long one the ends."""
    text = displayable(path)
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF // 2]}…{text[-_BRIEF // 2 :]}"


def shortened(name: str, length: int) -> str:
    """The beginning of a name, of so many bytes in UTF-8 at the most: disks take 255.

    Example:
        >>> shortened("brücke", 4), shortened("brücke", 3)
        ('brü', 'br')
    """
    return escaped(name).encode("utf-8")[:length].decode("utf-8", "ignore")
