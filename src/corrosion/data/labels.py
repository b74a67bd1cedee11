"""The two classes, and which folder names stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from corrosion.errors import CorrosionError

CLASSES = ("no_corrosion", "corrosion")
"""Names by label: corrosion, the positive class, is 1."""

_CORROSION = (
    "corrosion corroded corrode corroding rust rusty rusted rusting oxidised oxidized oxidation "
    "positive"
)
_NO_CORROSION = (
    "no_corrosion non_corrosion not_corrosion without_corrosion noncorrosion "
    "no_corroded non_corroded not_corroded un_corroded no_rust non_rust not_rust not_rusty "
    "non_rusty no_rusty not_rusted non_rusted rust_free rustfree corrosion_free rustless "
    "no_oxidation clean sound intact healthy undamaged normal negative"
)


def _key(name: str) -> str:
    """Letters and digits of a name: NO-Corrosion, "no corrosion" and noCorrosion are one name."""
    return re.sub(r"[^0-9a-z]", "", name.casefold()) or name


_DEFAULT = {
    **{_key(name): 1 for name in _CORROSION.split()},
    **{_key(name): 0 for name in _NO_CORROSION.split()},
}


def folder_labels(
    counts: Mapping[str, int], classes: Mapping[str, Iterable[str]] | None = None
) -> dict[str, int]:
    """Give each folder name its label; never by alphabetical order.

    Args:
        counts: number of images by folder name.
        classes: further names of each class, e.g. {"corrosion": ["pitted"]}; they win over the
            usual names.

    Returns:
        0 (no corrosion) or 1 (corrosion) by folder name.

    Raises:
        CorrosionError: a name is unknown or mapped to both classes, or no folder stands for one
            of the classes; the message lists what was found and how to map it.
    """
    mapping = _DEFAULT | _own_names(classes or {})
    unknown = [name for name in counts if _key(name) not in mapping]
    found = ", ".join(f"{name} ({count} images)" for name, count in sorted(counts.items()))
    if unknown:
        raise CorrosionError(
            f"Folders without a known class: {', '.join(sorted(unknown))}. Found: {found}. Say "
            f"what they stand for, e.g. 'data.classes.corrosion=[{sorted(unknown)[0]}]' or "
            f"'data.classes.no_corrosion=[{sorted(unknown)[0]}]'."
        )
    labels = {name: mapping[_key(name)] for name in counts}
    for label, name in enumerate(CLASSES):
        if label not in labels.values():
            raise CorrosionError(
                f"No folder stands for the class {name}. Found: {found or 'no folders'}. Both "
                f"classes are needed; map folders by 'data.classes.{name}=[FOLDER]'."
            )
    return labels


def _own_names(classes: Mapping[str, Iterable[str]]) -> dict[str, int]:
    own: dict[str, int] = {}
    for name, folders in classes.items():
        if name not in CLASSES:
            raise CorrosionError(
                f"data.classes.{name}: there are two classes, {' and '.join(CLASSES)}."
            )
        if isinstance(folders, str):
            raise CorrosionError(
                f"data.classes.{name}={folders}: give a list, data.classes.{name}=[{folders}]."
            )
        for folder in folders:
            if own.get(_key(folder), CLASSES.index(name)) != CLASSES.index(name):
                raise CorrosionError(
                    f"data.classes: {folder} is mapped to both classes; leave one of them out."
                )
            own[_key(folder)] = CLASSES.index(name)
    return own
