"""Frames of a camera, a stream or a looping video as they come: the newest one wins."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.images import ImageError
from corrosion.data.video import open_video
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds between attempts to connect
_PATIENCE = 10_000  # milliseconds in which a stream must open, and give its next frame
_STREAMS = ("rtsp", "rtsps")


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """A frame as it came.

    Attributes:
        number: counted from 1 over all that came, also those that nobody took.
        when: seconds since the epoch.
        image: (H, W, 3) uint8 RGB.
    """

    number: int
    when: float
    image: NDArray[np.uint8]


class Capture(Protocol):
    """What OpenCV's captures do."""

    def read(self) -> tuple[bool, Any]:
        """Whether there was a frame, and its pixels in BGR."""
        ...

    def get(self, prop: int, /) -> float:
        """A property."""
        ...

    def release(self) -> None:
        """Close it."""
        ...


class LiveSource:
    """Reads a source in a thread of its own, so that what waits is never older than a frame.

    A source that breaks off is opened again, after a pause that doubles up to half a minute. The
    file of a video ends, unless it loops, and comes at its own rate.

    Args:
        source: the number of a camera, an address rtsp://..., or the path of a video.
        loop: begin a file again at its end.
        capture: opens the source; OpenCV by default.

    Raises:
        CorrosionError: an address of another kind.
        ImageError: a file that is missing or no video.
    """

    def __init__(
        self, source: str, *, loop: bool = False, capture: Callable[[], Capture] | None = None
    ) -> None:
        self.name = shown_source(source)
        self._loop = loop
        self._is_file = not source.isdecimal() and "://" not in source
        self._capture = capture or _opener(source)
        if self._is_file and capture is None:
            self._capture().release()  # a file that can't be read never will be
        self._changed = threading.Condition()
        self._newest: LiveFrame | None = None
        self._stop = threading.Event()
        self._count = 0
        self.connected = False
        self.ended = False
        self.connections = 0
        self._thread = threading.Thread(target=self._read, name="live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(timeout=_PATIENCE / 1000 + 1)

    def newest(self, after: int, timeout: float) -> LiveFrame | None:
        """The newest frame, once there is one with a higher number.

        Args:
            after: number of the last frame that was taken; 0 for none.
            timeout: seconds to wait for it.

        Returns:
            None where none came in time, or none will come any more.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self.ended or self._stop.is_set() or self._count > after, timeout
            )
            return self._newest if self._count > after else None

    def _read(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            came = self._read_until_it_breaks()
            if self._is_file and came and not self._loop:
                break
            if self._is_file and came:
                continue
            pause = _FIRST_PAUSE if came else pause
            log.warning("%s gives no frame: next attempt in %g s", self.name, pause)
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _read_until_it_breaks(self) -> bool:
        """Open the source and read it; whether any frame came."""
        came = False
        try:
            capture = self._capture()
        except (CorrosionError, cv2.error) as error:
            log.debug("%s: %s", self.name, error)
            return False
        try:
            rate = capture.get(cv2.CAP_PROP_FPS) if self._is_file else 0
            due = time.monotonic()
            while not self._stop.is_set():
                read, pixels = capture.read()
                if not read:
                    break
                if not came:
                    came = self.connected = True
                    self.connections += 1
                    if self.connections == 1 or not self._is_file:  # no word of every loop
                        log.info("%s gives frames", self.name)
                self._take(pixels)
                if 0 < rate < 1000:
                    due += 1 / rate
                    self._stop.wait(max(0.0, due - time.monotonic()))
        finally:
            self.connected = False
            capture.release()
        return came

    def _take(self, pixels: Any) -> None:
        image = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        with self._changed:
            self._count += 1
            self._newest = LiveFrame(self._count, time.time(), image)
            self._changed.notify_all()


def shown_source(source: str) -> str:
    """A source as pages, tables and logs may have it: without a user's name, password or folders.

    Example:
        >>> shown_source("rtsp://admin:secret@10.0.0.7:554/cam?token=x"), shown_source("0")
        ('rtsp://10.0.0.7:554/cam', 'camera 0')
    """
    if source.isdecimal():
        return f"camera {int(source)}"
    if "://" not in source:
        return displayable(Path(source).name)
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _opener(source: str) -> Callable[[], Capture]:
    if source.isdecimal():
        return lambda: _opened(cv2.VideoCapture(int(source)), source)
    scheme, separator, _ = source.partition("://")
    if not separator:
        return lambda: open_video(source)
    if scheme.lower() not in _STREAMS:
        raise CorrosionError(
            f"camera={shown_source(source)}: give the number of a camera, rtsp://..., or the file "
            f"of a video."
        )
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE]
    return lambda: _opened(cv2.VideoCapture(source, cv2.CAP_FFMPEG, limits), source)


def _opened(capture: cv2.VideoCapture, source: str) -> cv2.VideoCapture:
    if not capture.isOpened():
        raise ImageError(shown_source(source), "it can't be opened")
    return capture
