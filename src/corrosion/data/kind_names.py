"""Names of kinds of corrosion, as folders, tables and inspectors write them."""

from __future__ import annotations

import re
import unicodedata

OTHER = "other"
"""What an inspector calls corrosion of a kind that the network does not know."""

FILE = "kinds.csv"
"""File of kinds in a folder that `corrosion verdicts --labelled` has written."""

_UNKNOWN = {"", "unknown", "unlabelled", "unlabeled", "none", OTHER, "nan"}
_NO_FOLDER = re.compile(r'[/\\:*?"<>|\x00-\x1f]+')


def kind_name(text: str) -> str:
    """The name of a kind as it is used everywhere; empty for what says that it is unknown.

    Example:
        >>> kind_name("Stress_Corrosion  Cracking"), kind_name("PITTING"), kind_name("Unknown")
        ('stress corrosion cracking', 'pitting', '')
    """
    name = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", text)).strip().lower()
    return "" if name in _UNKNOWN else name


def kind_folder(kind: str) -> str:
    """The folder for photographs of a kind: its name, without what no folder can be called.

    Example:
        >>> kind_folder("stress corrosion"), kind_folder("../pits: deep")
        ('stress corrosion', 'pits deep')
    """
    return kind_name(_NO_FOLDER.sub(" ", kind).replace("..", " ")).strip(". ") or "kind"
