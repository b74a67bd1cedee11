"""The LightningModule: loss, optimiser, schedule, and metrics once an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerConfig, OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from corrosion.data.dataset import Batch
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.digest import sign
from corrosion.settings.model import BINARY_CROSS_ENTROPY, ModelSettings, NetworkSettings, Unfreeze
from corrosion.training.epoch_metrics import Predictions, PredictionStore, compute_metrics
from corrosion.training.mixing import BatchMixing, smooth_labels
from corrosion.training.optimiser import lr_factor, parameter_groups

Loss = Callable[[Tensor, Tensor], Tensor]
OwnMetric = Callable[[Tensor, Tensor], Any]

_IN_PROGRESS_BAR = ("val/loss", "val/accuracy")
_EPOCH_SO_FAR = "train_predictions"  # key in checkpoints
_KERAS_ADAM_EPSILON = 1e-7  # the study trained with Keras' defaults


class CorrosionModule(L.LightningModule):
    """Trains a `CorrosionClassifier`; every argument but functions is kept in the checkpoint.

    Batches are `corrosion.data.dataset.Batch`: image uint8 (N, 3, H, W), label float32 (N,),
    index int64 (N,), the row of each image in the records.

    Args:
        backbone: see `ModelSettings`.
        image_size: side of the square input in pixels.
        resize: how photographs become square: see `corrosion.data.resizing.build_resize`.
        loss_function: of logits (N,) float32 and targets (N,) float32 in [0, 1] that gives the
            losses (N,) of a training batch; None is binary cross-entropy.
        metrics: further metrics by name, each a function of probabilities (N,) float32 and labels
            (N,) int64 that gives a number, logged beside ours.
        weights: what the training started from (`LoadedWeights.as_dict`), kept for the record.
        shortcut: share of the corroded training images that carry a planted mark, kept likewise.
        settings: further settings of `ModelSettings` by name: dense_units, dropout, lr,
            weight_decay, unfreeze, ema ...

    Raises:
        CorrosionError: a setting can't be used, or names a loss whose function is not given.

    Example:
        >>> module = CorrosionModule("test_resnet.r160_in1k", image_size=64, lr=1e-3)
        >>> module(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2])
    """

    def __init__(
        self,
        backbone: str = "efficientnet_lite0",
        *,
        image_size: int = 224,
        resize: str = "pad",
        loss_function: Loss | None = None,
        metrics: Mapping[str, OwnMetric] | None = None,
        weights: Mapping[str, str | None] | None = None,
        shortcut: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.settings = ModelSettings.read({"backbone": backbone, **settings})
        if self.settings.loss != BINARY_CROSS_ENTROPY and loss_function is None:
            # never imported by a name that stands in a checkpoint
            raise CorrosionError(
                f"loss={self.settings.loss}: give the function itself, CorrosionModule(..., "
                f"loss_function=...); train.py finds it by extensions=[MODULE]."
            )
        self.save_hyperparameters(
            {
                **_hyperparameters(self.settings),
                "image_size": image_size,
                "resize": resize,
                "weights": weights,
                "shortcut": shortcut,
            }
        )
        self.network = CorrosionClassifier(
            **{name: getattr(self.settings, name) for name in NetworkSettings.model_fields},
            image_size=image_size,
            resize=resize,
        ).to(memory_format=torch.channels_last)
        self._set_trainable(self.settings.unfreeze)
        if self.settings.compile:
            self.network.compile()  # in place: keys of the state dict stay as they are
        self._own_loss = loss_function
        self._own_metrics = dict(metrics or {})
        self._mixing = BatchMixing(mixup=self.settings.mixup, cutmix=self.settings.cutmix)
        self.train_predictions = PredictionStore()
        self.val_predictions = PredictionStore()
        self.test_predictions = PredictionStore()
        self.validated: Predictions | None = None
        self.tested: Predictions | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N,) from images (N, 3, H, W)."""
        return self.network(images)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the predictions of an epoch that is not finished, and the digest.

        Lightning calls this last, when callbacks have put in averaged weights.
        """
        if self.train_predictions.update_called:
            checkpoint[_EPOCH_SO_FAR] = self.train_predictions.compute()
        sign(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the predictions of an epoch that is not finished."""
        self.train_predictions.restore(checkpoint.get(_EPOCH_SO_FAR))

    def on_train_start(self) -> None:
        """As at an epoch's start, for a run that goes on within one."""
        self._warm_up()

    def on_train_epoch_start(self) -> None:
        """Hold the backbone still while the head warms up."""
        self._warm_up()

    def _warm_up(self) -> None:
        warming_up = self.current_epoch < self.settings.head_epochs
        self._set_trainable("none" if warming_up else self.settings.unfreeze)

    def _set_trainable(self, unfreeze: Unfreeze) -> None:
        self.network.set_trainable(unfreeze, freeze_batch_norm=self.settings.freeze_batch_norm)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Mean loss of a batch."""
        images, shares = self._mixing(batch.image, batch.label)
        targets = smooth_labels(shares, self.settings.label_smoothing)
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
        logits, distances, _ = self.network.answers(batch.image)
        losses = self._losses(logits, batch.label)
        store.update(logits, batch.label, losses, batch.index, distances)

    def _losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Losses (N,) float32 of logits (N,) for targets (N,) in [0, 1]."""
        if self._own_loss is not None:
            return self._own_loss(logits.float(), targets)
        weight = self.hparams["pos_weight"]
        return F.binary_cross_entropy_with_logits(
            logits.float(),
            targets,
            reduction="none",
            pos_weight=None if weight is None else logits.new_tensor(weight, dtype=torch.float32),
        )

    def setup(self, stage: str) -> None:
        """Weigh the classes by their numbers, if the data tell them.

        Raises:
            CorrosionError: `pos_weight` is "balanced" and the data module has no `counts`.
        """
        if self.hparams["pos_weight"] != "balanced" or stage != "fit":
            return
        counts = getattr(getattr(self.trainer, "datamodule", None), "counts", None)
        if counts is None:
            raise CorrosionError(
                "pos_weight=balanced needs a CorrosionDataModule in the Trainer: or give a number."
            )
        self.hparams["pos_weight"] = counts["train"]["no_corrosion"] / counts["train"]["corrosion"]

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of training (augmented and mixed, with dropout) and of validation.

        The latter's predictions are kept in `validated`. Those of training wait for the validation
        that ends the epoch, so that callbacks and loggers see both at once.
        """
        if self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking:
            self._log_epoch("train", self.train_predictions)
            # Lightning's loggers would count from 0, unlike all else that a run writes
            self.log("epoch", float(self.current_epoch + 1))
        self.validated = self._log_epoch("val", self.val_predictions)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test set and keep its predictions in `tested`."""
        self.tested = self._log_epoch("test", self.test_predictions)

    def _log_epoch(self, stage: str, store: PredictionStore) -> Predictions:
        predictions = store.predictions()
        store.reset()
        # every process has all predictions: the numbers agree, there is nothing to reduce
        for name, value in self.metrics(predictions).items():
            key = f"{stage}/{name}"
            self.log(key, value, prog_bar=key in _IN_PROGRESS_BAR)
        return predictions

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """All metrics that are logged, of the predictions for some images: ours, loss, the user's.

        Probabilities are those of the network's temperature.
        """
        probability = predictions.probability(self.network.temperature)
        label = predictions.label
        return {
            **compute_metrics(probability, label, threshold=self.settings.threshold),
            "loss": float(predictions.loss.mean()),
            **{name: float(own(probability, label)) for name, own in self._own_metrics.items()},
        }

    def predictions(
        self, logits: Tensor, labels: Tensor, distances: Tensor | None = None
    ) -> Predictions:
        """Predictions from the logits of images that are numbered from 0.

        Args:
            logits: (N,) float.
            labels: (N,) float, 0 or 1.
            distances: (N,) float, distance of each to the training images; None for unknown.
        """
        losses = self._losses(logits, labels).float()
        index = torch.arange(len(logits))
        return Predictions(index, logits.float(), labels.long(), losses, distances)

    def configure_optimizers(self) -> OptimizerConfig | OptimizerLRSchedulerConfig:
        """AdamW, which without weight decay is Adam, fused; the schedule by step."""
        settings = self.settings
        optimizer = torch.optim.AdamW(
            parameter_groups(
                self.network,
                lr=settings.lr,
                backbone_lr_factor=settings.backbone_lr_factor,
                layer_decay=settings.layer_decay,
            ),
            weight_decay=settings.weight_decay,
            eps=_KERAS_ADAM_EPSILON,
            fused=self.trainer.gradient_clip_val is None,  # AMP can't clip for a fused optimiser
        )
        if settings.schedule == "none" and not settings.warmup_epochs:
            return {"optimizer": optimizer}
        steps = int(self.trainer.estimated_stepping_batches)
        warmup = round(settings.warmup_epochs * steps / self._epochs())
        factor = partial(lr_factor, schedule=settings.schedule, steps=steps, warmup=warmup)
        scheduler = LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _epochs(self) -> int:
        """Epochs of the whole training, to tell how many steps a warm-up takes."""
        if not self.trainer.max_epochs or self.trainer.max_epochs < 0:
            raise CorrosionError(
                "schedule and warmup_epochs need the length of the training: give max_epochs."
            )
        return self.trainer.max_epochs


def _hyperparameters(settings: ModelSettings) -> dict[str, Any]:
    """What a checkpoint keeps: settings that shape the network and its training from then on."""
    before = {"name", "weights", "from_random", "epochs"}  # tell how a training is started
    return {name: value for name, value in settings.plain().items() if name not in before}
