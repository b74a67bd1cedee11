"""What lies in folders and is not read, told to whoever may miss it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from corrosion.system.names import brief

log = logging.getLogger(__name__)

_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_MISSED = "that may be photographs or videos are not read"
_NAMED = 5  # files that a line in the log names


@dataclass(frozen=True)
class PassedOver:
    """Something in a folder that is not read.

    Attributes:
        path: its path, as `corrosion.system.names.escaped` gives it.
        reason: why it is not read.
        missed: whether it looks like a photograph, a video or a folder of them, which somebody may
            miss.
    """

    path: str
    reason: str
    missed: bool


def is_visible(name: str) -> bool:
    """Whether a file or folder is neither hidden nor left behind by an operating system.

    Example:
        >>> is_visible("a.jpg"), is_visible(".a.jpg"), is_visible("__MACOSX")
        (True, False, False)
    """
    return not name.startswith(".") and name.lower() not in _LITTER


def tell_passed_over(passed: Sequence[PassedOver]) -> None:
    """Log what is not read: a warning of what somebody may miss, a line of the rest."""
    for missed in (True, False):
        some = sorted({one.path: one.reason for one in passed if one.missed == missed}.items())
        if not some:
            continue
        names = "; ".join(
            f"{brief(path)} ({reason})" if missed else brief(path) for path, reason in some[:_NAMED]
        )
        log.log(
            logging.WARNING if missed else logging.INFO,
            "%d %s: %s%s",
            len(some),
            _MISSED if missed else "other files are no photographs",
            names,
            f"; ... and {len(some) - _NAMED} more" if len(some) > _NAMED else "",
        )
