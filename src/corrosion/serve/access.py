"""Who may ask, from where, and what browsers may do with what they get."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corrosion.errors import CorrosionError
from corrosion.serve.intake import drain
from corrosion.serve.measured import Measured

log = logging.getLogger(__name__)

OPEN = frozenset({"/", "/page.js", "/live", "/live.js", "/healthz", "/openapi.json"})
"""What is answered without a token: nothing of the network, nor of photographs."""

_LEAST = 16  # characters of a token
_LARGEST = 4096  # bytes of its file
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OTHERS = "other"


def read_token(path: Path) -> str:
    """Read the token of a service.

    Args:
        path: file whose only line is the token.

    Raises:
        CorrosionError: the file can't be read, or holds no token that is hard to guess.
    """
    way_out = f"make one by: openssl rand -hex 32 > {path}"
    try:
        with path.open("rb") as file:
            token = file.read(_LARGEST + 1).decode("ascii").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no line of ASCII"
        raise CorrosionError(f"token_file={path}: {reason}; {way_out}") from error
    if not _LEAST <= len(token) < _LARGEST or not token.isprintable() or " " in token:
        raise CorrosionError(
            f"token_file={path}: give one line of {_LEAST} characters or more, without spaces; "
            f"{way_out}"
        )
    mode = path.stat().st_mode
    if mode & 0o077:
        log.warning("Others may read %s: chmod 600 keeps the token secret.", path)
    return token


class Gate:
    """Lets requests through that may pass, counts all, and adds headers to the answers.

    Without a token only those pass that call the service by a name of this machine, so that no page
    of another site reaches it by a name that it has pointed here (DNS rebinding). What another
    site's page sends is refused in any case.

    Args:
        app: the application.
        token: what requests give as "Authorization: Bearer TOKEN"; None for none.
        measured: counts requests.
        paths: the paths that are counted by name.
    """

    def __init__(
        self, app: ASGIApp, *, token: str | None, measured: Measured, paths: Sequence[str]
    ) -> None:
        self._app = app
        self._digest = None if token is None else hashlib.sha256(token.encode("ascii")).digest()
        self._measured = measured
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path = scope["path"] if scope["path"] in self._paths else _OTHERS
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refusal = self._refusal(Headers(scope=scope), scope["path"])
            if refusal is None:
                await self._app(scope, receive, sent)
            else:
                await drain(Request(scope, receive))
                await _refuse(sent, *refusal)
        finally:
            self._measured.requests.labels(path, str(status)).inc()
            self._measured.seconds.labels(path).observe(time.perf_counter() - began)

    def _refusal(self, headers: Headers, path: str) -> tuple[int, str] | None:
        """The status and the reason of a request that may not pass."""
        host = headers.get("host", "")
        if _from_elsewhere(headers, host):
            return 403, "Pages of other sites may not ask."
        if self._digest is None:
            if _name_of(host) not in ("localhost", "127.0.0.1", "::1"):
                return 403, "Ask by http://127.0.0.1 or http://localhost: there is no token."
            return None
        if path in OPEN:
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "replace")).digest()
        if hmac.compare_digest(digest, self._digest) and kind.lower() == "bearer":
            return None
        return 401, "Give the token: Authorization: Bearer TOKEN."


def _from_elsewhere(headers: Headers, host: str) -> bool:
    """Whether a page of another site has made a browser send a request."""
    if headers.get("sec-fetch-site", "") == "cross-site":
        return True
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != host
    except ValueError:
        return True


def _name_of(host: str) -> str | None:
    """The name in a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode("ascii")
    headers = [(b"content-type", b"application/json")]
    headers.append((b"content-length", str(len(body)).encode("ascii")))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
