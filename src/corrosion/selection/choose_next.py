"""From files and a network to the photographs that are worth labelling next."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from corrosion.data.cache.features import Features
from corrosion.data.images import ImageError
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.device import choose_device
from corrosion.models.pooled_features import feature_cache, images_of, pooled_features
from corrosion.models.weights import load_weights
from corrosion.selection.candidates import Candidates, find_candidates
from corrosion.selection.choice import choose_diverse
from corrosion.settings.model import Pooling
from corrosion.settings.selection import SelectionSettings

log = logging.getLogger(__name__)

# those of experiment=probe: one cache serves both
_BACKBONE, _IMAGE_SIZE = "efficientnet_lite0", 288
_POOLING: Pooling = "rms"


@dataclass(frozen=True, eq=False)
class Selection:
    """What was chosen, and from what.

    Attributes:
        table: one row a photograph that was chosen, the first is worth most: rank (from 1), path,
            probability (of corrosion; NaN without a trained network) and why.
        candidates: the photographs that could be chosen, and numbers of those that could not.
    """

    table: pd.DataFrame
    candidates: Candidates


def imagenet_network(device: str = "auto") -> CorrosionClassifier:
    """The network of the first round: EfficientNet-Lite0 with its ImageNet weights, no run.

    Args:
        device: device of the network, as for `corrosion.load_model`.

    Raises:
        CorrosionError: the package with the weights is missing, or the machine lacks the device.
    """
    place = choose_device(device)
    network = CorrosionClassifier(_BACKBONE, pooling=_POOLING, image_size=_IMAGE_SIZE)
    load_weights(network, _BACKBONE, "imagenet")
    return network.to(place).eval()


def choose_next(
    network: CorrosionClassifier,
    files: Sequence[str],
    settings: SelectionSettings | None = None,
    *,
    trained: bool = True,
    labelled: pd.DataFrame | None = None,
) -> Selection:
    """Choose the photographs to label next.

    Features of files that the same backbone has seen before are taken from the cache.

    Args:
        network: in evaluation mode; its backbone tells how alike photographs are.
        files: paths of unlabelled photographs; labelled ones among them are passed over.
        settings: the defaults if None.
        trained: whether the head knows corrosion; False chooses by diversity alone.
        labelled: the images of the network's run, as `RunDirectory.read_split` gives them.

    Raises:
        CorrosionError: no file can be read, or all of them are labelled already.
    """
    settings = settings or SelectionSettings()
    candidates = find_candidates(
        files,
        labelled,
        near_duplicates=settings.near_duplicates,
        cropped_duplicates=settings.cropped_duplicates,
    )
    records = candidates.records
    if records.empty:
        raise CorrosionError(
            f"There is nothing left to choose: all {candidates.labelled} photographs are labelled "
            f"already, or near-duplicates of labelled ones. Name other photographs."
        )
    if len(records) < settings.count:
        log.warning("count=%d: there are only %d, all are taken", settings.count, len(records))
    candidates, features = _features(network, candidates, settings)
    records = candidates.records
    probability = _probability(network, features) if trained else None
    choice = choose_diverse(features, settings.count, probability=probability, seed=settings.seed)
    of_chosen = (
        np.full(len(choice.rows), np.nan) if probability is None else probability[choice.rows]
    )
    table = pd.DataFrame(
        {
            "rank": np.arange(1, len(choice.rows) + 1),
            "path": records["path"].to_numpy()[choice.rows],
            "probability": of_chosen,
            "why": [
                _why(size, one) for size, one in zip(choice.stands_for, of_chosen, strict=True)
            ],
        }
    )
    return Selection(table, candidates)


def _features(
    network: CorrosionClassifier, candidates: Candidates, settings: SelectionSettings
) -> tuple[Candidates, Features]:
    """Features of all candidates, without those that have vanished since they were found."""
    while True:
        records = candidates.records
        datamodule = images_of(
            network, records, batch_size=settings.batch_size, num_workers=settings.num_workers
        )
        try:
            return candidates, pooled_features(network, datamodule, records, feature_cache(network))
        except ImageError as error:
            lost = records["path"].map(Path) == error.path
            if not lost.any() or lost.all():
                raise
            log.warning("%s is passed over", error)
            candidates = replace(
                candidates,
                records=records[~lost].reset_index(drop=True),
                unreadable=candidates.unreadable + int(lost.sum()),
            )


@torch.inference_mode()
def _probability(network: CorrosionClassifier, features: Features) -> NDArray[np.float32]:
    """Calibrated probabilities (N,)."""
    pooled = torch.from_numpy(features).to(network.mean.device)
    return network.calibrated(network.forward_pooled(pooled)).cpu().numpy()


def _why(stands_for: int, probability: float) -> str:
    of = (
        "the only one of its group" if stands_for == 1 else f"the middle of a group of {stands_for}"
    )
    return of if np.isnan(probability) else f"probability {probability:.2f}, {of}"
