"""Photographs and frames decoded by threads while the network works on those before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from corrosion.data.file_kinds import LOG_SUFFIXES
from corrosion.data.flight_log import FactsReader, VideoFacts
from corrosion.data.geometry import Window, shrink_to
from corrosion.data.images import (
    ImageError,
    displayed_size,
    file_content,
    read_image,
    reason_of,
)
from corrosion.data.photograph_facts import PhotographFacts
from corrosion.data.places import local_file
from corrosion.data.places.remote import CONNECTIONS
from corrosion.data.resizing import Resize
from corrosion.data.video import Frame, is_video, read_frames
from corrosion.errors import RunEndingError
from corrosion.system.place_names import address_of

T = TypeVar("T")

PREVIEW = 640
"""Longest side of a preview, in pixels: sharp across a telephone."""

IN_FLIGHT = 256 * 2**20
"""Bytes of inputs that wait for their use, or to be drawn, where they are large."""

_PREVIEW_SHORT = 360  # the least short side of a JPEG decoded at reduced scale for a preview


@dataclass(frozen=True, eq=False)
class Item:
    """A file or an image in memory that is to be read.

    Attributes:
        number: its place among all items, from 0.
        path: path of an image, or of a video by its ending; a name of an image in memory.
        done: number of frames of the video that were read earlier and are left out.
        content: an image in memory: the bytes of a file, or pixels (H, W, 3) uint8 RGB; None reads
            the file.
    """

    number: int
    path: str
    done: int = 0
    content: bytes | NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class ImageInput:
    """One photograph or frame, as the network's input.

    Attributes:
        item: the number of its item.
        order: its place within the item: 0, 1, ...
        last: whether no further one comes from this item.
        path: path of the file, or name of the image in memory.
        frame: number of the frame in the video; None for photographs.
        time: seconds from the video's start; None for photographs.
        square: (size, size, 3) uint8 RGB, the network's input; None if it can't be read.
        inner: the photograph's place in the square.
        shape: (height, width) of the whole photograph in pixels, as displayed.
        photograph: (H, W, 3) uint8 RGB of a frame or of an image in memory at full resolution, if
            it was asked for; photographs can be read again.
        preview: (h, w, 3) uint8 RGB, the whole photograph with `PREVIEW` pixels at the most, if it
            was asked for.
        error: why it can't be read.
        facts: what the file knows beside its pixels, if it was asked for and the file is there.
    """

    item: int
    order: int
    last: bool
    path: str
    frame: int | None = None
    time: float | None = None
    square: NDArray[np.uint8] | None = None
    inner: Window | None = None
    shape: tuple[int, int] | None = None
    photograph: NDArray[np.uint8] | None = None
    preview: NDArray[np.uint8] | None = None
    error: str | None = None
    facts: PhotographFacts | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels."""
        kept = (self.square, self.photograph, self.preview)
        return sum(pixels.nbytes for pixels in kept if pixels is not None)


@dataclass(frozen=True)
class ImageReader:
    """Reads photographs and frames as training does.

    Attributes:
        resize: makes the network's input of a photograph.
        every: seconds between the frames of a video, 0 for all.
        keep_frames: keep frames, and images that were given in memory, at full resolution too.
        frame_side: longest side of the frames that are kept; None for as they are.
        threads: number of threads that decode, at least 1.
        ahead: number of inputs decoded ahead of their use, at least 1; fewer of large ones, which
            would take more than `IN_FLIGHT`.
        previews: make a small picture of each whole photograph too.
        facts: reads what files know beside their pixels; None if it is not wanted.

    Example:
        >>> from corrosion.data.resizing import build_resize
        >>> pixels = np.zeros((60, 80, 3), dtype=np.uint8)
        >>> [found] = ImageReader(build_resize(32)).inputs([Item(0, "a", content=pixels)])
        >>> found.square.shape, found.inner
        ((32, 32, 3), Window(top=4, left=0, height=24, width=32))
    """

    resize: Resize
    every: float = 1.0
    keep_frames: bool = False
    frame_side: int | None = None
    threads: int = 1
    ahead: int = 64
    previews: bool = False
    facts: FactsReader | None = None

    def inputs(self, items: Iterable[Item]) -> Iterator[ImageInput]:
        """The photographs and frames of items, in order; what can't be read comes with its error.

        Closing the iterator stops the threads.
        """
        pool = ThreadPoolExecutor(self.threads, "read")
        fetching = ThreadPoolExecutor(CONNECTIONS, "fetch")  # starts threads where it is used
        videos = ThreadPoolExecutor(1, "read-video")  # frames come one after the other
        try:
            pending: deque[Future[ImageInput | None]] = deque()
            most = self.threads + 1  # until it is known how large they are
            for future in self._futures(items, pool, fetching, videos):
                pending.append(future)
                if len(pending) >= min(self.ahead, most):
                    for one in _finished(pending.popleft()):
                        most = max(1, IN_FLIGHT // max(1, one.nbytes))  # the next are like it
                        yield one
            while pending:
                yield from _finished(pending.popleft())
        finally:
            for executor in (fetching, pool, videos):
                executor.shutdown(cancel_futures=True)

    def _futures(
        self,
        items: Iterable[Item],
        pool: ThreadPoolExecutor,
        fetching: ThreadPoolExecutor,
        videos: ThreadPoolExecutor,
    ) -> Iterator[Future[ImageInput | None]]:
        for item in items:
            if item.content is not None or not is_video(item.path):
                if item.content is None and address_of(item.path) is not None:
                    yield fetching.submit(self._fetched, item, pool)
                else:
                    yield pool.submit(self.photograph, item)
                continue
            frames = self._frames(item)
            future = videos.submit(next, frames, None)
            yield future
            while not (future.done() and future.result() is None):
                future = videos.submit(next, frames, None)
                yield future

    def _fetched(self, item: Item, pool: ThreadPoolExecutor) -> ImageInput:
        """A photograph from a network, read while others are decoded.

        The thread waits until its photograph is decoded too: no more than one a connection lie in
        memory, however slowly they are decoded.
        """
        try:
            content = file_content(item.path)
        except ImageError as error:
            return ImageInput(item.number, 0, True, item.path, error=error.reason)
        return pool.submit(self.photograph, replace(item, content=content)).result()

    def photograph(self, item: Item) -> ImageInput:
        """The input of one photograph, read by the caller's thread; an error is its `error`."""
        found = ImageInput(item.number, 0, True, item.path)
        try:
            # what lies on a server can be read again, what was given in memory can't
            keep = self.keep_frames and item.content is not None and not address_of(item.path)
            if isinstance(item.content, np.ndarray):
                found = replace(found, photograph=item.content) if keep else found
                return self._squared(found, item.content, item.content.shape[:2])
            content = file_content(item.path) if item.content is None else item.content
            if self.facts is not None:
                found = replace(found, facts=self.facts.of_photograph(content))
            pixels = read_image(item.path, content=content, min_side=self.resize.image_size)
            shape = displayed_size(item.path, content=content)
            if keep:
                found = replace(found, photograph=read_image(item.path, content=content))
            found = self._squared(found, pixels, shape)
            if self.previews and min(pixels.shape[:2]) < min(_PREVIEW_SHORT, *shape):
                # the network needs less than a person: decode a bit more of a small photograph
                larger = read_image(item.path, content=content, min_side=_PREVIEW_SHORT)
                found = replace(found, preview=shrink_to(larger, PREVIEW))
        except Exception as error:  # whatever one file does must not stop the others
            return replace(found, square=None, error=reason_of(error))
        return found

    def _frames(self, item: Item) -> Iterator[ImageInput]:
        """The frames of a video; each waits for the next one, to know whether it is the last."""
        waiting: ImageInput | None = None
        order = item.done
        facts: VideoFacts | None = None
        try:
            with local_file(item.path, beside=LOG_SUFFIXES) as file:
                facts = None if self.facts is None else self.facts.of_video(file)
                for frame in read_frames(file, every=self.every, skip=item.done):
                    if waiting is not None:
                        yield waiting
                    waiting = self._frame(item, order, frame)
                    if facts is not None:
                        waiting = replace(waiting, facts=facts.at(frame.time))
                    order += 1
        except RunEndingError:
            raise
        except Exception as error:
            if waiting is not None:
                yield waiting
            waiting = ImageInput(item.number, order, True, item.path, error=reason_of(error))
            if facts is not None:
                waiting = replace(waiting, facts=facts.at(None))
        if waiting is not None:
            yield replace(waiting, last=True)

    def _frame(self, item: Item, order: int, frame: Frame) -> ImageInput:
        found = ImageInput(
            item.number,
            order,
            False,
            item.path,
            frame.number,
            frame.time,
            photograph=shrink_to(frame.image, self.frame_side) if self.keep_frames else None,
        )
        return self._squared(found, frame.image, frame.image.shape[:2])

    def _squared(
        self, found: ImageInput, pixels: NDArray[np.uint8], shape: tuple[int, ...]
    ) -> ImageInput:
        height, width = shape
        return replace(
            found,
            preview=shrink_to(pixels, PREVIEW) if self.previews else None,
            square=self.resize(pixels),
            inner=self.resize.place(*pixels.shape[:2]).target,
            shape=(height, width),
        )


def squares(images: Sequence[ImageInput]) -> NDArray[np.uint8]:
    """Readable inputs as an array (N, size, size, 3) uint8.

    Raises:
        ValueError: one of them could not be read.
    """
    found = [one.square for one in images if one.square is not None]
    if len(found) < len(images):
        raise ValueError("an input that could not be read has no pixels")
    return np.stack(found)


def batched(inputs: Iterable[ImageInput], size: int) -> Iterator[tuple[ImageInput, ...]]:
    """Inputs in tuples of `size`, the last one shorter."""
    remaining = iter(inputs)
    while batch := tuple(islice(remaining, size)):
        yield batch


def _finished(future: Future[ImageInput | None]) -> Iterator[ImageInput]:
    found = future.result()
    if found is not None:  # else the video has ended
        yield found
