"""Whether a map says what the network uses, judged by taking pixels away: no mask is needed.

All measures look at the network's square input and at the probability of corrosion. Pixels of one
value come in random order, so that an even map is a random one.
"""

from __future__ import annotations

import copy

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from scipy.stats import spearmanr
from torch import Tensor, nn

from corrosion.explanation.baselines import BASELINES, Pixels
from corrosion.explanation.cam import activation_maps
from corrosion.explanation.localisation import Map
from corrosion.explanation.names import map_names
from corrosion.explanation.photographs import explain
from corrosion.models.classifier import CorrosionClassifier

FAITHFULNESS = ("deletion", "insertion", "road", "randomisation")
"""The measures by name: `faithfulness` gives them; less is better for the first and the last."""

STEPS = 20
"""Equal portions in which pixels are deleted and inserted."""

SHARES = (0.2, 0.4, 0.6, 0.8)
"""Shares of the pixels that ROAD takes away, as pytorch-grad-cam's ROADCombined suggests."""

_BLUR = (11, 5.0)  # side and standard deviation of the Gaussian in the authors' code


def faithfulness(
    network: CorrosionClassifier,
    other: CorrosionClassifier,
    pixels: Pixels,
    *,
    method: str,
    generator: np.random.Generator,
    fine: bool = False,
) -> dict[str, dict[str, float]]:
    """Judge the network's map of one image, and the baselines.

    Args:
        network: a network in evaluation mode.
        other: the same network with random weights, from `randomised`.
        pixels: (image_size, image_size, 3) uint8 RGB, the network's input.
        method: a name of `corrosion.explanation.cam.METHODS`.
        generator: random numbers of the random baseline and of the order of equal pixels.
        fine: whether the network's fine map of the image is judged too.

    Returns:
        By map (`map_names` and `BASELINES`) and measure of `FAITHFULNESS`. The baselines don't look
        at the weights, so their randomisation is 1. Of fine maps it is that of the plain ones,
        since it is about the network, not about its resolution.
    """
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    image = batch[0].to(network.mean.device).float() / 255
    own_maps = {
        name: explain(network, batch, method=method, fine=name != method)[0].map
        for name in map_names(method, "fine" if fine else "plain")
    }
    maps = dict(own_maps)
    maps |= {name: draw(pixels, generator) for name, draw in BASELINES.items()}
    [similarity] = map_similarity(network, other, batch, method=method)
    scores = {}
    for name, values in maps.items():
        order = pixel_order(values, generator)
        own = similarity if name in own_maps else 1.0
        measured = (*deletion_insertion(network, image, order), road(network, image, order), own)
        scores[name] = dict(zip(FAITHFULNESS, measured, strict=True))
    return scores


def pixel_order(values: Map, generator: np.random.Generator) -> NDArray[np.int64]:
    """Positions in the flat map (H W,), the highest value first."""
    return np.lexsort((generator.random(values.size), -values.ravel()))


@torch.inference_mode()
def deletion_insertion(
    network: CorrosionClassifier, image: Tensor, order: NDArray[np.int64]
) -> tuple[float, float]:
    """Areas under the curves of deletion and insertion (Petsiuk, Das & Saenko, BMVC 2018, RISE).

    Deletion replaces the pixels by the mean colour of the network's normalisation, the most
    important first; insertion puts them into the blurred image. Trapezoidal rule over the share of
    pixels, `STEPS` portions, all in one batch.

    Args:
        network: a network in evaluation mode, on any device.
        image: (3, H, W) float in [0, 1], on the same device.
        order: (H W,) order of the pixels, from `pixel_order`.

    Returns:
        Deletion (lower is better) and insertion (higher is better), both in [0, 1].
    """
    rank = torch.empty(len(order), dtype=torch.int64)
    rank[torch.from_numpy(order)] = torch.arange(len(order))
    limits = torch.linspace(0, len(order), STEPS + 1).round()
    changed = (rank < limits[:, None]).reshape(-1, 1, *image.shape[1:]).to(image.device)
    pixels = image.permute(1, 2, 0).cpu().numpy()
    soft = cv2.GaussianBlur(pixels, (_BLUR[0], _BLUR[0]), _BLUR[1])
    blurred = torch.from_numpy(soft).permute(2, 0, 1).to(image)
    plain = network.mean.reshape(3, 1, 1).expand_as(image)
    areas = []
    for start, end in ((image, plain), (blurred, image)):
        probability = network.predict_proba(torch.where(changed, end, start)).double()
        areas.append(float(torch.trapezoid(probability, dx=1 / STEPS)))
    return areas[0], areas[1]


@torch.inference_mode()
def road(network: CorrosionClassifier, image: Tensor, order: NDArray[np.int64]) -> float:
    """ROAD, remove and debias (Rong et al., ICML 2022), both orders combined.

    Pixels are replaced by noisy linear imputation, which leaves no edges that the network could
    see: half the fall of the probability without the most important pixels, less that without the
    least important ones, averaged over `SHARES`. The imputation is pytorch-grad-cam's.

    Args:
        network: a network in evaluation mode, on any device.
        image: (3, H, W) float in [0, 1], on the same device.
        order: (H W,) order of the pixels, from `pixel_order`.

    Returns:
        [-0.5, 0.5]; higher is better, around 0 for a random order.
    """
    imputer = NoisyLinearImputer()
    changed = []
    for share in SHARES:
        count = round(share * len(order))
        for removed in (order[:count], order[len(order) - count :]):
            keep = torch.ones(len(order))
            keep[torch.from_numpy(removed)] = 0
            changed.append(imputer(image.cpu(), keep.reshape(image.shape[1:])))
    probability = network.predict_proba(torch.stack(changed).to(image)).cpu().numpy()
    most, least = probability[::2], probability[1::2]
    return float((least - most).mean() / 2)


def randomised(network: CorrosionClassifier, *, seed: int = 0) -> CorrosionClassifier:
    """A copy with all weights drawn anew, as its layers do when they are made.

    Args:
        network: a network, which is left as it is, as is the state of torch's generators.
        seed: seed of the weights.
    """
    other = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in other.modules():
            reset = getattr(module, "reset_parameters", None)
            if isinstance(module, nn.Module) and callable(reset):
                reset()
    return other


def map_similarity(
    network: CorrosionClassifier, other: CorrosionClassifier, images: Tensor, *, method: str
) -> list[float]:
    """The sanity check of Adebayo et al., NeurIPS 2018: maps shall depend on the weights.

    Args:
        network: a trained network.
        other: the same network with random weights, from `randomised`.
        images: (N, 3, H, W), see `corrosion.explanation.cam.activation_maps`.
        method: a name of `corrosion.explanation.cam.METHODS`.

    Returns:
        Spearman's rank correlation of each pair of maps, signed evidence at the resolution of the
        last feature map, [-1, 1]; near 1 the map shows the image, not what was learnt. 1 where a
        map is even: it says as little as the other.
    """
    maps, others = (
        activation_maps(one, images, method=method).raw.cpu().numpy() for one in (network, other)
    )
    return [
        1.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a.ravel(), b.ravel())[0])
        for a, b in zip(maps, others, strict=True)
    ]
