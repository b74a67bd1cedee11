"""Lets the pages of the API show doctests as code."""

from __future__ import annotations

import re

import griffe


class Examples(griffe.Extension):
    """Reads the section "Example:" of our docstrings as griffe reads "Examples:"."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rename the section where an object was loaded."""
        if obj.docstring:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE
            )
