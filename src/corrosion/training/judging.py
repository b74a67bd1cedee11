"""What the best epoch's network makes of the images: by the Trainer, or from kept features."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import lightning as L
import pandas as pd

from corrosion.data.cache.features import Features
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.models.pooled_features import pooled_features
from corrosion.models.state_dicts import read_checkpoint
from corrosion.models.training_distance import MOST_REFERENCES
from corrosion.training.epoch_metrics import Predictions
from corrosion.training.module import CorrosionModule
from corrosion.training.probe import Probe


class Judge(Protocol):
    """Judges a module with the weights of its best epoch."""

    def training_features(self) -> Features:
        """Pooled features (M, C) of training images, of `MOST_REFERENCES` at most.

        Every process gets the same ones.
        """
        ...

    def predictions(self, split: Literal["val", "test"]) -> Predictions:
        """Predictions for the images of a split, with distances where the network has them."""
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

    def training_features(self) -> Features:
        """See `Judge`."""
        self._module.load_state_dict(read_checkpoint(self._best)["state_dict"])
        network = self._module.to(self._trainer.strategy.root_device).network.eval()
        images = some_of(self._datamodule.records("train"), seed=self._seed)
        return pooled_features(network, self._datamodule, images)

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

    def training_features(self) -> Features:
        """See `Judge`."""
        features = self._probe.features("train")
        return features[some_of(pd.DataFrame(index=range(len(features))), seed=self._seed).index]

    def predictions(self, split: Literal["val", "test"]) -> Predictions:
        """See `Judge`."""
        found = self._probe.predictions(split)
        metrics = {f"{split}/{key}": value for key, value in self._module.metrics(found).items()}
        for logger in self._trainer.loggers:
            logger.log_metrics(metrics, step=0)
            logger.save()
        return found


def some_of(images: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """The rows of `images`, or `MOST_REFERENCES` of them at random, in order."""
    if len(images) <= MOST_REFERENCES:
        return images
    return images.sample(MOST_REFERENCES, random_state=seed).sort_index()
