"""Whether a map says what the network uses, judged by taking pixels away: no mask is needed.

All measures look at the network's square input and at the probability of corrosion. A map is above
0 where something speaks for corrosion; where it is 0, the signed evidence tells what speaks against
it most, and pixels that nothing tells apart come in random order, so that an even map is a random
one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from torch import Tensor

from corrosion.data.geometry import Map, Pixels
from corrosion.explanation.baselines import BASELINES
from corrosion.explanation.cam import activation_maps
from corrosion.explanation.names import map_names
from corrosion.explanation.photographs import explain
from corrosion.explanation.randomisation import map_similarity
from corrosion.models.classifier import CorrosionClassifier

FAITHFULNESS = (
    "deletion",
    "deletion_blurred",
    "deletion_inpainted",
    "insertion",
    "road",
    "randomisation",
    "emprt",
)
"""The measures by name: `faithfulness` gives them."""

CURVE = np.linspace(0, 1, 41) ** 2
"""Shares of the pixels at which deletion and insertion look: finest where the first pixels go."""

SHARES = (0.2, 0.4, 0.6, 0.8)
"""Shares of the pixels that ROAD takes away, as pytorch-grad-cam's ROADCombined suggests."""

_BLUR = (11, 5.0)  # side and standard deviation of the Gaussian in the authors' code


def faithfulness(
    network: CorrosionClassifier,
    others: Sequence[CorrosionClassifier],
    pixels: Pixels,
    *,
    method: str,
    generator: np.random.Generator,
    fine: bool = False,
) -> dict[str, dict[str, float]]:
    """Judge the network's map of one image, and the baselines.

    Args:
        network: a network in evaluation mode.
        others: the same network with random weights, from
            `corrosion.explanation.randomisation.randomised`.
        pixels: (image_size, image_size, 3) uint8 RGB, the network's input.
        method: a name of `corrosion.explanation.cam.METHODS`.
        generator: random numbers of the random baseline and of the order of equal pixels.
        fine: whether the network's fine map of the image is judged too.

    Returns:
        By map (`map_names` and `BASELINES`) and measure of `FAITHFULNESS`. The baselines don't look
        at the weights, so their randomisation is 1 and their eMPRT 0. Of fine maps these are those
        of the plain ones, since they are about the network, not about its resolution.
    """
    batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    image = batch[0].to(network.mean.device).float() / 255
    own_maps = {
        name: explain(network, batch, method=method, fine=name != method)[0].map
        for name in map_names(method, "fine" if fine else "plain")
    }
    maps = dict(own_maps)
    maps |= {name: draw(pixels, generator) for name, draw in BASELINES.items()}
    [random] = map_similarity(network, others, batch, method=method)
    signed = signed_evidence(network, batch, method=method)
    scores = {}
    for name, values in maps.items():
        order = pixel_order(values, generator, signed if name in own_maps else None)
        inpainted, combined = road(network, image, order)
        deletion, blurred, insertion = deletion_insertion(network, image, order)
        own = random if name in own_maps else (1.0, 0.0)
        measured = (deletion, blurred, inpainted, insertion, combined, *own)
        scores[name] = dict(zip(FAITHFULNESS, measured, strict=True))
    return scores


def signed_evidence(network: CorrosionClassifier, batch: Tensor, *, method: str) -> Map:
    """Evidence of an image (1, 3, H, W) for corrosion and, below 0, against it, (H, W) float32."""
    raw = activation_maps(network, batch, method=method).raw
    large = F.interpolate(raw[:, None], batch.shape[2:], mode="bilinear", align_corners=False)
    return large[0, 0].cpu().numpy()


def pixel_order(
    values: Map, generator: np.random.Generator, signed: Map | None = None
) -> NDArray[np.int64]:
    """Positions in the flat map (H W,), the highest value first.

    Args:
        values: (H, W), the map.
        generator: draws the order of pixels that nothing tells apart.
        signed: (H, W), what tells pixels of one value apart, the highest first; None for nothing.
    """
    ties = np.zeros(values.size) if signed is None else -signed.ravel()
    return np.lexsort((generator.random(values.size), ties, -values.ravel()))


@torch.inference_mode()
def deletion_insertion(
    network: CorrosionClassifier, image: Tensor, order: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Areas under the curves of deletion and insertion (Petsiuk, Das & Saenko, BMVC 2018, RISE).

    Deletion replaces the pixels, the most important first, by the mean colour of the network's
    normalisation or by the blurred image; insertion puts them into the blurred image. Trapezoidal
    rule over the share of pixels, at the shares of `CURVE`.

    Args:
        network: a network in evaluation mode, on any device.
        image: (3, H, W) float in [0, 1], on the same device.
        order: (H W,) order of the pixels, from `pixel_order`.

    Returns:
        Deletion to the mean colour, deletion to the blurred image (lower is better for both) and
        insertion (higher is better), all in [0, 1].
    """
    rank = torch.empty(len(order), dtype=torch.int64)
    rank[torch.from_numpy(order)] = torch.arange(len(order))
    limits = torch.from_numpy(CURVE * len(order)).round()
    changed = (rank < limits[:, None]).reshape(-1, 1, *image.shape[1:]).to(image.device)
    pixels = image.permute(1, 2, 0).cpu().numpy()
    soft = cv2.GaussianBlur(pixels, (_BLUR[0], _BLUR[0]), _BLUR[1])
    blurred = torch.from_numpy(soft).permute(2, 0, 1).to(image)
    plain = network.mean.reshape(3, 1, 1).expand_as(image)
    areas = []
    for start, end in ((image, plain), (image, blurred), (blurred, image)):
        probability = network.predict_proba(torch.where(changed, end, start)).double()
        areas.append(float(torch.trapezoid(probability.cpu(), torch.from_numpy(CURVE))))
    return areas[0], areas[1], areas[2]


@torch.inference_mode()
def road(
    network: CorrosionClassifier, image: Tensor, order: NDArray[np.int64]
) -> tuple[float, float]:
    """ROAD, remove and debias (Rong et al., ICML 2022): deletion into the in-painted image.

    Pixels are replaced by noisy linear imputation, which leaves no edges that the network could
    see, at the `SHARES`. Both orders combined are half the fall of the probability without the
    most important pixels, less that without the least important ones. The imputation is
    pytorch-grad-cam's.

    Args:
        network: a network in evaluation mode, on any device.
        image: (3, H, W) float in [0, 1], on the same device.
        order: (H W,) order of the pixels, from `pixel_order`.

    Returns:
        The mean probability without the most important pixels, in [0, 1], lower is better; and both
        orders combined, in [-0.5, 0.5], higher is better, around 0 for a random order.
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
    return float(most.mean()), float((least - most).mean() / 2)
