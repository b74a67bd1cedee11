"""One process of a run, as Lightning's distributed prediction calls it.

One GPU, several, or several machines: every process predicts its share of the files and writes its
own journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import BasePredictionWriter

from corrosion.data.image_reader import ImageInput
from corrosion.evaluation.decisions import Rule
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.batches import predict_batch
from corrosion.prediction.outputs import Look, Output
from corrosion.prediction.share import RowWriter, Share
from corrosion.prediction.tiled import TileViewer


class Predictor(L.LightningModule):
    """Reads a process's share of the files and runs the network over it.

    Args:
        network: the network, of which every process has a copy.
        share: what is read.
        explain: make class activation maps too.
        fine: make fine ones.
        masks: rule by which corrosion is detected, if masks of rust are wanted; None if not.
        tiles: looks at photographs in tiles; None if they are not wanted.
    """

    def __init__(
        self,
        network: CorrosionClassifier,
        share: Share,
        *,
        explain: bool,
        fine: bool = False,
        masks: Rule | None = None,
        tiles: TileViewer | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._share = share
        self._look: Look = partial(
            predict_batch, network, explain=explain, fine=fine, masks=masks, tiles=tiles
        )

    def predict_dataloader(self) -> Iterator[tuple[ImageInput, ...]]:
        """Batches of every n-th of the remaining files, for n processes."""
        return self._share.batches(self.trainer.global_rank, self.trainer.world_size)

    def transfer_batch_to_device(
        self, batch: Sequence[ImageInput], device: torch.device, dataloader_idx: int
    ) -> Sequence[ImageInput]:
        """Leave inputs where they are: `predict_batch` moves their pixels."""
        return batch

    def predict_step(self, batch: Sequence[ImageInput], batch_idx: int) -> list[Output]:
        """What the network says of a batch."""
        return self._look(batch)


class RowCallback(BasePredictionWriter):
    """Has the rows of one process written.

    Args:
        writer: writes them.
    """

    def __init__(self, writer: RowWriter) -> None:
        super().__init__("batch")
        self._writer = writer

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the journal of this process."""
        self._writer.begin(trainer.global_rank)

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
        self._writer.add(prediction)

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write all rows and wait for the other processes."""
        self._writer.finish()
        trainer.strategy.barrier("rows are written")

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Stop drawing, also after an error."""
        self._writer.close()
