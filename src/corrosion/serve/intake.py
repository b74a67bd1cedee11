"""What comes in: the files of a request, within their limits and in memory alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from corrosion.data.file_kinds import HEAD, READ, kind_by_content, why_not_read
from corrosion.data.images import ImageError, displayed_size
from corrosion.errors import CorrosionError
from corrosion.settings.serve import ServeSettings
from corrosion.system.names import displayable, shortened

MEGA = 10**6

_BODIES = 8  # requests of the largest size that are held in memory at once
_LONGEST_NAME = 200  # bytes
_DRAINED = 2**23  # bytes of a refused request that are read, so that its sender hears the answer
_PATIENCE = 5.0  # seconds of the same


class RefusedError(CorrosionError):
    """A request, or a file of it, that is not answered.

    Attributes:
        status: the status of HTTP.
        reason: why, in a sentence.
        retry_after: seconds after which to try again; None where that would not help.
    """

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Attributes:
        name: its name as the sender calls it, without control characters; no path on this machine.
        content: its bytes.
    """

    name: str
    content: bytes


class Intake:
    """Reads requests, as many at once as memory is meant for.

    Its methods belong to one event loop.

    Args:
        settings: the limits.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._largest = settings.max_mb * MEGA
        self.waiting = 0
        self._held = 0

    @asynccontextmanager
    async def admitted(self, request: Request) -> AsyncIterator[list[Upload]]:
        """The files of a request, which keep their places in the queue until the block ends.

        Raises:
            RefusedError: 400 for a form that can't be read, 408 for one that does not arrive in
                time, 413 for one too large, 415 for another kind of content, 422 without a file,
                429 where too many wait already.
        """
        with _Places(self) as places:
            try:
                places.take(1)  # before anything is read
                try:
                    async with asyncio.timeout(self._settings.timeout):
                        uploads = await self._read(request, places)
                except TimeoutError as error:
                    raise RefusedError(
                        408, f"The request did not arrive within {self._settings.timeout:g} s."
                    ) from error
                places.take(len(uploads) - 1)
            except RefusedError:
                if not places.whole:
                    await drain(request)
                raise
            yield uploads

    async def _read(self, request: Request, places: _Places) -> list[Upload]:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._largest:
            raise self._too_large()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return await self._form(request, places)
        if kind.startswith("image/") or kind == "application/octet-stream":
            content = b"".join([chunk async for chunk in self._chunks(request, places)])
            return [Upload(_name(request.query_params.get("name")), content)]
        raise RefusedError(
            415,
            f"Content-Type {displayable(kind) or 'missing'}: send files as multipart/form-data, or "
            f"one photograph as image/jpeg or another image/ type.",
        )

    async def _form(self, request: Request, places: _Places) -> list[Upload]:
        most = self._settings.max_files
        chunks = self._chunks(request, places)
        try:
            form = await _InMemory(request.headers, chunks, max_files=most, max_fields=100).parse()  # type: ignore[arg-type]
        except MultiPartException as error:
            many = "Too many" in error.message
            way_out = f" Send {most} at the most." if many else ""
            raise RefusedError(413 if many else 400, f"{error.message}{way_out}") from error
        except ValueError as error:  # of codecs that a sender may name
            raise RefusedError(400, "Invalid multipart data.") from error
        try:
            found = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
            if not found:
                raise RefusedError(422, "The form has no file: send photographs as its files.")
            return [Upload(_name(one.filename), one.file.read()) for one in found]
        finally:
            await form.close()

    async def _chunks(self, request: Request, places: _Places) -> AsyncIterator[bytes]:
        """The body as it arrives, as long as there is room for it."""
        size = 0
        while not places.whole:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                places.whole = True
                raise RefusedError(400, "The sender has gone.")
            places.whole = not message.get("more_body", False)
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._largest:
                raise self._too_large()
            places.hold(len(chunk))
            yield chunk

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413,
            f"The request is larger than {self._settings.max_mb} MB: send fewer or smaller files.",
        )

    def take(self, count: int) -> None:
        """Take places in the queue.

        Raises:
            RefusedError: 429, there are none.
        """
        if self.waiting + count > self._settings.max_queue:
            raise RefusedError(
                429,
                f"{self.waiting} photographs wait already, of {self._settings.max_queue}: try "
                f"again in a second, with fewer at a time.",
                retry_after=1,
            )
        self.waiting += count

    def hold(self, size: int) -> None:
        """Take memory for bytes.

        Raises:
            RefusedError: 429, there is none.
        """
        if self._held + size > _BODIES * self._largest:
            raise RefusedError(
                429, "Too much waits to be read: try again in a second.", retry_after=1
            )
        self._held += size

    def give_back(self, count: int, size: int) -> None:
        """Give places and memory back."""
        self.waiting -= count
        self._held -= size


class _Places:
    """What one request has taken, which it gives back at its end.

    Attributes:
        whole: whether nothing more of its body comes.
    """

    whole = False

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._count = self._size = 0

    def __enter__(self) -> _Places:
        return self

    def __exit__(self, *_: object) -> None:
        self._intake.give_back(self._count, self._size)

    def take(self, count: int) -> None:
        self._intake.take(count)
        self._count += count

    def hold(self, size: int) -> None:
        self._intake.hold(size)
        self._size += size


class _InMemory(MultiPartParser):
    """Starlette's parser, whose files never become files on the disk."""

    spool_max_size = 0  # of SpooledTemporaryFile: no size makes it roll over


async def drain(request: Request) -> None:
    """Read on for a moment after a refusal: who is still sending would not hear it."""
    read = 0
    try:
        async with asyncio.timeout(_PATIENCE):
            while read < _DRAINED:
                message = await request.receive()
                read += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


def check_photograph(upload: Upload, settings: ServeSettings) -> None:
    """Refuse what is no photograph by its first bytes, or too large by its header.

    Args:
        upload: a file of a request.
        settings: the limit of its pixels.

    Raises:
        RefusedError: 415 for a kind that is not read, 413 for too many pixels, 422 for anything
            else.

    Example:
        >>> check_photograph(Upload("a.heic", b"....ftypheic"), ServeSettings())
        Traceback (most recent call last):
        corrosion.serve.intake.RefusedError: HEIC photograph: convert it to JPEG
    """
    if not upload.content:
        raise RefusedError(422, "the file is empty")
    kind = kind_by_content(upload.content[:HEAD])
    if kind is not None and kind not in READ:
        raise RefusedError(415, why_not_read(kind))
    try:
        height, width = displayed_size(upload.name, content=upload.content)
    except ImageError as error:
        large = error.reason.startswith("too large")
        raise RefusedError(413 if large else 422, error.reason) from error
    if height * width > settings.max_megapixels * MEGA:
        raise RefusedError(
            413, f"too large: {width} x {height} pixels, of {settings.max_megapixels} million"
        )


def _name(name: str | None) -> str:
    """A sender's name of a file, for a table: its last part, in one line."""
    last = displayable((name or "").replace("\\", "/").rsplit("/", maxsplit=1)[-1])
    return shortened(last, _LONGEST_NAME) or "photograph"
