"""Values that files hold, in the types and ranges of settings: of checkpoints and of runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import MinLen
from pydantic import ConfigDict, Strict

from corrosion.errors import CorrosionError
from corrosion.settings.base import Settings
from corrosion.settings.ranges import brief
from corrosion.settings.types import Measured, Names, Probability, Share, Tally


class StoredValues(Settings):
    """A group of values of a file; what is not declared, as a later version may add, is left."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def of(cls, values: object, path: Path, *, way_out: str) -> Self:
        """The checked values of a file.

        Args:
            values: what the file holds.
            path: path of the file.
            way_out: sentence that ends the message.

        Raises:
            CorrosionError: they are no mapping, or one is missing, of another type or out of its
                range; one line that names the file, the value and the way out.

        Example:
            >>> PredictionCounts.of({"images": -1}, Path("run.json"), way_out="Run again.")
            Traceback (most recent call last):
            corrosion.errors.CorrosionError: run.json: images=-1: give a whole number from 0. Run \
again.
        """
        if not isinstance(values, Mapping):
            raise CorrosionError(f"{path} holds {brief(values)} where a mapping belongs. {way_out}")
        try:
            return cls.read({key: values[key] for key in cls.model_fields if key in values})
        except CorrosionError as error:
            told = str(error).splitlines()
            # the first line of several only tells that there are several
            raise CorrosionError(f"{path}: {told[min(1, len(told) - 1)]} {way_out}") from error


class FirstWeights(StoredValues):
    """What a training started from: `corrosion.models.weights.LoadedWeights`."""

    requested: str | None = None
    """The value of `model.weights`."""
    used: Literal["imagenet", "random", "file"]
    """What it came to."""
    detail: str = ""
    """In words."""


class Seconds(StoredValues):
    """What a run has taken."""

    fit: Measured
    """The training."""


class Planted(StoredValues):
    """A planted mark."""

    share: Share = 0.0
    """Share of the corroded training images that carry it."""
    marked: Tally = 0
    """Number of these images."""


class RunMetrics(StoredValues):
    """What is read of `metrics.json`, beside the metrics themselves."""

    model: str | None = None
    """What results call the network."""
    parameters: Tally | None = None
    """Number of its parameters."""
    weights: FirstWeights | None = None
    """What the training started from."""
    epochs: Tally | None = None
    """Number of epochs."""
    best_epoch: Tally | None = None
    """Number of the best one."""
    seconds: Seconds | None = None
    """What the run has taken."""
    shortcut: Planted | None = None
    """A planted mark."""
    curation: dict[str, Tally | dict[str, Tally] | None] | None = None
    """What was found in the images."""
    hyperparameters: dict[str, Any] | None = None
    """Those of the paper's Table 6."""
    machine: dict[str, Any] | None = None
    """What the run was made on."""
    versions: dict[str, Any] | None = None
    """What it was made with."""
    git_commit: str | None = None
    """The commit of the code."""
    generated: bool | None = None
    """Whether the pictures are generated ones."""


class StoredModel(StoredValues):
    """What is read of a run's settings of its network."""

    name: str | None = None
    """What results call it."""
    threshold: Probability | None = None
    """Probability from which an image counts as corroded."""


class StoredData(StoredValues):
    """What is read of a run's settings of its images."""

    source: str | None = None
    """Where they come from."""
    root: str | list[str] | None = None
    """Their folders."""
    folds: int | str | None = None
    """How they are divided."""
    fold: Tally | None = None
    """Which part is the test set."""


class RunConfig(StoredValues):
    """What is read of `config.yaml`."""

    model: StoredModel | None = None
    """The network."""
    data: StoredData | None = None
    """The images."""
    choices: dict[str, Any] | None = None
    """What was asked of the thresholds."""
    seed: Tally | None = None
    """Seed of the run."""


class RunKindsStored(StoredValues):
    """What is read of `kinds.json`."""

    names: Annotated[tuple[str, ...], Strict(False), MinLen(2)]
    """Names of the kinds that were learnt."""
    photographs: dict[str, dict[str, Tally]]
    """Photographs by kind and split."""


class PredictionCounts(StoredValues):
    """What a finished prediction has counted."""

    images: Tally
    """Photographs and frames."""
    detected: Tally
    """Those with corrosion."""
    review: Tally
    """Those for an inspector."""
    failed: Tally
    """Those that could not be read."""
    unlike: Tally | None = None
    """Those unlike the training photographs."""


class PredictionRun(StoredValues):
    """`run.json` of a prediction."""

    asked: dict[str, Any]
    """What decides the results."""
    attempts: Tally
    """Number of attempts so far."""
    counts: PredictionCounts | None = None
    """What was counted, once it is finished."""
    title: str | None = None
    """What reports are called."""
    inspector: str | None = None
    """Who signs them."""
    consequences: dict[str, Measured] | None = None
    """What the failure of each asset would cost."""
    kinds: Names = ()
    """Names of the kinds of corrosion that its network tells apart."""


class StoredInterval(StoredValues):
    """What gives rusted shares their intervals: `corrosion.explanation.share_interval`."""

    scale: Measured | None = None
    """Quantile of the scaled errors; None where photographs with masks were too few."""
    photographs: Tally
    """Number of photographs it was taken from."""
    own: bool
    """Whether these are the user's own."""
