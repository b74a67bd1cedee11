"""What a checkpoint holds: the type and the range of every value, checked before it is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, field_validator
from torch import Tensor

from corrosion.errors import CorrosionError
from corrosion.models.training_distance import MOST_REFERENCES
from corrosion.settings.data import LONGEST_KIND, MOST_KINDS, InputSettings
from corrosion.settings.model import ModelSettings, Pooling
from corrosion.settings.ranges import brief
from corrosion.settings.stored import FirstWeights, StoredValues
from corrosion.settings.types import Probability, Share, Tally

_NEEDED = ("backbone", "dense_units", "image_size", "resize", "threshold")
_NEVER = math.nextafter(1.0, 2.0)  # a threshold that no probability reaches
WAY_OUT = "Copy it again from where it was written, or train again."
"""What to do about a checkpoint whose values can't be used."""


def _tensors(values: Any) -> Any:
    """Tensors by name, none of which says that it is larger than what the file holds."""
    if not isinstance(values, Mapping):
        raise ValueError("give a mapping of names to tensors.")  # noqa: TRY004 -- for pydantic
    for name, value in values.items():
        if not isinstance(name, str) or not _is_dense(value):
            raise ValueError(
                f"{brief(name)} is no dense tensor of real numbers: give a mapping of names to "
                f"such tensors."
            )
    return values


def _features(value: Any) -> Any:
    if not _is_dense(value) or not value.is_floating_point():
        raise ValueError("give a tensor of features.")
    if value.ndim != 2 or not 1 <= len(value) <= MOST_REFERENCES:
        raise ValueError(
            f"a tensor of shape {tuple(value.shape)}: give features (M, C) of 1 to "
            f"{MOST_REFERENCES} training photographs."
        )
    if not value.isfinite().all():
        raise ValueError("a tensor with values that are not finite.")
    return value


def _kind_weights(value: Any) -> Any:
    if not _is_dense(value) or not value.is_floating_point() or not value.isfinite().all():
        raise ValueError("give a tensor of finite weights.")
    return value


def _is_dense(value: Any) -> bool:
    if not isinstance(value, Tensor):
        return False
    if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
        return False
    # of a tensor that repeats itself, a copy would be larger than the file
    stored: int = value.untyped_storage().nbytes()
    return not value.is_complex() and value.numel() * value.element_size() <= stored


def _known_or_not(value: float) -> float:
    if not (math.isnan(value) or 0 <= value <= 1):
        raise ValueError("give a number from 0 to 1, or NaN for unknown.")
    return value


def _scale(value: float) -> float:
    if not value >= 0:  # NaN is not
        raise ValueError("give a number from 0, or infinity.")
    return value


Tensors = Annotated[Any, BeforeValidator(_tensors)]
Features = Annotated[Any, BeforeValidator(_features)]
KindWeights = Annotated[Any, BeforeValidator(_kind_weights)]
KindName = Annotated[str, MinLen(1), MaxLen(LONGEST_KIND)]
Known = Annotated[float, Field(allow_inf_nan=True), AfterValidator(_known_or_not)]
Scale = Annotated[float, Field(allow_inf_nan=True), AfterValidator(_scale)]


class Hyperparameters(ModelSettings, InputSettings):
    """The settings of a network and its training, as a checkpoint keeps them."""

    model_config = ConfigDict(extra="ignore")

    from_random: None = None
    """How a training is started is not kept."""
    weights: FirstWeights | None = None  # type: ignore[assignment]
    """What the training started from."""
    shortcut: Share = 0.0
    """Share of the corroded training images that carry a planted mark."""


class Calibration(StoredValues):
    """What was chosen on the validation set."""

    temperature: Annotated[float, Ge(0.01), Le(100)]
    """Temperature of the probabilities."""
    thresholds: Mapping[str, float]
    """Thresholds for these probabilities, by what each is for."""
    band: Annotated[tuple[Share, Share], Strict(False)]
    """Lowest and highest probability between which an image goes to an inspector."""
    images: Annotated[int, Ge(1)]
    """Number of images of the validation set."""
    band_rule: str = ""
    """What the band was chosen for, in words; empty where it is unknown."""

    @field_validator("thresholds")
    @classmethod
    def _probabilities(cls, values: Mapping[str, float]) -> Mapping[str, float]:
        if not all(0 <= value <= _NEVER for value in values.values()):
            raise ValueError("give thresholds from 0 to 1, or just above 1 for never.")
        return values

    def conflicts(self) -> Iterator[str]:
        """A band whose ends are reversed, which would review nothing."""
        low, high = self.band
        if low > high:
            yield f"{{band}}=[{low},{high}]: give its lower end first."


class StoredDistance(StoredValues):
    """`corrosion.models.training_distance.TrainingDistance`."""

    reference: Features
    """(M, C) float, pooled features of training photographs."""
    limit: Annotated[float, Gt(0), Le(2.01)]
    """Distance from which on photographs count as unlike the training photographs."""
    pooling: Pooling = "mean"
    """How the features were pooled."""


class StoredMasks(StoredValues):
    """`corrosion.models.mask_network.MaskNetwork`."""

    state_dict: Tensors
    """Tensors by name."""
    share_scale: Scale
    """Scale of the intervals of rusted shares."""
    validated: Tally
    """Number of validation photographs."""
    taught_by: Literal["masks", "labels"] = "masks"
    """What it has learnt from."""
    alone: bool = True
    """Whether masks are cut from what it says alone."""


class StoredKindCompetence(StoredValues):
    """`corrosion.evaluation.kind_competence.KindCompetence`."""

    accuracy: Known
    """Share of photographs whose kind was told."""
    low: Known
    """Lower end of its interval."""
    high: Known
    """Upper end of its interval."""
    level: Probability
    """Confidence level of the interval."""
    images: Tally
    """Number of photographs it was measured on."""
    frequent: Annotated[str, MaxLen(LONGEST_KIND)]
    """The most frequent kind among them."""
    share: Known
    """Share of it."""
    p_value: Known
    """Of the difference of the two."""


class StoredKinds(StoredValues):
    """`corrosion.models.kind_head.KindHead`."""

    names: Annotated[tuple[KindName, ...], Strict(False), MinLen(2), MaxLen(MOST_KINDS)]
    """Names of K kinds, all different."""
    weight: KindWeights
    """(K, C) float."""
    bias: KindWeights
    """(K,) float."""
    competence: StoredKindCompetence | None = None
    """How well it tells kinds."""

    def conflicts(self) -> Iterator[str]:
        """A name that is there twice, and weights that are not one row a kind."""
        count = len(self.names)
        if len(set(self.names)) < count:
            yield "{names}: a kind is there twice."
        if self.weight.ndim != 2 or len(self.weight) != count or self.bias.shape != (count,):
            yield (
                f"{{weight}} and {{bias}} have the shapes {tuple(self.weight.shape)} and "
                f"{tuple(self.bias.shape)}: give ({count}, C) and ({count},)."
            )


class StoredCompetence(StoredValues):
    """`corrosion.evaluation.competence.Competence`."""

    auroc: Known
    """Area under the ROC curve."""
    low: Known
    """Lower end of its interval."""
    high: Known
    """Upper end of its interval."""
    level: Probability
    """Confidence level of the interval."""
    images: Tally
    """Number of photographs it was measured on."""
    subset: Literal["test", "validation"]
    """Which photographs."""
    generated: bool = False
    """Whether all training pictures were generated ones."""


class CheckpointContent(StoredValues):
    """A checkpoint, but for what only a training needs that goes on from it."""

    state_dict: Tensors
    """Tensors by name; the network's begin with `network.`."""
    hyper_parameters: Hyperparameters
    """Settings of the network and its training."""
    epoch: Annotated[int, Ge(0)]
    """Number of the epoch, from 0."""
    calibration: Calibration | None = None
    """What was chosen on validation."""
    training_distance: StoredDistance | None = None
    """What tells photographs unlike those of the training."""
    mask_network: StoredMasks | None = None
    """What has learnt from masks."""
    competence: StoredCompetence | None = None
    """What the network is good for."""
    kinds: StoredKinds | None = None
    """What tells kinds of corrosion."""

    @classmethod
    def read_from(cls, content: object, path: Path) -> Self:
        """The checked values of a checkpoint.

        Args:
            content: what a file holds.
            path: path of the file, for messages.

        Raises:
            CorrosionError: it is no checkpoint of this project, or a value is missing, of another
                type or out of its range; the message is one line.
        """
        needed = {"hyper_parameters", "state_dict"}
        if not isinstance(content, Mapping) or not needed <= content.keys():
            raise CorrosionError(
                f"{path} is no checkpoint of corrosion: a state dict of another program can start "
                f"a training with weights={path}."
            )
        given = content["hyper_parameters"]
        if isinstance(given, Mapping):
            missing = [f"hyper_parameters.{name}" for name in _NEEDED if name not in given]
            if missing:
                raise CorrosionError(f"{path} has no {', '.join(missing)}. {WAY_OUT}")
        return cls.of(content, path, way_out=WAY_OUT)


class TrainingState(StoredValues):
    """What a training needs beside it that goes on from a checkpoint, as Lightning writes it."""

    global_step: Tally
    """Number of steps so far."""
    loops: dict[str, Any]
    """How far the loops are."""
    callbacks: dict[str, Any]
    """State of the callbacks."""
    optimizer_states: list[dict[str, Any]]
    """State of each optimiser."""
    lr_schedulers: list[dict[str, Any]]
    """State of each schedule."""

    @classmethod
    def check(cls, content: Mapping[str, Any], path: Path) -> None:
        """Make sure that a training can go on from a checkpoint.

        Args:
            content: of the file.
            path: path of the file, for messages.

        Raises:
            CorrosionError: a value is missing or of another type.
        """
        way_out = (
            f"No training can go on from it: resume from another checkpoint of the run, or train "
            f"from its weights, model.weights={path}."
        )
        cls.of(content, path, way_out=way_out)
