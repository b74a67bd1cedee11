"""An exponential moving average of the weights, which validation, checkpoints and tests use."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from corrosion.errors import CorrosionError


class AveragedWeights(WeightAveraging):
    """Lightning's weight averaging, exponential, with a warm-up of its decay.

    At its n-th step the average keeps min(decay, (1 + n) / (10 + n)) of itself, as
    TensorFlow's ExponentialMovingAverage does: in a training of a few hundred steps a constant
    decay would mostly remember the first weights. Statistics of batch normalisation are averaged
    alike. Checkpoints hold the average as `state_dict` and what a resumed training needs beside it.

    Args:
        decay: share of itself that the average keeps at every step, (0, 1).

    Raises:
        CorrosionError: another value.

    Example:
        >>> trainer = L.Trainer(callbacks=[AveragedWeights(0.999)], logger=False)
    """

    def __init__(self, decay: float) -> None:
        if not 0 < decay < 1:
            raise CorrosionError(f"decay={decay}: give a number above 0 and below 1.")
        super().__init__(multi_avg_fn=self._average)
        self._decay = decay

    @torch.no_grad()
    def _average(self, averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        if averaged[0].is_floating_point():
            kept = min(self._decay, (1 + int(count)) / (10 + int(count)))
            torch._foreach_lerp_(averaged, current, 1 - kept)
        else:  # batch normalisation's counts of batches
            torch._foreach_copy_(averaged, current)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Keep the average where the module will be: at this point it is not there yet."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take over a training's state; validation and test need none, where Lightning warns."""
        if self._average_model is not None:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Forget the average, which the module now has.

        Lightning would swap it in again while `Trainer.validate` looks at another checkpoint.
        """
        self._average_model = None
