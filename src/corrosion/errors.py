"""The errors that commands print without a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable


class CorrosionError(Exception):
    """Something the user can put right; the message names the file or parameter and the way out."""

    def told(self, name: Callable[[str], str]) -> str:
        """The message, with parameters called as the user gave them.

        Args:
            name: what a parameter is called where its value came from, as "data.root" for "root".
        """
        return str(self)


class ParameterError(CorrosionError):
    """A bad value of a parameter, which is called otherwise on a command line.

    Args:
        template: the message; {parameter} stands for the name of a parameter, {value} for what
            `values` has under that name.
        values: what is put into the message.

    Example:
        >>> error = ParameterError("{root}={given}: there is no such folder.", given="photos")
        >>> str(error)
        'root=photos: there is no such folder.'
        >>> error.told(lambda parameter: f"data.{parameter}")
        'data.root=photos: there is no such folder.'
    """

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template)
        self._template = template
        self._values = values

    def __str__(self) -> str:
        return self.told(str)

    def at(self, place: object) -> ParameterError:
        """The same error with the place of what is wrong, as a folder, in front."""
        return ParameterError("{place}: " + self._template, place=place, **self._values)

    def told(self, name: Callable[[str], str]) -> str:
        """See `CorrosionError.told`."""
        values = self._values
        return re.sub(
            r"\{(\w+)\}",
            lambda match: str(values[match[1]]) if match[1] in values else name(match[1]),
            self._template,
        )
