"""Calls to a place that are tried again where it may help, and what to say where it doesn't."""

from __future__ import annotations

import errno
import logging
import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from corrosion.data.places.entries import PlaceError, UnreachableError
from corrosion.errors import CorrosionError
from corrosion.system.extras import install_command
from corrosion.system.names import displayable
from corrosion.system.place_names import without_secrets

log = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 6
"""How often a call is tried: of calls that fail once in twenty times, one in 60 million is lost."""

OUTAGE = 10
"""How often a call is tried in the middle of the work where nobody answers: for 45 seconds."""

FIRST_PAUSE = 0.2
"""Seconds before the second attempt; each further pause is twice as long, give or take a half."""

_MOST_PAUSE = 10.0  # seconds
_PATH = re.compile(r"\S*/\S*")  # a file may be called anything
_LONGEST = 200  # characters of somebody else's message
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError)
_OURS = (TypeError, AttributeError, KeyError, IndexError, NotImplementedError, ValueError)
_MISTAKEN = ("ParamValidationError", "InvalidRegionError", "NoRegionError")
_ERRNO = (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ENAMETOOLONG, errno.ENOSPC)
_AGAIN = (408, 409, 425, 429)  # of the answers 4xx those that mean "later"
_CREDENTIALS = ("credential", "authentication", "auth_error", "badhostkey", "known_hosts")
_EXPIRED = (  # names of errors, and codes of S3 answers, that every further request would get
    "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired",
    "InvalidAccessKeyId", "NoCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
    "UnauthorizedSSOTokenError", "ClientAuthenticationError", "RefreshError", "ProfileNotFound",
)  # fmt: skip
_SILENT = (  # nobody answers at all
    "EndpointConnectionError", "ConnectTimeoutError", "ConnectionRefusedError", "gaierror",
    "ClientConnectorError", "ServiceRequestError", "NoValidConnectionsError",
)  # fmt: skip


def attempt(
    call: Callable[[], T], *, attempts: int = ATTEMPTS, working: bool = False, name: str = ""
) -> T:
    """What a call gives, which is tried again with longer and longer pauses.

    Args:
        call: may be called several times.
        attempts: how often at most.
        working: whether it is in the middle of the work, which then ends where the place is gone:
            where nobody answers after `OUTAGE` attempts, or credentials are no longer taken.
        name: what is asked, which is logged where it takes long; empty to log nothing.

    Raises:
        PlaceError: why it can't be done, in a few words: at once where there is nothing, or no
            permission, else after all attempts.
        UnreachableError: the place is gone.
    """
    number = 0
    while True:
        number += 1
        try:
            return call()
        except PlaceError:
            raise
        except Exception as error:  # each backend raises what it likes
            silent = not _names(error).isdisjoint(_SILENT)
            gone = working and (silent or not _names(error).isdisjoint(_EXPIRED))
            most = attempts
            if is_lasting(error) or (silent and attempts < ATTEMPTS):  # the backend has waited
                most = 1
            elif gone:
                most = OUTAGE
            if number >= most:
                tried = f", after {number} attempts" if number > 1 else ""
                reason = f"{reason_of(error)}{tried}"
                if gone:
                    raise UnreachableError(f"{reason}.") from error  # a sentence: the run ends
                raise PlaceError(reason) from error
            log.debug("attempt %d failed", number, exc_info=True)
            if name and number == min(3, attempts - 1):
                log.warning("%s: %s; trying again", displayable(name), reason_of(error))
            # not all threads at once again
            pause = min(FIRST_PAUSE * 2 ** (number - 1), _MOST_PAUSE)
            time.sleep(pause * random.uniform(0.5, 1.5))


def is_lasting(error: Exception) -> bool:
    """Whether an error would only come again: nothing there, no permission, no credentials."""
    status = None if isinstance(error, TimeoutError) else _status(error)  # S3 answers 400 of it
    if status is not None and 300 <= status < 500:
        return status not in _AGAIN
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return True
    mistaken = isinstance(error, (*_LASTING, *_OURS)) or type(error).__name__ in _MISTAKEN
    return mistaken or _of_credentials(error)


def reason_of(error: Exception) -> str:
    """What is wrong, in a few words and without secrets."""
    if isinstance(error, ModuleNotFoundError) or isinstance(error.__cause__, ModuleNotFoundError):
        return "a package is missing that reads from there"
    if isinstance(error, FileNotFoundError):
        # of what else a backend tells, most is about its calls
        return "there is no such bucket" if "NoSuchBucket" in _names(error) else "nothing is there"
    if _of_credentials(error):
        return f"no credentials that are taken ({_said(error)}): docs/places.md says where they go"
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return f"no permission ({_said(error)})"
    return _said(error)


def refused(address: str, what: str, error: PlaceError) -> CorrosionError:
    """The error of a command that can't go on without a place, with the way out.

    Args:
        address: what it is about, as it is shown.
        what: what can't be done with it, as "listed".
        error: why.
    """
    cause = error.__cause__
    way_out = ""
    if isinstance(cause, FileNotFoundError) or type(cause).__name__ in _MISTAKEN:
        way_out = " Check the name of the bucket, and the path."
    elif isinstance(cause, Exception) and not _of_credentials(cause):
        if isinstance(cause, PermissionError) or _status(cause) in (401, 403):
            way_out = " Check whose credentials are used, and what they may do (docs/places.md)."
        elif not is_lasting(cause):
            server = " and AWS_ENDPOINT_URL" if "s3://" in address else ""
            way_out = f" Check the network{server}, or try again later."
    return CorrosionError(f"{address} can't be {what}: {error}.{way_out}")


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
    told = f"{type(error).__name__} {_PATH.sub('', str(error))}".lower()
    return any(word in told for word in _CREDENTIALS) or not _names(error).isdisjoint(_EXPIRED)


def _names(error: BaseException) -> set[str]:
    """What kind of error it is, by its classes and the code of the answer."""
    code = _answer(error).get("Error", {}).get("Code")
    return {str(code), *(kind.__name__ for kind in type(error).__mro__)}


def _status(error: BaseException) -> int | None:
    """The answer of HTTP, wherever a backend keeps it."""
    told = _answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    for status in (getattr(error, "status_code", None), getattr(error, "code", None), told):
        if isinstance(status, int):
            return status
    return None


def _answer(error: BaseException) -> dict[str, Any]:
    """What botocore read; s3fs raises errors of Python from its own."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return response
    return {}
