"""One process of a run, as Lightning's distributed prediction calls it.

One GPU, or several of a machine: every process predicts its share of the files and writes its own
journal. Several machines: `corrosion.prediction.ray_engine`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
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


@dataclass(frozen=True)
class Looking:
    """What is asked of the network of a checkpoint.

    Attributes:
        explain: make class activation maps too.
        fine: make fine ones.
        masks: rule by which corrosion is detected, if masks of rust are wanted; None if not.
        tiles: looks at photographs in tiles; None if they are not wanted.
    """

    explain: bool = False
    fine: bool = False
    masks: Rule | None = None
    tiles: TileViewer | None = None

    def look(self, network: CorrosionClassifier) -> Look:
        """What asks it of a network in evaluation mode."""
        asked = {field.name: getattr(self, field.name) for field in fields(self)}
        return partial(predict_batch, network, **asked)


class Predictor(L.LightningModule):
    """Reads a process's share of the files and runs the network over it.

    Args:
        network: the network, of which every process has a copy.
        share: what is read.
        looking: what is asked of the network.
    """

    def __init__(self, network: CorrosionClassifier, share: Share, looking: Looking) -> None:
        super().__init__()
        self.network = network
        self._share = share
        self._look = looking.look(network)

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
        """Open the journal of this process, which Ctrl-C ends from now on."""
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
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
