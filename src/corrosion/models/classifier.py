"""The network: a backbone and the study's head, from RGB pixels to one logit an image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray
from torch import Tensor, nn

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.models.backbones import create_backbone, feature_map, input_statistics, stages
from corrosion.models.batch import image_batch, normalised
from corrosion.models.head import ClassifierHead
from corrosion.models.kind_head import KindHead
from corrosion.models.mask_network import MaskNetwork
from corrosion.models.pooling import pool
from corrosion.models.training_distance import TrainingDistance
from corrosion.models.tta import VIEWS
from corrosion.settings.data import InputSettings
from corrosion.settings.model import NetworkSettings, Pooling, Unfreeze


class Answers(NamedTuple):
    """What a network says of N images.

    Attributes:
        logits: (N,) float, as `CorrosionClassifier.predict_logits` gives them.
        distances: (N,) float32, as `unlike_training` gives them, of the images as they are whatever
            `tta` is; None where there is no `training_distance`.
        kinds: (N, K) float32, logits of `kinds`, likewise; None where there are none.
    """

    logits: Tensor
    distances: Tensor | None
    kinds: Tensor | None


class CorrosionClassifier(nn.Module):
    """Backbone + head; takes pixels as they come from a file, normalises inside.

    Args:
        backbone: a name of `corrosion.models.backbones`.
        dense_units: width of the dense layer, at least 1.
        pooling: how feature maps are pooled: see `corrosion.models.pooling.pool`.
        spatial_dropout: share of channels of the last feature map dropped in training, [0, 1).
        dropout: share of dense units dropped in training, [0, 1).
        image_size: side of the square input the network is trained on.
        resize: how a photograph becomes square: see `corrosion.data.resizing.build_resize`.
        threshold: probability from which an image counts as corroded, (0, 1).
        temperature: probabilities are sigmoid(logit / temperature), above 0 (Guo et al., ICML
            2017); training fits it on validation.
        tta: test-time augmentation: a name of `corrosion.models.tta.VIEWS`, over which
            `predict_logits` and `predict_proba` average.

    Shapes:
        images (N, 3, H, W), RGB, uint8 in [0, 255] or float in [0, 1] -> logits (N,) float.

    Raises:
        CorrosionError: a value is out of its range, or the backbone is unknown.

    Example:
        >>> import torch
        >>> net = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=32)
        >>> net.eval().predict_proba(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape
        torch.Size([2])
    """

    backbone: Any  # a timm model: nn.Module's type doesn't know its methods
    mean: Tensor
    std: Tensor
    classes: tuple[str, str] = CLASSES
    """Names by label: index 1 is the positive class."""
    thresholds: Mapping[str, float]
    """Thresholds chosen on validation, by what they are for; empty before."""
    band: tuple[float, float] | None
    """Probabilities strictly between these go to an inspector; None before it is chosen."""
    training_distance: TrainingDistance | None
    """Tells photographs unlike those of the training; None before it is made."""
    mask_network: MaskNetwork | None
    """Outlines rust as masks have taught it (`corrosion train-masks`); None without masks."""
    kind_head: KindHead | None
    """Tells kinds of corrosion; None where none were learnt."""
    competence: Mapping[str, Any] | None
    """Plain values of `corrosion.evaluation.competence.Competence`; None where they are unknown."""

    def __init__(
        self,
        backbone: str = "efficientnet_lite0",
        *,
        dense_units: int = 192,
        pooling: Pooling = "mean",
        spatial_dropout: float = 0.0,
        dropout: float = 0.0,
        image_size: int = 224,
        resize: str = "pad",
        threshold: float = 0.5,
        temperature: float = 1.0,
        tta: str = "none",
    ) -> None:
        super().__init__()
        NetworkSettings(  # refuses what is out of range
            backbone=backbone,
            dense_units=dense_units,
            pooling=pooling,
            spatial_dropout=spatial_dropout,
            dropout=dropout,
            threshold=threshold,
            tta=tta,  # type: ignore[arg-type]
        )
        InputSettings(image_size=image_size, resize=resize)  # type: ignore[arg-type]
        if not 0 < temperature < math.inf:
            raise CorrosionError(f"temperature={temperature}: give a number above 0.")
        self.image_size = image_size
        self.resize = resize
        self.threshold = threshold
        self.temperature = temperature
        self.tta = tta
        self.thresholds = {}
        self.band = None
        self.training_distance = None
        self.mask_network = None
        self.kind_head = None
        self.competence = None
        self._freeze_batch_norm = False
        self.backbone = create_backbone(backbone, image_size=image_size)
        self.head = ClassifierHead(
            self.backbone.num_features,
            dense_units=dense_units,
            spatial_dropout=spatial_dropout,
            dropout=dropout,
            pooling=pooling,
        )
        mean, std = input_statistics(backbone)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def normalise(self, images: Tensor) -> Tensor:
        """Scale pixels (N, 3, H, W) for the backbone: `corrosion.models.batch.normalised`."""
        return normalised(images, self.mean, self.std)

    def forward_features(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to the last feature map (N, C, h, w), which Grad-CAM explains."""
        features = self.backbone.forward_features(self.normalise(images))
        return feature_map(self.backbone, features)

    def forward_head(self, features: Tensor) -> Tensor:
        """Map a feature map (N, C, h, w) to logits (N,)."""
        return self.head(features)

    def pool(self, features: Tensor) -> Tensor:
        """Map a feature map (N, C, h, w) to pooled features (N, C) float32, as the heads see it."""
        return pool(features.float(), self.head.pooling)

    def forward_pooled(self, pooled: Tensor) -> Tensor:
        """Map pooled features (N, C), as `pool` gives them, to logits (N,)."""
        return self.head.forward_pooled(pooled)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to logits (N,), without temperature; corrosion is positive."""
        return self.forward_head(self.forward_features(images))

    def predict_logits(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to logits (N,), averaged over the views that `tta` names."""
        return self._averaged(self(images), images)

    def _averaged(self, first: Tensor, images: Tensor) -> Tensor:
        """Logits over all views, of which the first are there."""
        views = VIEWS[self.tta]
        return sum((self(view.apply(images)) for view in views[1:]), first) / len(views)

    def answers(self, images: Tensor) -> Answers:
        """Map images (N, 3, H, W) to all that the network says of them, in one pass."""
        if self.training_distance is None and self.kind_head is None:
            return Answers(self.predict_logits(images), None, None)
        features = self.forward_features(images)
        logits = self._averaged(self.forward_head(features), images)
        kinds = self.forward_kinds(features) if self.kinds else None
        return Answers(logits, self.forward_distance(features), kinds)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds of corrosion that it tells apart; empty where it has learnt none."""
        return () if self.kind_head is None else self.kind_head.names

    def forward_kinds(self, features: Tensor) -> Tensor:
        """Map a feature map (N, C, h, w) to logits (N, K) of `kinds`; a softmax of them is what
        `predict_kinds` gives.

        Raises:
            CorrosionError: it has learnt no kinds.
        """
        if self.kind_head is None:
            raise CorrosionError(
                "This network knows no kinds of corrosion: train one with data.kinds=subfolders."
            )
        return self.kind_head(self.pool(features))

    def predict_kinds(self, images: Tensor | NDArray[Any]) -> Tensor:
        """Predict what kind of corrosion images show, if they show any.

        Args:
            images: as for `predict_proba`.

        Returns:
            Probabilities (N, K) float32 of `kinds`, which sum to 1. They say nothing of whether
            there is corrosion, and are of the images as they are, whatever `tta` is.

        Raises:
            CorrosionError: it has learnt no kinds; or as `predict_proba`.
        """
        batch = image_batch(images).to(self.mean.device)
        return self.forward_kinds(self.forward_features(batch)).softmax(dim=1)

    def forward_distance(self, features: Tensor) -> Tensor | None:
        """Map a feature map (N, C, h, w) to distances (N,) as `unlike_training` gives them."""
        if self.training_distance is None:
            return None
        return self.training_distance.of_map(features)

    def unlike_training(self, images: Tensor | NDArray[Any]) -> Tensor:
        """Say how unlike images are to all that the network was trained on.

        Args:
            images: as for `predict_proba`.

        Returns:
            Distance of each to the nearest training photograph over the limit that 95 % of the
            validation photographs keep, (N,) float32, at least 0; above 1 is unlike. See
            `corrosion.models.training_distance`.

        Raises:
            CorrosionError: the checkpoint has no features of training photographs; or as
                `predict_proba`.
        """
        if self.training_distance is None:
            raise CorrosionError(
                "This network has no training_distance: its checkpoint is of an earlier version, "
                "or its training was not finished. Train it again."
            )
        features = self.forward_features(image_batch(images).to(self.mean.device))
        return self.training_distance.of_map(features)

    def predict_proba(self, images: Tensor | NDArray[Any]) -> Tensor:
        """Predict calibrated probabilities of corrosion, (N,) float32 in [0, 1].

        Args:
            images: RGB tensor (N, 3, H, W), or an array of this shape or (N, H, W, 3); uint8 in
                [0, 255] or float in [0, 1]. They are moved to the network's device, not resized.

        Raises:
            CorrosionError: the images are neither tensor nor array, have another shape, or are
                floats far from [0, 1].
        """
        batch = image_batch(images).to(self.mean.device)
        return self.calibrated(self.predict_logits(batch))

    def calibrated(self, logits: Tensor) -> Tensor:
        """Map logits of any shape to probabilities of corrosion, float32 in [0, 1]."""
        return (logits.float() / self.temperature).sigmoid()

    def set_trainable(self, unfreeze: Unfreeze, *, freeze_batch_norm: bool = False) -> None:
        """Choose which part of the backbone learns; the head always does.

        Args:
            unfreeze: "all", "none" (the head alone learns), or the number of last stages that
                learn.
            freeze_batch_norm: whether batch normalisation keeps its statistics everywhere, not
                only in what does not learn.

        Raises:
            CorrosionError: `unfreeze` is none of these, or more stages than the backbone has.
        """
        groups = stages(self.backbone)
        last = {"all": len(groups), "none": 0}.get(str(unfreeze), unfreeze)
        if not isinstance(last, int) or isinstance(last, bool) or not 0 <= last <= len(groups):
            raise CorrosionError(
                f"unfreeze={unfreeze}: give all, none, or a number of last stages from 0 to "
                f"{len(groups)} (this backbone's count)."
            )
        learning = {name for group in groups[len(groups) - last :] for name in group}
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad_(name in learning)
        self._freeze_batch_norm = freeze_batch_norm
        self.train(self.training)

    def train(self, mode: bool = True) -> CorrosionClassifier:
        """Set the mode, keeping frozen batch normalisation in evaluation mode.

        `nn.Module.train` alone would let frozen layers update their running statistics.
        """
        super().train(mode)
        for module in self.backbone.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                learns = [parameter.requires_grad for parameter in module.parameters()]
                if self._freeze_batch_norm or (learns and not any(learns)):
                    module.eval()
        return self
