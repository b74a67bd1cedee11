"""The network: a backbone and the study's head, from RGB pixels to one logit an image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.models.backbones import create_backbone, feature_map, input_statistics, stages
from corrosion.models.batch import image_batch, normalised
from corrosion.models.mask_network import MaskNetwork
from corrosion.models.training_distance import TrainingDistance
from corrosion.models.tta import VIEWS
from corrosion.settings.data import InputSettings
from corrosion.settings.model import NetworkSettings, Unfreeze


class ClassifierHead(nn.Module):
    """The head of the study (paper, section 2.3), from a feature map to one logit.

    Spatial dropout (whole channels), global average pooling, dense + ReLU, dropout, dense(1).
    The sigmoid is left to the loss and to `CorrosionClassifier.predict_proba`.

    Shapes: (N, C, H, W) float -> (N,) float.

    Example:
        >>> head = ClassifierHead(1280, dense_units=192, spatial_dropout=0.4667, dropout=0.3163)
        >>> head(torch.zeros(2, 1280, 7, 7)).shape
        torch.Size([2])
    """

    def __init__(
        self, in_features: int, *, dense_units: int, spatial_dropout: float, dropout: float
    ) -> None:
        super().__init__()
        self.spatial_dropout = nn.Dropout2d(spatial_dropout)
        self.dense = nn.Linear(in_features, dense_units)
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(dense_units, 1)
        for layer in (self.dense, self.logit):  # Keras' Dense initialisation
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, H, W) to logits (N,)."""
        pooled = self.spatial_dropout(features).mean(dim=(2, 3))
        hidden = self.dropout(torch.relu(self.dense(pooled)))
        return self.logit(hidden).squeeze(1)


class CorrosionClassifier(nn.Module):
    """Backbone + head; takes pixels as they come from a file, normalises inside.

    Args:
        backbone: a name of `corrosion.models.backbones`.
        dense_units: width of the dense layer, at least 1.
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
    competence: Mapping[str, Any] | None
    """Plain values of `corrosion.evaluation.competence.Competence`; None where they are unknown."""

    def __init__(
        self,
        backbone: str = "efficientnet_lite0",
        *,
        dense_units: int = 192,
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
        self.competence = None
        self._freeze_batch_norm = False
        self.backbone = create_backbone(backbone, image_size=image_size)
        self.head = ClassifierHead(
            self.backbone.num_features,
            dense_units=dense_units,
            spatial_dropout=spatial_dropout,
            dropout=dropout,
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

    def forward_pooled(self, pooled: Tensor) -> Tensor:
        """Map pooled features (N, C), the means of feature maps, to logits (N,)."""
        return self.head(pooled[:, :, None, None])

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

    def predict_with_distance(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map images (N, 3, H, W) to what `predict_logits` and `unlike_training` give, in one pass.

        Returns:
            Logits (N,), and distances (N,) of the images as they are, whatever `tta` is; None for
            these where there is no `training_distance`.
        """
        if self.training_distance is None:
            return self.predict_logits(images), None
        features = self.forward_features(images)
        logits = self._averaged(self.forward_head(features), images)
        return logits, self.forward_distance(features)

    def forward_distance(self, features: Tensor) -> Tensor | None:
        """Map a feature map (N, C, h, w) to distances (N,) as `unlike_training` gives them."""
        if self.training_distance is None:
            return None
        return self.training_distance(features.float().mean(dim=(2, 3)))

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
        distance = self.forward_distance(
            self.forward_features(image_batch(images).to(self.mean.device))
        )
        assert distance is not None
        return distance

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
