"""Explanations made of the class activation maps of a batch."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat

from torch import Tensor

from corrosion.errors import CorrosionError
from corrosion.explanation.cam import ActivationMaps, activation_maps
from corrosion.explanation.explanation import Explanation
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.training_distance import as_column


def explain_inputs(
    network: CorrosionClassifier,
    images: Tensor,
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    threshold: float | None = None,
) -> list[Explanation]:
    """Explain inputs of the network, for `over_photograph`.

    Args:
        network: network in any mode, on any device.
        images: (N, 3, image_size, image_size) RGB, uint8 in [0, 255] or float in [0, 1].
        method: method of class activation maps, as `explain` takes it.
        target: what the maps are evidence for, as `explain` takes it.
        threshold: probability from which an image counts as corroded; None for the network's own.

    Returns:
        One explanation an image, with maps of the last feature map's (h, w).

    Raises:
        CorrosionError: the method or target is unknown, or a logit or map is not finite.
    """
    least = network.threshold if threshold is None else threshold
    maps = activation_maps(network, images, method=method, target=target, threshold=least)
    return explanations_of(maps, maps.scaled(), least)


def check_finite(maps: ActivationMaps) -> None:
    """Make sure that logits and maps are numbers.

    Raises:
        CorrosionError: a logit or map is not finite.
    """
    if not (maps.logit.isfinite().all() and maps.scale.isfinite().all()):
        raise CorrosionError(
            "The network's features overflow: run it in float32 or bfloat16 instead of float16, "
            "or check its weights for NaN."
        )


def explanations_of(maps: ActivationMaps, scaled: Tensor, threshold: float) -> list[Explanation]:
    """One explanation an image of a batch.

    Args:
        maps: maps of N images.
        scaled: (N, H, W) float32 in [0, 1], as `maps.scaled` gives it.
        threshold: probability from which an image counts as corroded.

    Raises:
        CorrosionError: a logit or map is not finite.
    """
    check_finite(maps)
    logit, scale = maps.logit.cpu(), maps.scale.cpu()
    rows = zip(
        logit.tolist(),
        maps.probability.tolist(),
        maps.targets,
        scaled.cpu().numpy(),
        scale.tolist(),
        maps.empty.tolist(),
        strict=True,
    )
    distances = repeat(None) if maps.distance is None else as_column(maps.distance).tolist()
    of_target = repeat(None) if maps.of_target is None else maps.of_target.tolist()
    return [
        replace(
            Explanation(*row),
            threshold=threshold,
            unlike_training=distance,
            kind=kind,
            target_probability=chance,
        )
        for row, distance, kind, chance in zip(rows, distances, maps.kinds, of_target, strict=False)
    ]
