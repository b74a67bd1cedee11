"""Short names of compared models, for places where their settings would not fit."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

_LONGEST = 28  # characters of a name that fits beside a drawing


def short_names(names: Sequence[str]) -> dict[str, str]:
    """A short name for each: a letter in place of settings that would take lines.

    Example:
        >>> short_names(["resnet50", "mobilenetv2"])
        {'resnet50': 'resnet50', 'mobilenetv2': 'mobilenetv2'}
        >>> long = "resnet50 (model.lr=0.1, model.dropout=0.2)"
        >>> short_names(["mobilenetv2", long])[long]
        'resnet50 A'
    """
    if len(set(names)) > len(ascii_uppercase):
        return {name: name for name in names}
    letters = iter(ascii_uppercase)
    return {
        name: name if len(name) <= _LONGEST else f"{name.split(' (')[0]} {next(letters)}"
        for name in names
    }
