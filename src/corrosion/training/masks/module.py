"""The LightningModule that teaches a mask network, and what its masks are worth."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
import pandas as pd
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerConfig, OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics.functional.classification import (
    binary_average_precision,
    binary_f1_score,
    binary_jaccard_index,
)

from corrosion.explanation.rust_mask import Evidence, JointRust, rust_evidence
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.mask_network import MaskNetwork
from corrosion.training.masks.photographs import MaskedPhotograph

_BACKBONE_SHARE = 0.1  # of the learning rate
_DICE_SHARE = 0.5
_WARM_UP = 0.15
_WEIGHT_DECAY = 0.01


class MaskModule(L.LightningModule):
    """Teaches a `MaskNetwork` by cross-entropy of the pixels and Dice loss of the crops.

    Dice loss (Milletari, Navab & Ahmadi, 3DV 2016) weighs little rust as much as much of it.
    Learning rates rise and fall once (Smith & Topin, 2019, "super-convergence").

    Args:
        network: the network to teach.
        lr: largest learning rate of the decoder, above 0; the backbone's is a tenth.
    """

    def __init__(self, network: MaskNetwork, *, lr: float) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # a step is a quarter faster
        self._lr = lr

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The loss of crops uint8 (N, 3, S, S) with masks float32 (N, S, S)."""
        images, masks = batch
        logits = self.network(images).float()
        loss = mask_loss(logits, masks)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(images))
        return loss

    def configure_optimizers(self) -> OptimizerConfig | OptimizerLRSchedulerConfig:
        """AdamW, with a schedule by steps."""
        backbone = list(self.network.backbone.parameters())
        known = set(map(id, backbone))
        fresh = [one for one in self.network.parameters() if id(one) not in known]
        rates = [self._lr, self._lr * _BACKBONE_SHARE]
        optimizer = torch.optim.AdamW(
            [
                {"params": parameters, "lr": rate}
                for parameters, rate in zip((fresh, backbone), rates, strict=True)
            ],
            weight_decay=_WEIGHT_DECAY,
        )
        steps = max(int(self.trainer.estimated_stepping_batches), 2)
        schedule = OneCycleLR(optimizer, rates, total_steps=steps, pct_start=_WARM_UP)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of the pixels and half the mean Dice loss of the crops.

    Args:
        logits: (N, H, W) float.
        masks: (N, H, W) float, 1 where there is rust, else 0.

    Example:
        >>> mask = torch.zeros(1, 4, 4)
        >>> mask[0, :2] = 1
        >>> right, wrong = mask_loss(40 * mask - 20, mask), mask_loss(20 - 40 * mask, mask)
        >>> round(float(right), 4), bool(wrong > 10)
        (0.0, True)
    """
    probability = logits.sigmoid()
    both = (probability * masks).sum(dim=(1, 2))
    dice = (2 * both + 1) / (probability.sum(dim=(1, 2)) + masks.sum(dim=(1, 2)) + 1)
    return F.binary_cross_entropy_with_logits(logits, masks) + _DICE_SHARE * (1 - dice).mean()


WAYS = ("labels", "alone", "together")
"""Whose masks are judged: the classifier's own, the mask network's, and those of both."""


def judge_masks(
    classifier: CorrosionClassifier, photographs: Sequence[MaskedPhotograph]
) -> pd.DataFrame:
    """What masks of whole photographs are worth.

    Args:
        classifier: classifier in any mode, with a mask network that is not asked alone.
        photographs: photographs that it has not learnt from.

    Returns:
        One row a photograph and way of `WAYS`: path, way, iou, dice and average_precision of its
        pixels, and its rusted_share and true_share.
    """
    rows = []
    for one in photographs:
        both = rust_evidence(classifier, one.image)
        assert isinstance(both, JointRust)
        mask = torch.from_numpy(one.mask).long()
        of_ways: tuple[Evidence, ...] = (both.seen, both.learnt, both)
        for way, found in zip(WAYS, of_ways, strict=True):
            score = torch.from_numpy(found.score(one.image))
            rust = (score > found.cut).long()
            rows.append(
                {
                    "path": str(one.path),
                    "way": way,
                    "iou": float(binary_jaccard_index(rust, mask)),
                    "dice": float(binary_f1_score(rust, mask)),
                    "average_precision": float(binary_average_precision(score, mask)),
                    "rusted_share": float(rust.float().mean()),
                    "true_share": float(mask.float().mean()),
                }
            )
    return pd.DataFrame(rows)
