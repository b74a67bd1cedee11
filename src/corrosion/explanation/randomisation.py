"""Whether a map depends on what the network has learnt: its weights are drawn anew.

A map that stays the same shows the image, not the network (Adebayo et al., NeurIPS 2018, "Sanity
checks for saliency maps").
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from scipy.stats import entropy, spearmanr
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from corrosion.explanation.cam import activation_maps
from corrosion.models.classifier import CorrosionClassifier

SEEDS = 10
"""Random networks that a map is compared with: one alone tells more of itself than of the map."""

_BINS = 100


def randomised(
    network: CorrosionClassifier, images: Tensor, *, seed: int = 0
) -> CorrosionClassifier:
    """A copy with all weights drawn anew, as its layers do when they are made.

    The statistics of batch normalisation are estimated anew for these weights: with those of the
    trained network, or with none, features and maps of a random network vanish.

    Args:
        network: a network, which is left as it is, as is the state of torch's generators.
        images: (N, 3, H, W), uint8 or float in [0, 1], at least two, to estimate statistics by.
        seed: seed of the weights.
    """
    other = copy.deepcopy(network).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in other.modules():
            reset = getattr(module, "reset_parameters", None)
            if isinstance(module, nn.Module) and callable(reset):
                reset()
    normalising = [one for one in other.modules() if isinstance(one, _BatchNorm)]
    for one in normalising:
        one.momentum = None  # the mean over the batch, not one that moves towards it
        one.train()
    with torch.no_grad():
        other.forward_features(images.to(other.mean.device))
    return other.eval()


def map_similarity(
    network: CorrosionClassifier,
    others: Sequence[CorrosionClassifier],
    images: Tensor,
    *,
    method: str,
) -> list[tuple[float, float]]:
    """Compare the maps of a network with those of random ones.

    Args:
        network: a trained network.
        others: the same network with random weights, from `randomised`.
        images: (N, 3, H, W), see `corrosion.explanation.cam.activation_maps`.
        method: a name of `corrosion.explanation.cam.METHODS`.

    Returns:
        Two numbers an image, means over `others`. The first is the absolute value of Spearman's
        rank correlation of the signed maps at the resolution of the last feature map, in [0, 1]:
        near 1 the map shows the image, not what was learnt; absolute, since the head of a random
        network says by chance which sign evidence has. It is 1 where a map is even: that says as
        little as the other. The second is the relative rise of complexity (eMPRT, Hedström et al.,
        2023, "Sanity checks revisited", equation 5): above 0, random networks have the more
        disordered map.
    """
    own = activation_maps(network, images, method=method).raw
    drawn = [activation_maps(one, images, method=method).raw for one in others]
    size = images.shape[2:]
    measured = []
    for number, trained in enumerate(own):
        random = [maps[number] for maps in drawn]
        likeness = [_likeness(trained, one) for one in random]
        before = complexity(_enlarged(trained, size))
        after = float(np.mean([complexity(_enlarged(one, size)) for one in random]))
        measured.append(
            (float(np.mean(likeness)), (after - before) / before if before > 0 else 0.0)
        )
    return measured


def complexity(values: ArrayLike) -> float:
    """Entropy in nats of the histogram of values, 100 bins from the least to the largest.

    Example:
        >>> complexity(np.zeros((4, 4)))
        0.0
        >>> round(complexity(np.arange(100)), 3) == round(float(np.log(100)), 3)
        True
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    if np.ptp(flat) == 0:
        return 0.0
    return float(entropy(np.histogram(flat, bins=_BINS)[0]))


def _likeness(trained: Tensor, random: Tensor) -> float:
    a, b = trained.cpu().numpy().ravel(), random.cpu().numpy().ravel()
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 1.0
    return abs(float(spearmanr(a, b)[0]))


def _enlarged(values: Tensor, size: Sequence[int]) -> np.ndarray:
    large = F.interpolate(values[None, None], tuple(size), mode="bilinear", align_corners=False)
    return large[0, 0].cpu().numpy()
