"""Which asset a photograph shows: told by its folders, by a pattern of its path, or by a table."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.system.place_names import absolute

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_TOKEN = re.compile(r"\{[A-Za-z_]\w*\}|\*\*/|\*\*|\*|\?|[^*?{]+|\{")
_HOW = (
    'give a pattern of folders as "{asset}/{date}/*" (quoted), a regular expression with '
    "(?P<asset>...), or a CSV file with the columns path and asset"
)


@dataclass(frozen=True)
class AssetNames:
    """Tells the asset of a file.

    Attributes:
        pattern: is searched for in the path and has a group called asset; None for a table.
        table: assets by the last parts of a path; empty for a pattern.
        root: folder below which paths are taken; None for whole paths.
    """

    pattern: re.Pattern[str] | None = None
    table: dict[tuple[str, ...], str] = field(default_factory=dict)
    root: str | None = None

    def of(self, path: str) -> str | None:
        """The asset of a file by its path; None where nothing tells it."""
        whole = absolute(path)
        if self.pattern is None:
            parts = Path(whole).parts
            for start in range(len(parts)):  # the longest that is known
                if (name := self.table.get(parts[start:])) is not None:
                    return name or None
            return None
        shown = whole if self.root is None else os.path.relpath(whole, self.root)
        found = self.pattern.search(Path(shown).as_posix())
        name = None if found is None else found["asset"]
        return name or None


def asset_names(
    given: str, files: Sequence[str], *, root: str | None = None, top: str | None = None
) -> AssetNames:
    """What `--asset` stands for, checked on the files of a run.

    A pattern of folders is laid at the end of the paths: * stands for a name or a part of it,
    {asset} for the name of a folder (or a part of it) that is the asset, other words in braces for
    anything. What reaches above the paths that were given (`top`) tells no asset. With ** (any
    number of folders) it is laid at the folder that was given instead.

    Args:
        given: a pattern of folders, a regular expression with a group `asset` that is searched for
            in the absolute path (with / between folders), or the path of a CSV with the columns
            path and asset, where a path may be shortened to its last parts.
        files: paths of the photographs.
        root: folder that patterns with ** are laid at; None for whole paths.
        top: folder below which other patterns stay; None for whole paths.

    Raises:
        CorrosionError: `given` is none of these, can't be read, or tells no asset at all.

    Example:
        >>> asset_names("{asset}/{date}/*", ["t/bridge-7/2025/a.jpg"]).of("t/bridge-7/2025/a.jpg")
        'bridge-7'
    """
    if given.lower().endswith(".csv"):
        names = AssetNames(table=_read_table(Path(given)))
    elif "(?P<asset>" in given:
        names = AssetNames(_compiled(given, given))
    elif "asset" in _FIELD.findall(given):
        laid_at = root if "**" in given else None if given.startswith("/") else top
        names = AssetNames(_compiled(_folders(given), given), root=laid_at)
    else:
        raise CorrosionError(f"asset={given}: {_HOW}.")
    if files and not any(names.of(file) for file in files):
        if "**" not in given and any(replace(names, root=None).of(file) for file in files):
            raise CorrosionError(
                f"asset={given} reaches above the paths that were given, as that of {files[0]!r}: "
                f"give a shorter pattern, or the folder that holds those of the assets."
            )
        raise CorrosionError(
            f"asset={given} tells the asset of no photograph, as {files[0]!r}: {_HOW}."
        )
    return names


def _compiled(expression: str, given: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise CorrosionError(f"asset={given}: {error}. {_HOW}.") from error


def _folders(given: str) -> str:
    """A regular expression of a pattern of folders."""
    parts = []
    seen: set[str] = set()
    wild = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": re.escape("{")}
    for token in _TOKEN.findall(given):
        name = token[1:-1] if _FIELD.fullmatch(token) else None
        if name is None:
            parts.append(wild.get(token) or re.escape(token))
        elif name in seen:
            parts.append(f"(?P={name})")
        else:
            seen.add(name)
            parts.append(f"(?P<{name}>[^/]+?)")
    return ("^" if "**" in given else "(?:^|/)") + "".join(parts) + "$"


def _read_table(path: Path) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"path", "asset"} <= set(rows.fieldnames or ()):
                raise CorrosionError(
                    f"asset={path}: the first line must name the columns path and asset."
                )
            for row in rows:
                name = (row["asset"] or "").strip()
                parts = Path(os.path.normpath(row["path"] or "")).parts
                if found.setdefault(parts, name) != name:
                    raise CorrosionError(
                        f"asset={path}: {row['path']} is of {found[parts]} and of {name}."
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorrosionError(f"asset={path} can't be read: {error}. {_HOW}.") from error
    return found
