"""Calls to a place that are tried again where it may help, and what to say where it doesn't."""

from __future__ import annotations

import errno
import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from corrosion.data.places.entries import PlaceError
from corrosion.system.extras import install_command
from corrosion.system.names import displayable
from corrosion.system.place_names import without_secrets

log = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 6
"""How often a call is tried: of calls that fail once in twenty times, one in 60 million is lost."""

FIRST_PAUSE = 0.2
"""Seconds before the second attempt; each further pause is twice as long, give or take a half."""

_LONGEST = 200  # characters of somebody else's message
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError)
_OURS = (TypeError, AttributeError, KeyError, IndexError, NotImplementedError, ValueError)
_ERRNO = (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ENAMETOOLONG, errno.ENOSPC)
_AGAIN = (408, 425, 429)  # of the answers 4xx those that mean "later"
_CREDENTIALS = ("credential", "authentication", "auth_error", "badhostkey", "known_hosts")


def attempt(call: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
    """What a call gives, which is tried again with longer and longer pauses.

    Args:
        call: may be called several times.
        attempts: how often at most.

    Raises:
        PlaceError: why it can't be done, in a few words: at once where there is nothing, or no
            permission, else after all attempts.
    """
    for number in range(1, attempts + 1):
        try:
            return call()
        except PlaceError:
            raise
        except Exception as error:  # each backend raises what it likes
            if is_lasting(error):
                raise PlaceError(reason_of(error)) from error
            if number == attempts:
                raise PlaceError(f"{reason_of(error)}, after {attempts} attempts") from error
            log.debug("attempt %d failed", number, exc_info=True)
            # not all threads at once again
            time.sleep(FIRST_PAUSE * 2 ** (number - 1) * random.uniform(0.5, 1.5))
    raise AssertionError("the last attempt returns or raises")


def is_lasting(error: Exception) -> bool:
    """Whether an error would only come again: nothing there, no permission, no credentials."""
    status = _status(error)
    if status is not None and 400 <= status < 500:
        return status not in _AGAIN
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return True
    return isinstance(error, (*_LASTING, *_OURS)) or _of_credentials(error)


def reason_of(error: Exception) -> str:
    """What is wrong, in a few words and without secrets."""
    if isinstance(error, ModuleNotFoundError) or isinstance(error.__cause__, ModuleNotFoundError):
        return "a package is missing that reads from there"
    if isinstance(error, FileNotFoundError):
        return "nothing is there"  # of what else a backend tells, most is about its calls
    if _of_credentials(error):
        return f"no credentials that are taken ({_said(error)}): docs/places.md says where they go"
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return f"no permission ({_said(error)})"
    return _said(error)


def missing_package(error: ImportError, extra: str) -> PlaceError:
    """What to say where the package of a place is not installed.

    Args:
        error: as it was raised.
        extra: a package of the extra that brings it, a key of `corrosion.system.extras.EXTRAS`.
    """
    return PlaceError(f"needs the package {error.name or extra}: {install_command(extra)}")


def _said(error: Exception) -> str:
    text = without_secrets(displayable(" ".join(str(error).split()) or type(error).__name__))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _of_credentials(error: Exception) -> bool:
    told = f"{type(error).__name__} {error}".lower()
    return any(word in told for word in _CREDENTIALS)


def _status(error: Exception) -> int | None:
    """The answer of HTTP, wherever a backend keeps it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for status in (getattr(error, "status_code", None), getattr(error, "code", None), response):
        if isinstance(status, int):
            return status
    return None
