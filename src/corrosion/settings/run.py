"""Everything that a training run can be told: `conf/train.yaml` and its groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import Field

from corrosion.settings.augmentation import AugmentationSettings
from corrosion.settings.base import Settings
from corrosion.settings.data import DataSettings
from corrosion.settings.evaluation import ChoiceSettings
from corrosion.settings.model import ModelSettings
from corrosion.settings.sweep import SweepSettings
from corrosion.settings.trainer import LoggerSettings, TrainerSettings
from corrosion.settings.types import Names, Seed, Text


class ExampleSettings(Settings):
    """The pictures of `gradcam/`."""

    images: Annotated[int, Ge(0), Le(1000)] = 4
    """How many images each that are surely right, surely wrong and uncertain; 0 for none."""


class RunSettings(Settings):
    """One training run."""

    model: ModelSettings = Field(default_factory=ModelSettings)
    """The network and how it learns."""
    data: DataSettings = Field(default_factory=DataSettings)
    """The images."""
    augment: AugmentationSettings = Field(default_factory=AugmentationSettings)
    """What is changed at random in training images."""
    trainer: TrainerSettings = Field(default_factory=TrainerSettings)
    """Where and how long."""
    logger: LoggerSettings = Field(default_factory=LoggerSettings)
    """Who logs it."""
    choices: ChoiceSettings = Field(default_factory=ChoiceSettings)
    """What the checkpoint's thresholds and band shall keep."""
    explain: ExampleSettings = Field(default_factory=ExampleSettings)
    """The pictures of what the network looks at."""
    sweep: SweepSettings | None = None
    """The search that the run is a trial of."""
    seed: Seed = 0
    """Seed of weights, order and augmentation; data.split_seed is that of the split."""
    objective: Text = "val/loss"
    """Which epoch is the best, and what a sweep optimises: a validation metric of history.csv."""
    resume: Text | None = None
    """A checkpoint, a run's directory, or auto: go on from the last one of this run's directory."""
    extensions: Names = ()
    """Modules of yours that model.loss, metrics and augment.extra may be imported from."""
    metrics: Names = ()
    """Import paths of your own metrics, logged beside ours (docs/extending.md)."""

    def conflicts(self) -> Iterator[str]:
        """A learning rate that the training ends before it reaches."""
        yield from super().conflicts()
        warmup, epochs = self.model.warmup_epochs, self.trainer.max_epochs
        if warmup > epochs and not self.model.is_probe:
            yield (
                f"model.warmup_epochs={warmup:g} is longer than the training "
                f"(trainer.max_epochs={epochs}): the learning rate would never be reached."
            )

    renamed = {  # noqa: RUF012 -- a ClassVar of the base
        "objective_mode": "a metric knows itself whether more of it is better; leave it out."
    }
