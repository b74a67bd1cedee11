"""A head in seconds: logistic regression on the features of a frozen backbone."""

from __future__ import annotations

import logging
import time

import numpy as np
import pandas as pd
import torch

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.models.logistic_head import fit_logistic, set_logistic
from corrosion.models.pooled_features import feature_cache, pooled_features
from corrosion.training.epoch_metrics import compute_metrics
from corrosion.training.module import CorrosionModule

log = logging.getLogger(__name__)


def fit_probe(module: CorrosionModule, datamodule: CorrosionDataModule) -> dict[str, float]:
    """Find the head of a module by a logistic regression on pooled features.

    Features are those of the images as they are, without augmentation (Kornblith et al., CVPR
    2019, compare networks so). What was computed before, by the same backbone of the same files,
    is taken from the cache.

    Args:
        module: its backbone stays as it is, its head gets the weights.
        datamodule: training images to fit on, validation images to choose the penalty by.

    Returns:
        A row of a history: epoch 1, seconds, lr (NaN: there is none) and the metrics of training.

    Raises:
        CorrosionError: a class is missing, or features are not finite.
    """
    started = time.perf_counter()
    network = module.network.eval()
    cache = feature_cache(network) if datamodule.keeps_images else None
    train, val = datamodule.records("train"), datamodule.records("val")
    features = pooled_features(network, datamodule, pd.concat([train, val]), cache)
    of_train, of_val = features[: len(train)], features[len(train) :]
    labels = train["label"].to_numpy(np.int64)
    fit = fit_logistic(of_train, labels, of_val, val["label"].to_numpy(np.int64))
    set_logistic(network.head, fit)
    log.info(
        "logistic regression: C %.3g, log loss on validation %.4f",
        fit.strength,
        fit.validation_loss,
    )
    logits = torch.from_numpy(fit.logits(of_train)).float()
    metrics = compute_metrics(
        logits.sigmoid(), torch.from_numpy(labels), threshold=network.threshold
    )
    target = torch.from_numpy(labels).float()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    return {
        "epoch": 1,
        "seconds": round(time.perf_counter() - started, 3),
        "lr": float("nan"),
        **{f"train/{name}": value for name, value in metrics.items()},
        "train/loss": float(loss),
    }
