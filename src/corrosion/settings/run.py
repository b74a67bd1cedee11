"""Everything that a training run can be told: `conf/train.yaml` and its groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from corrosion.settings.augmentation import AugmentationSettings
from corrosion.settings.base import Settings
from corrosion.settings.data import DataSettings
from corrosion.settings.evaluation import ChoiceSettings
from corrosion.settings.model import ModelSettings
from corrosion.settings.trainer import LoggerSettings, TrainerSettings
from corrosion.settings.types import Names, Seed, WholeNumber


class ExampleSettings(Settings):
    """The pictures of `gradcam/`."""

    images: WholeNumber = 4
    """How many images each that are surely right, surely wrong and uncertain; 0 for none."""


class SweepSettings(Settings):
    """A search for hyperparameters: `conf/sweep`."""

    name: str
    """Name of the study, and of its directory."""
    trial: WholeNumber | None = None
    """Number of a trial in its study; the sweeper sets it."""
    pruner: dict[str, Any] | None = None
    """Name (median, hyperband) and options of a pruner, which stops hopeless trials early."""
    cost: Literal["parameters", "latency"] | None = None
    """A second objective, to be small."""

    def conflicts(self) -> Iterator[str]:
        """Two objectives can't be pruned by one."""
        if self.cost and self.pruner:
            yield "{pruner} can't judge two objectives: set {pruner}=null or {cost}=null."


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
    objective: str = "val/loss"
    """Which epoch is the best, and what a sweep optimises: a validation metric of history.csv."""
    resume: str | None = None
    """A checkpoint, a run's directory, or auto: go on from the last one of this run's directory."""
    extensions: Names = ()
    """Modules of yours that model.loss, metrics and augment.extra may be imported from."""
    metrics: Names = ()
    """Import paths of your own metrics, logged beside ours (docs/extending.md)."""

    renamed = {  # noqa: RUF012 -- a ClassVar of the base
        "objective_mode": "a metric knows itself whether more of it is better; leave it out."
    }
