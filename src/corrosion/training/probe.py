"""A head in seconds: logistic regression on the features of a frozen backbone."""

from __future__ import annotations

import hashlib
import logging
import time

import numpy as np
import pandas as pd
import torch

from corrosion.data.cache.features import FeatureCache, Features
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.logistic_head import fit_logistic, set_logistic
from corrosion.system.progress import progress
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
    cache = FeatureCache(_key(network)) if datamodule.keeps_images else None
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


def pooled_features(
    network: CorrosionClassifier,
    datamodule: CorrosionDataModule,
    records: pd.DataFrame,
    cache: FeatureCache | None = None,
) -> Features:
    """What the head sees of images: the last feature map, averaged over its positions.

    Args:
        network: in evaluation mode.
        datamodule: reads the images.
        records: N rows with the column path, and content_hash where there is a cache.
        cache: features of this network that were computed before; None for none.

    Returns:
        (N, C) float32, in the order of the records.
    """
    held = {} if cache is None else cache.load()
    hashes = records.get("content_hash", records["path"]).astype(str).tolist()
    missing = [row for row, one in enumerate(hashes) if one not in held]
    if missing:
        batches = datamodule.plain_loader(records.iloc[missing].reset_index(drop=True))
        device = network.mean.device
        found = []
        with torch.inference_mode():
            for batch in progress(batches, "computing features", total=len(batches)):
                maps = network.forward_features(batch.image.to(device))
                found.append(maps.float().mean(dim=(2, 3)).cpu().numpy())
        computed = np.concatenate(found)
        if cache is not None:
            cache.save([hashes[row] for row in missing], computed)
        held |= dict(zip((hashes[row] for row in missing), computed, strict=True))
    return np.stack([held[one] for one in hashes])


def _key(network: CorrosionClassifier) -> str:
    """A digest of the backbone's weights and statistics, of its input and of what computes."""
    digest = hashlib.blake2b(digest_size=16)
    backbone = network.backbone
    digest.update(f"{type(backbone).__name__} {network.image_size} {network.resize}".encode())
    digest.update(f"{torch.__version__} {network.mean.device.type}".encode())
    tensors = {**backbone.state_dict(), "mean": network.mean, "std": network.std}
    for name, tensor in tensors.items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
