"""A head in seconds: logistic regression on the features of a frozen backbone."""

from __future__ import annotations

import logging
import time

import numpy as np
import torch
from torch import Tensor

from corrosion.data.cache.features import Features
from corrosion.data.datamodule import CorrosionDataModule, Split
from corrosion.models.evaluating import evaluating
from corrosion.models.logistic_head import fit_logistic, set_logistic
from corrosion.models.pooled_features import feature_cache, pooled_features
from corrosion.models.tta import AS_IT_IS, VIEWS, View
from corrosion.training.epoch_metrics import Predictions
from corrosion.training.module import CorrosionModule

log = logging.getLogger(__name__)


class Probe:
    """The head of a module, found and judged on pooled features that are computed once.

    Features are those of the images as they are, without augmentation (Kornblith et al., CVPR
    2019, compare networks so). What was computed before, by the same backbone of the same files,
    is taken from the cache, unless the data module keeps no images either.

    Args:
        module: its backbone stays as it is while the probe is in use.
        datamodule: training images to fit on, validation images to choose the penalty by, and
            test images.
    """

    def __init__(self, module: CorrosionModule, datamodule: CorrosionDataModule) -> None:
        self._module, self._datamodule = module, datamodule
        self._computed: dict[tuple[Split, View], Features] = {}

    def fit(self) -> dict[str, float]:
        """Find the head by a logistic regression, and set it.

        Returns:
            A row of a history: epoch 1, seconds, lr (NaN: there is none) and the metrics of
            training.

        Raises:
            CorrosionError: a class is missing, or features are not finite.
        """
        started = time.perf_counter()
        features, labels = self.features("train"), self._labels("train")
        validation = self.features("val"), self._labels("val").numpy().astype(np.int64)
        fit = fit_logistic(features, labels.numpy().astype(np.int64), *validation)
        set_logistic(self._module.network.head, fit)
        log.info(
            "logistic regression: C %.3g, log loss on validation %.4f",
            fit.strength,
            fit.validation_loss,
        )
        predictions = self._module.predictions(
            torch.from_numpy(fit.logits(features)).float(), labels
        )
        metrics = self._module.metrics(predictions)
        return {
            "epoch": 1,
            "seconds": round(time.perf_counter() - started, 3),
            "lr": float("nan"),
            **{f"train/{name}": value for name, value in metrics.items()},
        }

    def predictions(self, split: Split) -> Predictions:
        """What the network predicts for the images of a split, averaged over the views of `tta`."""
        network = self._module.network
        features = [torch.from_numpy(self.features(split, view)) for view in VIEWS[network.tta]]
        with evaluating(network), torch.inference_mode():
            logits = torch.stack([network.forward_pooled(one) for one in features]).mean(dim=0)
        distance = None
        if network.training_distance is not None:
            distance = network.training_distance(features[0])
        return self._module.predictions(logits, self._labels(split), distance)

    def features(self, split: Split, view: View = AS_IT_IS) -> Features:
        """Pooled features (N, C) of a view of the images of a split."""
        if (split, view) not in self._computed:
            network, data = self._module.network, self._datamodule
            cache = feature_cache(network, view) if data.keeps_images else None
            self._computed[split, view] = pooled_features(
                network, data, data.records(split), cache, view=view
            )
        return self._computed[split, view]

    def _labels(self, split: Split) -> Tensor:
        return torch.as_tensor(self._datamodule.records(split)["label"].to_numpy(np.float32))
