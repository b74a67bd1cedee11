"""What the best epoch's network makes of the images: by the Trainer, or from kept features."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import lightning as L
import numpy as np
from numpy.typing import NDArray

from corrosion.data.cache.features import Features
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.models.pooled_features import pooled_by, pooled_features
from corrosion.models.state_dicts import read_checkpoint
from corrosion.models.training_distance import MOST_REFERENCES, POOLING
from corrosion.settings.model import Pooling
from corrosion.training.epoch_metrics import Predictions
from corrosion.training.module import CorrosionModule
from corrosion.training.probe import Probe


class Judge(Protocol):
    """Judges a module with the weights of its best epoch."""

    @property
    def distance_pooling(self) -> Pooling:
        """How `training_features` are pooled."""
        ...

    def training_features(self) -> Features:
        """Pooled features (M, C) of training images, of `MOST_REFERENCES` at most.

        Every process gets the same ones.
        """
        ...

    def predictions(self, split: Literal["val", "test"]) -> Predictions:
        """Predictions for the images of a split, with distances where the network has them."""
        ...

    def features(self, split: Literal["train", "val", "test"], rows: NDArray[np.int64]) -> Features:
        """Pooled features (N, C) of some images of a split, by their rows in its records.

        After `predictions`; one process may ask alone.
        """
        ...


class TrainerJudge:
    """Judges by the Trainer that has fitted a module.

    Args:
        trainer: of the fit.
        module: gets the weights of the best epoch.
        datamodule: its images.
        best: checkpoint of the best epoch.
        seed: chooses the training images, where there are too many.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        module: CorrosionModule,
        datamodule: CorrosionDataModule,
        *,
        best: Path,
        seed: int,
    ) -> None:
        self._trainer, self._module, self._datamodule = trainer, module, datamodule
        self._best, self._seed = best, seed

    @property
    def distance_pooling(self) -> Pooling:
        """See `Judge`."""
        return POOLING

    def training_features(self) -> Features:
        """See `Judge`."""
        self._module.load_state_dict(read_checkpoint(self._best)["state_dict"])
        network = self._module.to(self._trainer.strategy.root_device).network
        images = self._datamodule.records("train")
        chosen = images.iloc[_references(len(images), self._seed)]
        [features] = pooled_by(network, self._datamodule, chosen, (self.distance_pooling,))
        return features

    def predictions(self, split: Literal["val", "test"]) -> Predictions:
        """See `Judge`."""
        run = {"val": self._trainer.validate, "test": self._trainer.test}[split]
        run(
            self._module,
            datamodule=self._datamodule,
            ckpt_path=self._best,
            weights_only=True,
            verbose=False,
        )
        found = {"val": self._module.validated, "test": self._module.tested}[split]
        assert found is not None
        return found

    def features(self, split: Literal["train", "val", "test"], rows: NDArray[np.int64]) -> Features:
        """See `Judge`."""
        network = self._module.to(self._trainer.strategy.root_device).network
        if not len(rows):
            return np.zeros((0, network.head.dense.in_features), np.float32)
        chosen = self._datamodule.records(split).iloc[rows]
        return pooled_features(network, self._datamodule, chosen)


class ProbeJudge:
    """Judges by the features that a head was found with; the Trainer's loggers hear of it.

    Args:
        trainer: of the run.
        module: with the head that was found.
        probe: which has found it.
        seed: chooses the training images, where there are too many.
    """

    def __init__(
        self, trainer: L.Trainer, module: CorrosionModule, probe: Probe, *, seed: int
    ) -> None:
        self._trainer, self._module, self._probe, self._seed = trainer, module, probe, seed

    @property
    def distance_pooling(self) -> Pooling:
        """See `Judge`: those that the head was found with."""
        return self._module.network.head.pooling

    def training_features(self) -> Features:
        """See `Judge`."""
        features = self._probe.features("train")
        return features[_references(len(features), self._seed)]

    def predictions(self, split: Literal["val", "test"]) -> Predictions:
        """See `Judge`."""
        found = self._probe.predictions(split)
        metrics = {f"{split}/{key}": value for key, value in self._module.metrics(found).items()}
        for logger in self._trainer.loggers:
            logger.log_metrics(metrics, step=0)
            logger.save()
        return found

    def features(self, split: Literal["train", "val", "test"], rows: NDArray[np.int64]) -> Features:
        """See `Judge`."""
        return self._probe.features(split)[rows]


def _references(count: int, seed: int) -> NDArray[np.int64]:
    """Rows of `count` images in order: all, or `MOST_REFERENCES` at random."""
    if count <= MOST_REFERENCES:
        return np.arange(count)
    return np.sort(np.random.RandomState(seed).choice(count, MOST_REFERENCES, replace=False))
