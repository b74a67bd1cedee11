"""Photographs of several requests through the network at once, by one thread."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from corrosion.data.image_reader import ImageInput
from corrosion.prediction.outputs import Look, Output

log = logging.getLogger(__name__)

_Waiting = tuple[ImageInput, "Future[Output]"]


class Batcher:
    """Runs a network over what is submitted, in batches.

    The first photograph of a batch waits a moment for others; a full batch waits for nothing. How
    many may wait is the caller's to bound.

    Args:
        look: the network.
        batch_size: photographs at once, at least 1.
        wait: seconds that the first one of a batch waits at the most, at least 0.
        seen: is told the size of every batch, by the batcher's thread.

    Example:
        >>> def look(images):
        ...     return [Output(image, probability=0.5) for image in images]
        >>> batcher = Batcher(look, batch_size=8, wait=0.01)
        >>> batcher.submit(ImageInput(0, 0, True, "a.jpg")).result().probability
        0.5
        >>> batcher.close()
    """

    def __init__(
        self,
        look: Look,
        *,
        batch_size: int,
        wait: float,
        seen: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._look = look
        self._batch_size = batch_size
        self._wait = wait
        self._seen = seen
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self._thread.start()

    def submit(self, image: ImageInput) -> Future[Output]:
        """Have the network look at an input; a future that is cancelled in time is left out."""
        future: Future[Output] = Future()
        self._queue.put((image, future))
        return future

    def close(self) -> None:
        """Answer what was submitted, then stop the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            wanted = [one for one in batch if one[1].set_running_or_notify_cancel()]
            if wanted:
                self._run(wanted)

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        """The next batch, and whether others may follow."""
        first = self._queue.get()
        if first is None:
            return [], False
        batch = [first]
        deadline = time.monotonic() + self._wait
        while len(batch) < self._batch_size:
            try:
                one = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if one is None:
                return batch, False
            batch.append(one)
        return batch, True

    def _run(self, batch: Sequence[_Waiting]) -> None:
        images, futures = zip(*batch, strict=True)
        self._seen(len(images))
        try:
            outputs = self._look(images)
        except Exception as error:
            log.exception("The network fails for any photograph.")
            for future in futures:
                future.set_exception(error)
            return
        for future, output in zip(futures, outputs, strict=True):
            future.set_result(output)
