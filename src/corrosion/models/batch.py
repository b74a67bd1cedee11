"""Images of a size as a batch that a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corrosion.data.image_reader import ImageInput, squares
from corrosion.errors import CorrosionError


def image_batch(images: Tensor | NDArray[Any]) -> Tensor:
    """Bring images into a batch (N, 3, H, W), checked; nothing is resized.

    Args:
        images: RGB images, a tensor or array (N, 3, H, W), or an array (N, H, W, 3) as they come
            from files; uint8 in [0, 255] or float in [0, 1].

    Raises:
        CorrosionError: the images are neither tensor nor array, have another shape, or are floats
            far from [0, 1].

    Example:
        >>> image_batch(np.zeros((2, 48, 64, 3), dtype=np.uint8)).shape
        torch.Size([2, 3, 48, 64])
    """
    if not isinstance(images, (Tensor, np.ndarray)):
        raise CorrosionError(
            f"a {type(images).__name__} is no batch of images: give a tensor (N, 3, H, W) or an "
            f"array (N, H, W, 3). corrosion.predict takes files, and images of any size."
        )
    batch = images if isinstance(images, Tensor) else _tensor(images)
    if batch.ndim == 4 and batch.shape[1] != 3 and batch is not images:
        batch = batch.permute(0, 3, 1, 2)
    if batch.ndim != 4 or batch.shape[1] != 3:
        raise CorrosionError(
            f"images of shape {tuple(images.shape)}: give (N, 3, H, W), or an array (N, H, W, 3)."
        )
    # noise may leave [0, 1] a little; bytes as floats, or normalised images, do so by far
    if batch.is_floating_point() and ((batch < -0.5) | (batch > 1.5)).any():
        raise CorrosionError("float images must be in [0, 1]: divide by 255, or give uint8.")
    return batch


def square_batch(images: Sequence[ImageInput]) -> Tensor:
    """Readable inputs as a batch (N, 3, size, size) uint8, in channels_last memory.

    Raises:
        ValueError: one of them could not be read.
    """
    return torch.from_numpy(squares(images)).permute(0, 3, 1, 2)  # not copied: channels_last


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Scale pixels to [0, 1] and by channel statistics.

    Args:
        images: (N, 3, H, W), uint8 in [0, 255] or float in [0, 1].
        mean: (1, 3, 1, 1) float, of images in [0, 1].
        std: likewise.

    Raises:
        TypeError: the images are of another dtype.
    """
    if images.dtype == torch.uint8:
        images = images.to(mean.dtype) / 255
    elif not images.is_floating_point():
        raise TypeError(f"images must be uint8 or float, not {images.dtype}")
    return (images - mean) / std


def _tensor(images: NDArray[Any]) -> Tensor:
    try:
        array = images.astype(np.float32) if images.dtype.kind == "f" else images
        return torch.from_numpy(np.ascontiguousarray(array))
    except TypeError as error:
        raise CorrosionError(
            f"images of type {images.dtype}: give uint8 in [0, 255] or float in [0, 1]."
        ) from error
