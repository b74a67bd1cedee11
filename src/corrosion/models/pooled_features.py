"""What the head sees of photographs: the last feature map of the backbone, pooled."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import torch

from corrosion.data.cache.features import FeatureCache, Features
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.models.backbones import feature_map
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.folding import folded
from corrosion.models.pooling import pool
from corrosion.models.tta import AS_IT_IS, View
from corrosion.settings.model import Pooling
from corrosion.system.progress import progress


def feature_cache(network: CorrosionClassifier, view: View = AS_IT_IS) -> FeatureCache:
    """Open the cache of the features that a network, as it is now, has of a view of photographs."""
    return FeatureCache(_key(network, view))


def images_of(
    network: CorrosionClassifier,
    records: pd.DataFrame,
    *,
    batch_size: int,
    num_workers: int | Literal["auto"],
) -> CorrosionDataModule:
    """What reads images that no training has seen, for `pooled_features`.

    Args:
        network: its `image_size` and `resize` say how photographs become its input.
        records: one row an image, with the column path.
        batch_size: images at once through the network, at least 1.
        num_workers: processes that read images; "auto" chooses by device and processors.
    """
    return CorrosionDataModule(
        records,
        image_size=network.image_size,
        resize=network.resize,
        batch_size=batch_size,
        num_workers=num_workers,
        cache=False,
    )


def pooled_features(
    network: CorrosionClassifier,
    datamodule: CorrosionDataModule,
    records: pd.DataFrame,
    cache: FeatureCache | None = None,
    *,
    view: View = AS_IT_IS,
) -> Features:
    """Compute what the head sees of images: the last feature map, pooled as the head pools it.

    Args:
        network: in any mode, which it keeps.
        datamodule: reads the images.
        records: N rows with the column path, and content_hash where there is a cache.
        cache: features of this network and view that were computed before; None for none.
        view: how the images are mirrored and turned.

    Returns:
        (N, C) float32, in the order of the records.
    """
    held = {} if cache is None else cache.load()
    hashes = records.get("content_hash", records["path"]).astype(str).tolist()
    missing = [row for row, one in enumerate(hashes) if one not in held]
    if missing:
        poolings = (network.head.pooling,)
        [computed] = pooled_by(network, datamodule, records.iloc[missing], poolings, view=view)
        if cache is not None:
            cache.save([hashes[row] for row in missing], computed)
        held |= dict(zip((hashes[row] for row in missing), computed, strict=True))
    return np.stack([held[one] for one in hashes])


def pooled_by(
    network: CorrosionClassifier,
    datamodule: CorrosionDataModule,
    records: pd.DataFrame,
    poolings: Sequence[Pooling],
    *,
    view: View = AS_IT_IS,
) -> list[Features]:
    """Compute the last feature map of images once, pooled in several ways.

    Args:
        network: in any mode, which it keeps. A copy computes, whose batch normalisation is folded
            (`corrosion.models.folding`): its features are the network's up to rounding.
        datamodule: reads the images.
        records: N rows with the column path.
        poolings: the ways, whatever that of the head is.
        view: how the images are mirrored and turned.

    Returns:
        (N, C) float32 for each way, in the order of the records.
    """
    batches = datamodule.plain_loader(records.reset_index(drop=True))
    device = network.mean.device
    backbone = folded(network.backbone)
    found: list[list[Features]] = [[] for _ in poolings]
    with torch.inference_mode():
        for batch in progress(batches, "computing features", total=len(batches)):
            pixels = network.normalise(view.apply(batch.image.to(device)))
            maps = feature_map(backbone, backbone.forward_features(pixels)).float()
            for pooling, parts in zip(poolings, found, strict=True):
                parts.append(pool(maps, pooling).cpu().numpy())
    return [np.concatenate(parts) for parts in found]


def _key(network: CorrosionClassifier, view: View) -> str:
    """A digest of the backbone's weights and statistics, its input, and of what computes."""
    digest = hashlib.blake2b(digest_size=16)
    backbone = network.backbone
    digest.update(f"{type(backbone).__name__} {network.image_size} {network.resize}".encode())
    digest.update(f"{torch.__version__} {network.mean.device.type} {view}".encode())
    digest.update(network.head.pooling.encode())
    tensors = {**backbone.state_dict(), "mean": network.mean, "std": network.std}
    for name, tensor in tensors.items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
