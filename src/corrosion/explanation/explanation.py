"""Explanations as plain arrays, over the network's input and over the photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from corrosion.data.geometry import to_photograph
from corrosion.data.transforms import Resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import decide
from corrosion.explanation.cam import ActivationMaps, activation_maps
from corrosion.explanation.targets import target_names
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.training_distance import as_column


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why the network says what it says of one image.

    Attributes:
        logit: logit of corrosion, without temperature; in float32 even where the backbone runs in
            half precision.
        probability: probability of corrosion, in [0, 1], with the network's temperature.
        target: the class that the map is evidence for, "corrosion" or "no_corrosion".
        map: (H, W) float32 in [0, 1]; 1 is as strong as the strongest evidence for or against.
            A fine map (`corrosion.explanation.pyramid`) is the mean of several such.
        raw_scale: what 1 stands for, in the method's unit (Grad-CAM: logits a position of the
            last feature map), at least 0; comparable between images of one network. Beside a fine
            map it is that of the plain one, as `empty` is.
        empty: whether nothing in the image speaks for the target
            (`corrosion.explanation.cam.EMPTY_SHARE`).
        threshold: probability from which the image counts as corroded.
        path: path of the photograph's file; None for an image in memory.
        frame: number of the frame in its video; None for photographs.
        time: seconds from the video's start; None for photographs.
        unlike_training: distance to the nearest training photograph over the limit, to three
            decimals: above 1 the image is unlike all that the network was trained on; None for
            networks that can't tell.
    """

    logit: float
    probability: float
    target: str
    map: NDArray[np.float32]
    raw_scale: float
    empty: bool
    threshold: float = 0.5
    path: str | None = None
    frame: int | None = None
    time: float | None = None
    unlike_training: float | None = None

    @property
    def decision(self) -> str:
        """What the probability means: "corrosion detected" or "no corrosion"."""
        return decide(self.probability, self.threshold)


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


def over_photograph(
    explanation: Explanation, resize: Resize, height: int, width: int
) -> Explanation:
    """Lay the map of an explanation over the whole photograph.

    Args:
        explanation: explanation whose map covers the network's square input, at any resolution.
        resize: how the photograph became that input.
        height: height of the photograph in pixels.
        width: width of the photograph in pixels.

    Returns:
        The same explanation with a map (height, width).
    """
    large = to_photograph(explanation.map, resize.place(height, width), height, width)
    return replace(explanation, map=large)


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
        target_names(maps.sign),
        scaled.cpu().numpy(),
        scale.tolist(),
        maps.empty.tolist(),
        strict=True,
    )
    distances = repeat(None) if maps.distance is None else as_column(maps.distance).tolist()
    return [
        replace(Explanation(*row), threshold=threshold, unlike_training=distance)
        for row, distance in zip(rows, distances, strict=False)
    ]
