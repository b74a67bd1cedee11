"""Photographs and frames decoded by threads while the network works on those before."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import Window
from corrosion.data.images import ImageError, read_image
from corrosion.data.transforms import Resize
from corrosion.data.video import Frame, is_video, read_frames


@dataclass(frozen=True)
class Item:
    """A file to predict.

    Attributes:
        number: its place among all files of a run.
        path: an image, or a video by its ending.
        done: frames of the video that an earlier run has predicted.
    """

    number: int
    path: str
    done: int = 0


@dataclass(frozen=True, eq=False)
class Shot:
    """One image to predict: a photograph or a frame.

    Attributes:
        item: the number of its file.
        order: 0, 1, ... within the file.
        last: no further one comes from this file.
        path: of the file.
        frame: number in the video; None for photographs.
        time: seconds from the video's start; None for photographs.
        square: (size, size, 3) uint8 RGB, the network's input; None if it can't be read.
        inner: the photograph's place in the square.
        photograph: (H, W, 3) uint8 RGB of a frame at full resolution, if it was asked for.
        error: why it can't be read.
    """

    item: int
    order: int
    last: bool
    path: str
    frame: int | None = None
    time: float | None = None
    square: NDArray[np.uint8] | None = None
    inner: Window | None = None
    photograph: NDArray[np.uint8] | None = None
    error: str | None = None


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes:
        resize: to the network's input.
        every: seconds between the frames of a video.
        keep_frames: keep frames at full resolution too; photographs can be read again.
        threads: that decode, at least 1.
        ahead: shots decoded ahead of their use, at least 1.
    """

    resize: Resize
    every: float = 1.0
    keep_frames: bool = False
    threads: int = 1
    ahead: int = 64

    def shots(self, items: Iterable[Item]) -> Iterator[Shot]:
        """The photographs and frames of files, in order; what can't be read comes with its error.

        Closing the iterator stops the threads.
        """
        pool = ThreadPoolExecutor(self.threads, "read")
        videos = ThreadPoolExecutor(1, "read-video")  # frames come one after the other
        try:
            pending: deque[Future[Shot | None]] = deque()
            for future in self._futures(items, pool, videos):
                pending.append(future)
                if len(pending) >= self.ahead:
                    yield from _finished(pending.popleft())
            while pending:
                yield from _finished(pending.popleft())
        finally:
            for executor in (pool, videos):
                executor.shutdown(cancel_futures=True)

    def _futures(
        self, items: Iterable[Item], pool: ThreadPoolExecutor, videos: ThreadPoolExecutor
    ) -> Iterator[Future[Shot | None]]:
        for item in items:
            if not is_video(item.path):
                yield pool.submit(self._photograph, item)
                continue
            frames = self._frames(item)
            future = videos.submit(next, frames, None)
            yield future
            while not (future.done() and future.result() is None):
                future = videos.submit(next, frames, None)
                yield future

    def _photograph(self, item: Item) -> Shot:
        shot = Shot(item.number, 0, True, item.path)
        try:
            pixels = read_image(item.path, min_side=self.resize.image_size)
        except ImageError as error:
            return replace(shot, error=error.reason)
        return self._squared(shot, pixels)

    def _frames(self, item: Item) -> Iterator[Shot]:
        """The frames of a video; each waits for the next one, to know whether it is the last."""
        waiting: Shot | None = None
        order = item.done
        try:
            for frame in read_frames(item.path, every=self.every, skip=item.done):
                if waiting is not None:
                    yield waiting
                waiting = self._frame(item, order, frame)
                order += 1
        except ImageError as error:
            if waiting is not None:
                yield waiting
            waiting = Shot(item.number, order, True, item.path, error=error.reason)
        if waiting is not None:
            yield replace(waiting, last=True)

    def _frame(self, item: Item, order: int, frame: Frame) -> Shot:
        shot = Shot(
            item.number,
            order,
            False,
            item.path,
            frame.number,
            frame.time,
            photograph=frame.image if self.keep_frames else None,
        )
        return self._squared(shot, frame.image)

    def _squared(self, shot: Shot, pixels: NDArray[np.uint8]) -> Shot:
        return replace(
            shot,
            square=self.resize(pixels),
            inner=self.resize.place(*pixels.shape[:2]).target,
        )


def batched(shots: Iterable[Shot], size: int) -> Iterator[tuple[Shot, ...]]:
    """Shots in tuples of `size`, the last one shorter."""
    remaining = iter(shots)
    while batch := tuple(islice(remaining, size)):
        yield batch


def displayable(path: str) -> str:
    """A path as text that any file can hold: bytes that are no UTF-8 are written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _finished(future: Future[Shot | None]) -> Iterator[Shot]:
    shot = future.result()
    if shot is not None:  # else the video has ended
        yield shot
