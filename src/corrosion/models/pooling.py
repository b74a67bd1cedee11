"""From a feature map to one number a channel, which is all that the heads see of it."""

from __future__ import annotations

from torch import Tensor

from corrosion.settings.model import Pooling

# of the mean of squares: an empty channel has no slope instead of an infinite one
_LEAST = 1e-8


def pool(features: Tensor, pooling: Pooling) -> Tensor:
    """Pool a feature map over its positions.

    With f the features of a channel, "mean" is global average pooling, mean(f), and "rms" the
    square root of the root mean square, mean(f^2)^(1/4): generalised-mean pooling with p = 2
    (Radenovic, Tolias & Chum, TPAMI 2018), which strong features in a small part of the picture
    move more, and then power normalisation (Perronnin, Sanchez & Mensink, ECCV 2010), by which no
    channel outweighs the others.

    Args:
        features: (N, C, H, W) float.
        pooling: which of them.

    Returns:
        (N, C), in the dtype of the features; squares are summed in float32.

    Example:
        >>> import torch
        >>> features = torch.tensor([[[[4.0, 0.0]]]])
        >>> pool(features, "mean").item(), round(pool(features, "rms").item(), 3)
        (2.0, 1.682)
    """
    if pooling == "mean":
        return features.mean(dim=(2, 3))
    return _mean_square(features).clamp_min(_LEAST).sqrt().sqrt().to(features.dtype)


def mean_slope(features: Tensor, pooling: Pooling) -> Tensor:
    """The mean over the positions of d `pool` / d (features at a position).

    Grad-CAM weighs the channels by it, times the slope of the logit in the pooled features: with n
    positions 1 / n for "mean", mean(f) / (2 n mean(f^2)^(3/4)) for "rms".

    Args:
        features: (N, C, H, W) float.
        pooling: as for `pool`.

    Returns:
        (N, C), or (1, 1) where it is the same for all, in the dtype of the features.
    """
    positions = features.shape[2] * features.shape[3]
    if pooling == "mean":
        return features.new_ones((1, 1)) / positions
    square = _mean_square(features)
    # not a power of 3/4, which some runtimes of exported graphs lack
    root = square.clamp_min(_LEAST).sqrt()
    slope = features.float().mean(dim=(2, 3)) / (2 * positions * root * root.sqrt())
    return (slope * (square > _LEAST).to(slope.dtype)).to(features.dtype)


def _mean_square(features: Tensor) -> Tensor:
    return features.float().square().mean(dim=(2, 3))
