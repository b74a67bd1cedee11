"""Paths as pages and results show them that are sent away: without what led there on this machine.

Above the folder of the data stand names of users, customers and disks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from corrosion.system.place_names import absolute, address_of

# an absolute path within a text, up to what ends a word there: its folders, then its name
_IN_TEXT = re.compile(
    r"(?<![\w.])(?:(?:s3|gs|az|sftp|[A-Za-z]):|~\w*)?/+(?:[^\s/,;'\"\[\](){}=]+/)+"
)


def shown_path(path: str | Path, roots: Iterable[str | Path] = ()) -> str:
    """A path below the folder of its data; elsewhere the name alone.

    Args:
        path: path of a file or a folder.
        roots: folders of the data. Below one of several its name comes first.

    Returns:
        A relative path as it is, unless it leads upwards.

    Example:
        >>> shown_path("/home/jane/photos/rusty/1.jpg", ["/home/jane/photos"])
        'rusty/1.jpg'
        >>> shown_path("/home/jane/photos/rusty/1.jpg"), shown_path("photos/1.jpg")
        ('1.jpg', 'photos/1.jpg')
    """
    whole, folders = _whole(path), [Path(absolute(root)) for root in roots]
    if not whole.is_absolute() and not {"..", "~"} & set(whole.parts):
        return str(path)
    for root in folders:
        if whole != root and whole.is_relative_to(root):
            below = whole.relative_to(root)
            return str(root.name / below if len(folders) > 1 else below)
    return whole.name


def _whole(path: str | Path) -> Path:
    return Path(path) if address_of(path) is None else Path(absolute(path))


def beside_each_other(folders: Sequence[Path]) -> list[str]:
    """Folders by what tells them apart: below the one that holds all of them, or by name.

    Example:
        >>> beside_each_other([Path("/home/jane/runs/a/0"), Path("/home/jane/runs/b/0")])
        ['a/0', 'b/0']
    """
    folders = [_whole(folder) for folder in folders]
    if not folders or not all(folder.is_absolute() for folder in folders):
        return [shown_path(folder) for folder in folders]
    return [shown_path(folder, [os.path.commonpath(folders)]) for folder in folders]


def without_folders(value: Any) -> Any:
    """A value of a configuration in which the last name stands for an absolute path.

    Example:
        >>> without_folders({"root": ["/home/jane/photos"], "storage": "sqlite:////data/j/s.db"})
        {'root': ['photos'], 'storage': 'sqlite:s.db'}
        >>> without_folders(["s3://bucket/photos", "data.root=s3://bucket/photos"])
        ['photos', 'data.root=photos']
        >>> without_folders("data.root=/home/jane/photos"), without_folders("https://a.org/b/c")
        ('data.root=photos', 'https://a.org/b/c')
    """
    if isinstance(value, Mapping):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_folders(item) for item in value]
    if not isinstance(value, str):
        return value
    if Path(value).is_absolute() or address_of(value) is not None:
        return Path(value).name
    return value if re.match(r"[\w.=]*https?://", value) else _IN_TEXT.sub("", value)
