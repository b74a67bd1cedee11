"""The two classes, and which folder names stand for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from corrosion.errors import CorrosionError
from corrosion.settings.data import ClassFolders

ClassNames = ClassFolders | Mapping[str, Iterable[str]]
"""Further folder names of each class, as settings or as plain values of them."""

CLASSES = ("no_corrosion", "corrosion")
"""Names of the classes by label: corrosion, the positive class, is 1."""

UNSORTED = "to-sort"
"""Folder of photographs that wait to be sorted, beside those of the classes (`corrosion next`)."""

_IGNORE, _IGNORED = "ignore", -1

_CORROSION = (
    "corrosion corroded corrode corroding rust rusty rusted rusting oxidised oxidized oxidation "
    "positive"
)
_NO_CORROSION = (
    "no_corrosion non_corrosion not_corrosion without_corrosion "
    "no_corroded non_corroded not_corroded un_corroded no_rust non_rust not_rust not_rusty "
    "non_rusty no_rusty not_rusted non_rusted no_rusted un_rusted rust_free corrosion_free "
    "rustless no_oxidation not_oxidised not_oxidized non_oxidised non_oxidized clean sound "
    "intact healthy undamaged normal negative"
)


def _key(name: str) -> str:
    """Letters and digits of a name: NO-Corrosion, "no corrosion" and noCorrosion are one name."""
    return re.sub(r"[^0-9a-z]", "", name.casefold()) or name


_DEFAULT = {
    **{_key(name): 1 for name in _CORROSION.split()},
    **{_key(name): 0 for name in _NO_CORROSION.split()},
}


def is_usual_name(name: str) -> bool:
    """Whether a folder of this name stands for a class without being mapped.

    Example:
        >>> is_usual_name("Not Corroded"), is_usual_name("pitted")
        (True, False)
    """
    return _key(name) in _DEFAULT


def is_mapped(name: str, classes: ClassNames | None) -> bool:
    """Whether folders of this name are mapped to a class, or ignored.

    Example:
        >>> is_mapped("to-sort", {"ignore": ["to-sort"]}), is_mapped("rust", None)
        (True, False)
    """
    return _key(name) in _own_names(ClassFolders.read(classes or {}))


def folder_labels(counts: Mapping[str, int], classes: ClassNames | None = None) -> dict[str, int]:
    """Give each folder name its label; never by alphabetical order.

    Args:
        counts: number of images by folder name.
        classes: further folder names of each class, as {"corrosion": ["pitted"]}, which win over
            the usual names; names under "ignore" are left out.

    Returns:
        0 (no corrosion) or 1 (corrosion) by folder name, without the ignored ones.

    Raises:
        CorrosionError: a name is unknown or mapped twice, or no folder stands for one of the
            classes; the message lists what was found and how to map it.

    Example:
        >>> folder_labels({"Rusty": 12, "NO-CORROSION": 9})
        {'Rusty': 1, 'NO-CORROSION': 0}
        >>> folder_labels({"pitted": 12, "clean": 9}, {"corrosion": ["pitted"]})
        {'pitted': 1, 'clean': 0}
    """
    mapping = _DEFAULT | _own_names(ClassFolders.read(classes or {}))
    unknown = sorted(name for name in counts if _key(name) not in mapping)
    found = ", ".join(f"{name} ({count} images)" for name, count in sorted(counts.items()))
    if unknown:
        example = _as_value(unknown[0])
        raise CorrosionError(
            f"Folders without a known class: {', '.join(unknown)}. Found: {found}. Say what they "
            f"stand for, e.g. 'classes.corrosion=[{example}]' or "
            f"'classes.no_corrosion=[{example}]', or leave them out by "
            f"'classes.{_IGNORE}=[{example}]'."
        )
    labels = {name: mapping[_key(name)] for name in counts if mapping[_key(name)] != _IGNORED}
    for label, name in enumerate(CLASSES):
        if label not in labels.values():
            raise CorrosionError(
                f"No folder stands for the class {name}. Found: {found or 'no folders'}. Both "
                f"classes are needed; map folders by 'classes.{name}=[FOLDER]'."
            )
    return labels


def _own_names(classes: ClassFolders) -> dict[str, int]:
    own: dict[str, int] = {}
    for name, code in (*((name, label) for label, name in enumerate(CLASSES)), (_IGNORE, _IGNORED)):
        for folder in getattr(classes, name):
            if own.setdefault(_key(folder), code) != code:
                raise CorrosionError(
                    f"classes.{name}=[{folder}]: it is mapped twice; leave one of the two out."
                )
    return own


def _as_value(name: str) -> str:
    """A name as Hydra's command line takes it in a list."""
    if re.fullmatch(r"[A-Za-z_][\w -]*", name, re.ASCII):
        return name
    escaped = name.replace('"', r"\"")
    return f'"{escaped}"'
