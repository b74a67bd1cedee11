"""Frames of a video at even intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.file_kinds import VIDEO_SUFFIXES
from corrosion.data.images import ImageError, regular_size
from corrosion.system.names import escaped, on_disk
from corrosion.system.place_names import is_elsewhere

# FFmpeg goes by the content, and a list of other files (ffconcat, m3u8) would have it open these
_CONTAINERS = (
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    *((4, box) for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),  # MP4, MOV
    (0, b"\x30\x26\xb2\x75"),  # ASF, WMV
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (0, b"\x00\x00\x01\xb3"),  # MPEG video
    (0, b"\x47"),  # MPEG transport stream
    (4, b"\x47"),  # the same with times, as camcorders write it
)

_MISSING = 0.1  # share of frames that a header may promise too many: many only estimate
_TICK = 1e-6  # seconds; times of frames are rounded


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        number: counted from 0 over all frames of the video.
        time: seconds from the start.
        image: (H, W, 3) uint8 RGB, upright.
    """

    number: int
    time: float
    image: NDArray[np.uint8]


def is_video(path: str | Path) -> bool:
    """Whether a file's name says that it is a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def read_frames(path: str | Path, *, every: float, skip: int = 0) -> Iterator[Frame]:
    """The first frame of a video, then the first one in each further `every` seconds.

    Args:
        path: path of a file that OpenCV's FFmpeg can decode.
        every: seconds between frames, 0 for every frame.
        skip: number of these frames that are left out, from the first.

    Yields:
        The frames in order, one at a time in memory.

    Raises:
        ImageError: naming the file, if it can't be read, or if it ends long before its header says.
    """
    video = open_video(path)
    try:
        promised = video.get(cv2.CAP_PROP_FRAME_COUNT)
        rate = video.get(cv2.CAP_PROP_FPS)
        number, due = 0, 0.0
        while video.grab():
            time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if time <= 0 and rate > 0:  # a container without times
                time = number / rate
            if time >= due - _TICK:
                # the next multiple of `every`, even after a gap in the video
                due = (math.floor((time + _TICK) / every) + 1) * every if every else 0.0
                if skip:
                    skip -= 1
                else:
                    yield Frame(number, time, _retrieve(path, video))
            number += 1
        if not number or number < (1 - _MISSING) * promised:
            raise ImageError(path, f"damaged: the video ends after {number} frames")
    finally:
        video.release()


def count_frames(path: str | Path, *, every: float) -> int:
    """About how many frames `read_frames` gives, as the header says; 1 where it doesn't, and for
    videos elsewhere, which would have to be fetched for it."""
    if is_elsewhere(path):
        return 1
    try:
        video = open_video(path)
    except ImageError:
        return 1
    frames, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    video.release()
    if not (math.isfinite(frames) and frames >= 1 and rate > 0):
        return 1
    return int(min(frames, math.ceil(frames / rate / every))) if every else int(frames)


def open_video(path: str | Path) -> cv2.VideoCapture:
    """Open a video whose content says that it is one.

    Raises:
        ImageError: the file is missing, no video, or a list of other files.
    """
    regular_size(path)
    try:
        with on_disk(path).open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise ImageError(path, error.strerror or str(error)) from error
    if not any(head[start:].startswith(magic) for start, magic in _CONTAINERS):
        raise ImageError(path, "no video of a known kind")
    with _named_in_utf8(on_disk(path)) as name:
        video = cv2.VideoCapture(name)
    if not video.isOpened():
        raise ImageError(path, "no video that OpenCV can read")
    return video


@contextmanager
def _named_in_utf8(path: Path) -> Iterator[str]:
    """A name of a file that OpenCV takes, which knows UTF-8 alone."""
    text = str(path)
    if escaped(text) == text:
        yield text
        return
    with TemporaryDirectory() as folder:
        link = Path(folder) / "video"
        link.symlink_to(path.absolute())
        yield str(link)


def _retrieve(path: str | Path, video: cv2.VideoCapture) -> NDArray[np.uint8]:
    read, pixels = video.retrieve()
    if not read:
        raise ImageError(path, "damaged: a frame can't be decoded")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
