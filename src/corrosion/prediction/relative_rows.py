"""Rows whose paths are told relative to a folder, for tables that are sent away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from corrosion.prediction.journal import Row
from corrosion.system.names import escaped
from corrosion.system.place_names import absolute, address_of


def relative_rows(rows: Iterable[Row], folder: Path | None) -> Iterator[Row]:
    """Rows with paths below a folder instead of whole ones; None leaves them as they are.

    Of a surface's mask that lies elsewhere, the name alone is told; errors lose the folder too.

    Args:
        rows: rows of files that lie below the folder.
        folder: the folder.

    Example:
        >>> row = Row(0, 0, True, "/data/bridge/a.jpg")
        >>> [one.path for one in relative_rows([row], Path("/data"))]
        ['bridge/a.jpg']
    """
    for row in rows:
        if folder is None:
            yield row
            continue
        rust, error = row.rust, row.error
        if rust is not None and rust.surface is not None and Path(rust.surface).is_absolute():
            rust = replace(rust, surface=_below(rust.surface, folder) or Path(rust.surface).name)
        if error is not None:
            for start in (address_of(folder) or folder, folder.absolute()):
                error = error.replace(f"{escaped(start)}{os.sep}", "")
        yield replace(row, path=_below(row.path, folder) or row.path, rust=rust, error=error)


def _below(path: str, folder: Path) -> str | None:
    """A path relative to a folder, with slashes; None beyond it. Links stay as they are."""
    whole, start = Path(absolute(path)), Path(absolute(folder))
    return whole.relative_to(start).as_posix() if whole.is_relative_to(start) else None
