"""The share of a run over files that one process works on: batches in, rows of its journal out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from corrosion.data.image_reader import IN_FLIGHT, ImageInput, ImageReader, Item, batched
from corrosion.data.video import count_frames, is_video
from corrosion.prediction.journal import Journal, Row
from corrosion.prediction.mask_files import mask_files
from corrosion.prediction.output_folder import OutputFolder
from corrosion.prediction.outputs import Output
from corrosion.prediction.rendering import Renderer
from corrosion.system.progress import progress


@dataclass(frozen=True)
class Share:
    """What a process reads.

    Attributes:
        folder: the folder of the run.
        reader: makes inputs of files.
        batch_size: inputs at once through the network.
    """

    folder: OutputFolder
    reader: ImageReader
    batch_size: int

    def batches(self, rank: int = 0, processes: int = 1) -> Iterator[tuple[ImageInput, ...]]:
        """Batches of every n-th of the remaining files, for n processes."""
        items = self.folder.remaining()[rank::processes]
        inputs: Iterable[ImageInput] = self.reader.inputs(items)
        if rank == 0:
            name = "predicting" if processes == 1 else f"predicting, process 1 of {processes}"
            inputs = progress(inputs, name, total=sum(map(self._count, items)))
        return batched(inputs, self.batch_size)

    def _count(self, item: Item) -> int:
        if not is_video(item.path):
            return 1
        return max(1, count_frames(item.path, every=self.reader.every) - item.done)


class RowWriter:
    """Draws what was predicted in threads, and writes the rows of one process to its journal.

    Args:
        folder: the folder of the run.
        renderer: draws images and makes their rows.
        threads: number of threads that draw, at least 1.
        waiting: largest number of rows drawn ahead of the journal; batches wait for the oldest
            then, and where the pixels of those that wait take more than `IN_FLIGHT`.
        paths: what was given to be predicted; masks are called after it.
    """

    def __init__(
        self,
        folder: OutputFolder,
        renderer: Renderer,
        *,
        threads: int,
        waiting: int,
        paths: Sequence[str | Path],
    ) -> None:
        self._paths = paths
        self._mask_files: list[str] = []
        self._folder = folder
        self._renderer = renderer
        self._pool = ThreadPoolExecutor(threads, "draw")
        self._waiting = waiting
        self._pending: deque[tuple[Future[Row], int]] = deque()  # with the bytes of its input
        self._bytes = 0
        self._journal: Journal | None = None

    def begin(self, rank: int = 0) -> None:
        """Open the journal of a process, and name the masks: all processes alike."""
        if self._renderer.masks is not None:
            self._mask_files = mask_files(self._paths, self._folder.files())
        self._journal = Journal(self._folder.progress, attempt=self._folder.attempt, rank=rank)

    def add(self, outputs: Sequence[Output]) -> None:
        """Draw a batch and write the rows that are ready."""
        for output in outputs:
            size = output.image.nbytes
            mask_file = self._mask_file(output.image)
            drawn = self._pool.submit(self._renderer.render, output, mask_file)
            self._pending.append((drawn, size))
            self._bytes += size
        self._write(at_most=self._waiting, of_bytes=IN_FLIGHT)

    def finish(self) -> None:
        """Write all rows."""
        self._write(at_most=0, of_bytes=0)

    def close(self) -> None:
        """Stop drawing, also after an error."""
        self._pool.shutdown(cancel_futures=True)
        if self._journal is not None:
            self._journal.close()

    def _mask_file(self, image: ImageInput) -> str:
        return self._mask_files[image.item] if self._mask_files else ""

    def _write(self, *, at_most: int, of_bytes: int) -> None:
        """Write rows in order until at most so many, of inputs of so many bytes, are left, and
        those that are ready anyway."""
        assert self._journal is not None
        ready: list[Row] = []
        try:
            while self._pending:
                drawn, size = self._pending[0]
                full = len(self._pending) > at_most or self._bytes > of_bytes
                if not full and not drawn.done():
                    break
                self._pending.popleft()
                self._bytes -= size
                ready.append(drawn.result())
        finally:  # a full disk loses none that are ready
            self._journal.append(ready)
