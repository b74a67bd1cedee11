"""The errors that commands print without a traceback, and how they end otherwise."""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

INTERRUPTED = 130
"""Exit code of what the user has stopped by Ctrl-C: 128 + SIGINT, as shells report it."""

_CLASSES = ("no_corrosion",)  # a class has the name of the setting, and is meant


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
        return in_words_of(str(self), names)


def in_words_of(text: str, names: Mapping[str, str]) -> str:
    """A message, or what is logged, with parameters called as the user gave them.

    A name of several words (`max_risk`) is a parameter wherever it stands; a name of one word only
    before a value, for it may be a plain word. What stands in a training's command stays.

    Args:
        text: as the code says it.
        names: the user's name of each parameter.

    Example:
        >>> in_words_of("Allow a larger max_risk: count=3.", {"max_risk": "--max-risk"})
        'Allow a larger --max-risk: count=3.'
        >>> in_words_of("python train.py resume=RUN goes on.", {"resume": "--resume"})
        'python train.py resume=RUN goes on.'
    """
    if not names:
        return text
    known = "|".join(map(re.escape, names))
    long = "|".join(re.escape(name) for name in names if "_" in name and name not in _CLASSES)
    # a parameter, not a part of a path, of an option or of a longer name
    parameter = re.compile(
        r"(?<![\w./-])(?<!train\.py )(?<!corrosion train )"
        rf"(?:({known})(?==|\.\w+=)|({long or '(?!)'})(?![\w/-]|\.\w))"
    )
    # of a list within a group, as Hydra's command line takes it: 'classes.ignore=[masks]'
    listed = re.compile(rf"'(?:\w+\.)+({known})=\[(.+?)\]'")
    text = listed.sub(lambda match: _as_option(match, names[match[1]]), text)
    called = parameter.sub(lambda match: names[match[1] or match[2]], text)
    return re.sub(r"(--[\w-]+)=True\b", r"\1", called)  # a switch takes no value


class RunEndingError(CorrosionError):
    """What ends a run, as every further file would fail too; what one file does ends in its row."""


class DiskError(RunEndingError):
    """A folder that can't be written: the disk is full, gone or read-only."""


_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Say in a sentence that the disk is full, where a library that writes a file says so.

    Files of ours are named already (`corrosion.system.files.replacing`).

    Raises:
        DiskError: the disk is full.

    Example:
        >>> with full_disk_told():
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        corrosion.errors.DiskError: A file can't be written: No space left on device. Make room, \
and give the command again.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        name = error.filename or "A file"
        raise DiskError(
            f"{name} can't be written: {error.strerror}. Make room, and give the command again."
        ) from error


def _as_option(match: re.Match[str], name: str) -> str:
    """A list as the value of an option, where the user's name is one."""
    if not name.startswith("--"):
        return match[0]
    value = match[2]
    if value.startswith('"'):
        value = value[1:-1].replace(r"\"", '"')
    return f"{name} {shlex.quote(value)}"
