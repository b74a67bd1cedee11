"""One process of a run, as Lightning's distributed prediction calls it.

One GPU, several, or several machines: every process predicts its share of the files and writes its
own journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import BasePredictionWriter

from corrosion.data.image_reader import ImageInput, ImageReader, Item, batched
from corrosion.data.video import count_frames, is_video
from corrosion.evaluation.decisions import Rule
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.batches import Output, predict_batch
from corrosion.prediction.journal import Journal, Row
from corrosion.prediction.mask_files import mask_files
from corrosion.prediction.output_folder import OutputFolder
from corrosion.prediction.rendering import Renderer
from corrosion.prediction.tiled import TileViewer
from corrosion.system.progress import progress


class Predictor(L.LightningModule):
    """Reads a process's share of the files and runs the network over it.

    Args:
        network: the network, of which every process has a copy.
        folder: the folder of the run.
        reader: makes inputs of files.
        batch_size: inputs at once through the network.
        explain: make class activation maps too.
        fine: make fine ones.
        masks: rule by which corrosion is detected, if masks of rust are wanted; None if not.
        tiles: looks at photographs in tiles; None if they are not wanted.
    """

    def __init__(
        self,
        network: CorrosionClassifier,
        folder: OutputFolder,
        reader: ImageReader,
        *,
        batch_size: int,
        explain: bool,
        fine: bool = False,
        masks: Rule | None = None,
        tiles: TileViewer | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._folder = folder
        self._reader = reader
        self._batch_size = batch_size
        self._explain = explain
        self._fine = fine
        self._masks = masks
        self._tiles = tiles

    def predict_dataloader(self) -> Iterator[tuple[ImageInput, ...]]:
        """Batches of every n-th of the remaining files, for n processes."""
        rank, processes = self.trainer.global_rank, self.trainer.world_size
        items = self._folder.remaining()[rank::processes]
        inputs: Iterable[ImageInput] = self._reader.inputs(items)
        if rank == 0:
            name = "predicting" if processes == 1 else f"predicting, process 1 of {processes}"
            inputs = progress(inputs, name, total=sum(map(self._count, items)))
        return batched(inputs, self._batch_size)

    def _count(self, item: Item) -> int:
        if not is_video(item.path):
            return 1
        return max(1, count_frames(item.path, every=self._reader.every) - item.done)

    def transfer_batch_to_device(
        self, batch: Sequence[ImageInput], device: torch.device, dataloader_idx: int
    ) -> Sequence[ImageInput]:
        """Leave inputs where they are: `predict_batch` moves their pixels."""
        return batch

    def predict_step(self, batch: Sequence[ImageInput], batch_idx: int) -> list[Output]:
        """What the network says of a batch."""
        return predict_batch(
            self.network,
            batch,
            explain=self._explain,
            fine=self._fine,
            masks=self._masks,
            tiles=self._tiles,
        )


class RowWriter(BasePredictionWriter):
    """Writes the rows of one process to its journal.

    Args:
        folder: the folder of the run.
        renderer: draws images and makes their rows.
        threads: number of threads that draw, at least 1.
        waiting: largest number of rows drawn ahead of the journal; batches wait for the oldest
            then.
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
        super().__init__("batch")
        self._paths = paths
        self._mask_files: list[str] = []
        self._folder = folder
        self._renderer = renderer
        self._pool = ThreadPoolExecutor(threads, "draw")
        self._waiting = waiting
        self._pending: deque[Future[Row]] = deque()
        self._journal: Journal | None = None

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the journal, and name the masks: all processes alike."""
        if self._renderer.masks is not None:
            self._mask_files = mask_files(self._paths, self._folder.files())
        self._journal = Journal(
            self._folder.progress, attempt=self._folder.attempt, rank=trainer.global_rank
        )

    def write_on_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        prediction: Sequence[Output],
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Draw a batch and write the rows that are ready."""
        self._pending += [
            self._pool.submit(self._renderer.render, output, self._mask_file(output.image))
            for output in prediction
        ]
        self._write(at_most=self._waiting)

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write all rows and wait for the other processes."""
        self._write(at_most=0)
        trainer.strategy.barrier("rows are written")

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Stop drawing, also after an error."""
        self._pool.shutdown(cancel_futures=True)
        if self._journal is not None:
            self._journal.close()

    def _mask_file(self, image: ImageInput) -> str:
        return self._mask_files[image.item] if self._mask_files else ""

    def _write(self, *, at_most: int) -> None:
        """Write rows in order until at most so many are left, and those that are ready anyway."""
        assert self._journal is not None
        ready: list[Row] = []
        try:
            while self._pending and (len(self._pending) > at_most or self._pending[0].done()):
                ready.append(self._pending.popleft().result())
        finally:  # a full disk loses none that are ready
            self._journal.append(ready)
