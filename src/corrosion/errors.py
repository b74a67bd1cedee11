"""The errors that commands print without a traceback."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping


class CorrosionError(Exception):
    """Something the user can put right.

    The message names the file or the parameter and the way out. Parameters are called as the
    function calls them that raises it (`image_size=abc`); where a value came from a command line or
    a configuration, `called` gives the names that stand there.
    """

    def called(self, names: Mapping[str, str]) -> str:
        """The message with parameters called as the user gave them.

        Args:
            names: the user's name of each parameter, as {"root": "data.root"}.

        Example:
            >>> error = CorrosionError("root=photos: there is no such folder.")
            >>> error.called({"root": "data.root"})
            'data.root=photos: there is no such folder.'
            >>> error = CorrosionError("Leave them out by 'classes.ignore=[masks]'.")
            >>> error.called({"ignore": "--ignore"})
            'Leave them out by --ignore masks.'
            >>> error = CorrosionError("recursive=True searches its subfolders too.")
            >>> error.called({"recursive": "--recursive"})
            '--recursive searches its subfolders too.'
        """
        if not names:
            return str(self)
        known = "|".join(map(re.escape, names))
        # a parameter, not a part of a path, of an option or of a longer name
        parameter = re.compile(rf"(?<![\w./-])({known})(?==|\.\w+=)")
        # of a list within a group, as Hydra's command line takes it: 'classes.ignore=[masks]'
        listed = re.compile(rf"'(?:\w+\.)+({known})=\[(.+?)\]'")
        text = listed.sub(lambda match: _as_option(match, names[match[1]]), str(self))
        called = parameter.sub(lambda match: names[match[1]], text)
        return re.sub(r"(--[\w-]+)=True\b", r"\1", called)  # a switch takes no value


class DiskError(CorrosionError):
    """A folder that can't be written: the disk is full, gone or read-only.

    What was meant for one file ends in its row; this ends the run, as every further file would
    fail too.
    """


def _as_option(match: re.Match[str], name: str) -> str:
    """A list as the value of an option, where the user's name is one."""
    if not name.startswith("--"):
        return match[0]
    value = match[2]
    if value.startswith('"'):
        value = value[1:-1].replace(r"\"", '"')
    return f"{name} {shlex.quote(value)}"
