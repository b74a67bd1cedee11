"""Explanations as plain arrays: of a batch, or of photographs at their own resolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corrosion.data.dataset import load_image
from corrosion.data.images import read_image
from corrosion.data.transforms import Resize, build_resize
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import ActivationMaps, activation_maps
from corrosion.explanation.projection import to_photograph
from corrosion.explanation.targets import target_names
from corrosion.models.checkpoint import check_network
from corrosion.models.classifier import CorrosionClassifier


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why the network says what it says of one image.

    Attributes:
        logit: of corrosion, without temperature; in float32 even where the backbone runs in half
            precision.
        probability: of corrosion, in [0, 1], with the network's temperature.
        target: the class that the map is evidence for, "corrosion" or "no_corrosion".
        map: (H, W) float32 in [0, 1]; 1 is as strong as the strongest evidence for or against.
        raw_scale: what 1 stands for, in the method's unit (Grad-CAM: logits a position of the
            last feature map), at least 0; comparable between images of one network.
        empty: nothing in the image speaks for the target (`corrosion.explanation.cam.EMPTY_SHARE`).
    """

    logit: float
    probability: float
    target: str
    map: NDArray[np.float32]
    raw_scale: float
    empty: bool


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph and its explanation.

    Attributes:
        path: of the file.
        image: (H, W, 3) uint8 RGB, upright, at full resolution.
        explanation: whose map has the same (H, W).
    """

    path: str
    image: NDArray[np.uint8]
    explanation: Explanation


def explain(
    network: CorrosionClassifier,
    images: Tensor | NDArray[np.generic],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
) -> list[Explanation]:
    """Explain a batch of images; see `corrosion.explanation.cam.activation_maps`.

    Args:
        network: as `corrosion.load_model` gives it.
        images: (N, 3, H, W), or as arrays come from files (N, H, W, 3); RGB, uint8 in [0, 255] or
            float in [0, 1].
        method: a name of `corrosion.explanation.cam.METHODS`.
        target: a name of `corrosion.explanation.targets.TARGETS`.

    Returns:
        One an image, with maps (H, W).

    Raises:
        CorrosionError: no network; the method or target is unknown; the images are no batch, or of
            another shape; a logit or map is not finite.

    Example:
        >>> import torch
        >>> from corrosion.models.classifier import CorrosionClassifier
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64)
        >>> [found] = explain(network, torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
        >>> found.map.shape, 0 <= found.map.min() <= found.map.max() <= 1
        ((64, 64), True)
    """
    check_network(network)
    batch = _channels_first(images)
    maps = activation_maps(network, batch, method=method, target=target)
    height, width = batch.shape[-2:]
    return _explanations(maps, maps.scaled((height, width)))


def _channels_first(images: Tensor | NDArray[np.generic]) -> Tensor:
    if not isinstance(images, (Tensor, np.ndarray)):
        raise CorrosionError(
            f"a {type(images).__name__} is no batch of images: give an array or tensor (N, 3, H, W)"
            f" or (N, H, W, 3), as numpy.asarray(photo.convert('RGB'))[None] of a PIL image. For "
            f"files there is corrosion.explanation.explanation.explain_photographs(model, paths)."
        )
    tensor = images if isinstance(images, Tensor) else torch.from_numpy(images)
    if tensor.ndim == 4 and tensor.shape[1] == 3:
        return tensor
    if tensor.ndim == 4 and tensor.shape[3] == 3:
        return tensor.permute(0, 3, 1, 2)
    raise CorrosionError(
        f"Images of shape {tuple(tensor.shape)}: give a batch (N, 3, H, W) or (N, H, W, 3)."
    )


def explain_photographs(
    network: CorrosionClassifier,
    paths: Iterable[str | Path],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    batch_size: int = 16,
    max_side: int | None = None,
) -> Iterator[Photograph]:
    """Explain photographs from files, at their own resolution.

    Files are read as for a prediction (large JPEGs at reduced scale), so probabilities are the
    same; then once more in full, one at a time, so memory stays flat.

    Args:
        network: whose `image_size` and `resize` say how photographs become its input.
        paths: of image files.
        method: see `explain`.
        target: likewise.
        batch_size: images at once through the network.
        max_side: photographs with a longer side are given smaller; None keeps full resolution.

    Yields:
        One a path, in their order.

    Raises:
        CorrosionError: as `explain`.
        ImageError: naming the file, if it can't be read.
    """
    resize = build_resize(network.image_size, network.resize)
    remaining = iter(paths)
    while batch := list(islice(remaining, batch_size)):
        inputs = np.stack([load_image(path, resize) for path in batch])
        squares = explain_inputs(
            network, torch.from_numpy(inputs).permute(0, 3, 1, 2), method=method, target=target
        )
        for path, square in zip(batch, squares, strict=True):
            image = fit(read_image(path, min_side=max_side), max_side)
            yield Photograph(str(path), image, over_photograph(square, resize, *image.shape[:2]))


def explain_inputs(
    network: CorrosionClassifier,
    images: Tensor,
    *,
    method: str = "gradcam",
    target: str = "corrosion",
) -> list[Explanation]:
    """Explain inputs of the network, for `over_photograph`.

    Args:
        network: see `explain`.
        images: (N, 3, image_size, image_size) RGB, uint8 in [0, 255] or float in [0, 1].
        method: see `explain`.
        target: likewise.

    Returns:
        One an image, with maps of the last feature map's (h, w).

    Raises:
        CorrosionError: as `explain`.
    """
    maps = activation_maps(network, images, method=method, target=target)
    return _explanations(maps, maps.scaled())


def fit(image: NDArray[Any], max_side: int | None) -> NDArray[Any]:
    """Shrink an image (H, W, ...) to a longest side of `max_side`; smaller ones are left alone."""
    height, width = image.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return image
    scale = max_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def over_photograph(
    explanation: Explanation, resize: Resize, height: int, width: int
) -> Explanation:
    """Lay the map of an explanation over the whole photograph.

    Args:
        explanation: its map covers the network's square input, at any resolution.
        resize: how the photograph became that input.
        height: of the photograph.
        width: likewise.

    Returns:
        The same with a map (height, width).
    """
    large = to_photograph(explanation.map, resize.place(height, width), height, width)
    return replace(explanation, map=large)


def _explanations(maps: ActivationMaps, scaled: Tensor) -> list[Explanation]:
    """One an image, with its part of `scaled` (N, H, W)."""
    logit, scale = maps.logit.cpu(), maps.scale.cpu()
    if not (logit.isfinite().all() and scale.isfinite().all()):
        raise CorrosionError(
            "The network's features overflow: run it in float32 or bfloat16 instead of float16, "
            "or check its weights for NaN."
        )
    rows = zip(
        logit.tolist(),
        maps.probability.tolist(),
        target_names(maps.sign),
        scaled.cpu().numpy(),
        scale.tolist(),
        maps.empty.tolist(),
        strict=True,
    )
    return [Explanation(*row) for row in rows]
