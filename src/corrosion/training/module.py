"""The LightningModule: loss, optimiser, schedule, and metrics once an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerConfig, OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from corrosion.data.dataset import Batch
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier, Unfreeze
from corrosion.training.epoch_metrics import Predictions, PredictionStore, compute_metrics
from corrosion.training.mixing import BatchMixing, smooth_labels
from corrosion.training.optimiser import lr_factor, parameter_groups

_IN_PROGRESS_BAR = ("val/loss", "val/accuracy")
_EPOCH_SO_FAR = "train_predictions"  # key in checkpoints
_KERAS_ADAM_EPSILON = 1e-7  # the study trained with Keras' defaults


class CorrosionModule(L.LightningModule):
    """Trains a `CorrosionClassifier`; every argument is a plain value kept in the checkpoint.

    Args:
        backbone, dense_units, spatial_dropout, dropout, image_size, resize, threshold, tta: see
            `CorrosionClassifier`; `tta` multiplies the time that validation takes.
        lr: learning rate of the head (and of the backbone, times `backbone_lr_factor`).
        backbone_lr_factor: 0 or more; the backbone's share of `lr`.
        layer_decay: (0, 1]; see `parameter_groups`.
        weight_decay: of the weights themselves, not of the loss (Loshchilov and Hutter, ICLR 2019,
            AdamW); 0 as published.
        unfreeze: which part of the backbone learns: see `CorrosionClassifier.set_trainable`.
        head_epochs: number of first epochs in which only the head learns.
        schedule: "none" as published; "cosine" falls to 0 over the training.
        warmup_epochs: epochs over which the learning rate rises to `lr`; fractions are fine.
        pos_weight: weight of corroded images in the loss; None counts all images alike.
        label_smoothing: [0, 1), of the training's loss: see `smooth_labels`.
        mixup, cutmix: 0 or more, in training: see `BatchMixing`.
        ema: decay of the average of the weights (`AveragedWeights`), 0 for none; for the record.
        compile: compile the network with `torch.compile`.
        weights: what the training started from (`LoadedWeights.as_dict`), kept for the record.
        shortcut: share of the corroded training images that carry a planted mark, kept likewise.

    Batches are `corrosion.data.dataset.Batch`: image uint8 (N, 3, H, W), label float32 (N,),
    index int64 (N,).
    """

    def __init__(
        self,
        backbone: str = "mobilenetv2",
        *,
        dense_units: int = 192,
        spatial_dropout: float = 0.0,
        dropout: float = 0.0,
        image_size: int = 224,
        resize: str = "pad",
        threshold: float = 0.5,
        tta: str = "none",
        lr: float = 1e-4,
        backbone_lr_factor: float = 1.0,
        layer_decay: float = 1.0,
        weight_decay: float = 0.0,
        unfreeze: Unfreeze = "all",
        head_epochs: int = 0,
        schedule: Literal["none", "cosine"] = "none",
        warmup_epochs: float = 0,
        pos_weight: float | None = None,
        label_smoothing: float = 0.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        ema: float | None = 0.0,
        compile: bool = False,  # noqa: A002 -- the name users know from torch
        weights: Mapping[str, str | None] | None = None,
        shortcut: float = 0,
    ) -> None:
        super().__init__()
        if schedule not in ("none", "cosine"):
            raise CorrosionError(f"model.schedule={schedule!r}: choose none or cosine.")
        if not (lr > 0 and backbone_lr_factor >= 0 and weight_decay >= 0):
            raise CorrosionError(
                f"model.lr={lr} must be above 0, model.backbone_lr_factor={backbone_lr_factor} "
                f"and model.weight_decay={weight_decay} at least 0."
            )
        if not 0 < layer_decay <= 1:
            raise CorrosionError(f"model.layer_decay={layer_decay}: must lie in (0, 1].")
        if not 0 <= label_smoothing < 1:
            raise CorrosionError(f"model.label_smoothing={label_smoothing}: must lie in [0, 1).")
        self.save_hyperparameters()
        self.network = CorrosionClassifier(
            backbone,
            dense_units=dense_units,
            spatial_dropout=spatial_dropout,
            dropout=dropout,
            image_size=image_size,
            resize=resize,
            threshold=threshold,
            tta=tta,
        ).to(memory_format=torch.channels_last)
        self.network.set_trainable(unfreeze)
        if compile:
            self.network.compile()  # in place: keys of the state dict stay as they are
        self._mixing = BatchMixing(mixup=mixup, cutmix=cutmix)
        self.train_predictions = PredictionStore()
        self.val_predictions = PredictionStore()
        self.test_predictions = PredictionStore()
        self.validated: Predictions | None = None
        self.tested: Predictions | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N,) from images (N, 3, H, W)."""
        return self.network(images)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the predictions of an epoch that is not finished."""
        if self.train_predictions.update_called:
            checkpoint[_EPOCH_SO_FAR] = self.train_predictions.compute()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the predictions of an epoch that is not finished."""
        self.train_predictions.restore(checkpoint.get(_EPOCH_SO_FAR))

    def on_train_start(self) -> None:
        """As at an epoch's start, for a run that goes on within one."""
        self._set_trainable()

    def on_train_epoch_start(self) -> None:
        """Hold the backbone still while the head warms up."""
        self._set_trainable()

    def _set_trainable(self) -> None:
        warming_up = self.current_epoch < self.hparams["head_epochs"]
        self.network.set_trainable("none" if warming_up else self.hparams["unfreeze"])

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Mean loss of a batch."""
        images, shares = self._mixing(batch.image, batch.label)
        targets = smooth_labels(shares, self.hparams["label_smoothing"])
        logits = self(images)
        losses = self._losses(logits, targets)
        # a mixed image counts as what most of it is
        self.train_predictions.update(logits, (shares > 0.5).float(), losses, batch.index)
        return losses.mean()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Collect the predictions of a batch."""
        self._predict(batch, self.val_predictions)

    def test_step(self, batch: Batch, batch_index: int) -> None:
        """Collect the predictions of a batch."""
        self._predict(batch, self.test_predictions)

    def _predict(self, batch: Batch, store: PredictionStore) -> None:
        logits = self.network.predict_logits(batch.image)
        store.update(logits, batch.label, self._losses(logits, batch.label), batch.index)

    def _losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Losses (N,) float32 of logits (N,) for targets (N,) in [0, 1]."""
        weight = self.hparams["pos_weight"]
        return F.binary_cross_entropy_with_logits(
            logits.float(),
            targets,
            reduction="none",
            pos_weight=None if weight is None else logits.new_tensor(weight, dtype=torch.float32),
        )

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of training (augmented and mixed, with dropout) and of validation.

        The latter's predictions are kept in `validated`. Those of training wait for the validation
        that ends the epoch, so that callbacks and loggers see both at once.
        """
        if self.trainer.state.fn == TrainerFn.FITTING:
            self._log_epoch("train", self.train_predictions)
        self.validated = self._log_epoch("val", self.val_predictions)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test set and keep its predictions in `tested`."""
        self.tested = self._log_epoch("test", self.test_predictions)

    def _log_epoch(self, stage: str, store: PredictionStore) -> Predictions:
        predictions = store.predictions()
        store.reset()
        metrics = compute_metrics(
            predictions.probability(self.network.temperature),
            predictions.label,
            threshold=self.hparams["threshold"],
        )
        metrics["loss"] = float(predictions.loss.mean())
        # every process has all predictions: the numbers agree, there is nothing to reduce
        for name, value in metrics.items():
            key = f"{stage}/{name}"
            self.log(key, value, prog_bar=key in _IN_PROGRESS_BAR)
        return predictions

    def configure_optimizers(self) -> OptimizerConfig | OptimizerLRSchedulerConfig:
        """AdamW, which without weight decay is Adam, fused; the schedule by step."""
        hparams = self.hparams
        optimizer = torch.optim.AdamW(
            parameter_groups(
                self.network,
                lr=hparams["lr"],
                backbone_lr_factor=hparams["backbone_lr_factor"],
                layer_decay=hparams["layer_decay"],
            ),
            weight_decay=hparams["weight_decay"],
            eps=_KERAS_ADAM_EPSILON,
            fused=self.trainer.gradient_clip_val is None,  # AMP can't clip for a fused optimiser
        )
        if hparams["schedule"] == "none" and not hparams["warmup_epochs"]:
            return {"optimizer": optimizer}
        steps = int(self.trainer.estimated_stepping_batches)
        warmup = round(hparams["warmup_epochs"] * steps / self.trainer.max_epochs)
        factor = partial(lr_factor, schedule=hparams["schedule"], steps=steps, warmup=warmup)
        scheduler = LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }
