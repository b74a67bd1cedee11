"""Masks of rust: where the network's evidence and the colour of rust come together.

A class activation map knows best where to look, but has cells of many pixels; the redness of a
photograph outlines rust, but also red paint. Their product is better than both, on photographs with
hand-drawn masks (docs/results.md). Each photograph then tells by itself how its rust differs from
its ground: what has the strongest evidence and what has the least teach a classifier of its own
colours. The network is asked for nothing but its map, so every checkpoint gives masks, and where
the map is empty there is no rust: a network that looks at the wrong place gets its mask there.

A network that has learnt from a user's masks (`corrosion train-masks`) outlines rust by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from corrosion.data.geometry import Map
from corrosion.data.resizing import scale_to
from corrosion.errors import CorrosionError
from corrosion.explanation.baselines import cielab
from corrosion.explanation.pyramid import Pyramid
from corrosion.explanation.pyramid_levels import pyramid_levels
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.evaluating import evaluating
from corrosion.models.mask_network import MaskNetwork

CUT = 0.08
"""Score from which a pixel is rust.

On 34 photographs with masks the IoU is the same from 0.05 to 0.1; on the sample it is better below,
where shares come out too large.
"""

LEARNT_SIDE = 384
"""Longest side at which a network that has learnt from masks sees a photograph."""

LEVELS = (1.43, 2.0)
"""Scales of the network's maps: 320 and 448 pixels for a network of 224."""

_SIDE = 512  # longest side at which it is looked at; more costs time and gains nothing
_BLUR = 4  # pixels: standard deviation of the blur of the colours, against noise and texture
_WIDE_BLUR = 8
_FINE_BLUR = 2
_RADIUS = 8  # of the guided filter
_EPSILON = 1e-3
_SEEDS, _GROUND = 0.2, 0.4  # shares of the pixels that teach rust, and what is none
_FEATURE_SCALE = 10.0  # standard deviation of the components: about that of colours in CIELAB
_STEP = 4  # every fourth pixel of each axis teaches
_UNIT = 50.0  # a* of saturated rust
_DARKNESS = 0.3  # its exponent: light rust is rust too
_COMPONENTS, _STRIDE = 6, 16
_HUE = np.radians(45)  # angle of its hue in CIELAB, between red and yellow


def rust_mask(network: CorrosionClassifier, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which pixels of a photograph are rust, at the price of about 15 predictions.

    Networks with a `mask_network` outline what masks have taught it, at the price of about 10.

    Whether there is any rust is for `predict` to say: ask for the mask of a photograph in which
    corrosion was detected. In others the strongest evidence is weak, and may lie anywhere.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright.

    Returns:
        (H, W) bool, True where there is rust.

    Raises:
        CorrosionError: as `corrosion.explanation.pyramid.fine_map`.
    """
    return rust_evidence(network, image).mask(image)


@dataclass(frozen=True, eq=False)
class RustEvidence:
    """The network's own part in a mask of rust.

    Attributes:
        map: (h, w) float32 in [0, 1] over the whole photograph, the map for corrosion at the scales
            of `LEVELS`, with a longest side of 512 at most.
        features: (h, w, c) float32 over the whole photograph, what the network sees at a stride of
            16 pixels, as its first principal components; c is 0 for networks that don't give it.
    """

    cut: ClassVar[float] = CUT
    """Score above which there is rust."""

    map: Map
    features: NDArray[np.float32]

    def score(self, image: NDArray[np.uint8]) -> Map:
        """The score (H, W) of the photograph (H, W, 3) uint8 RGB; above `CUT` is rust."""
        return rust_score(image, self.map, self.features)

    def mask(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where (H, W) bool there is rust in the photograph (H, W, 3) uint8 RGB."""
        return self.score(image) > self.cut


@dataclass(frozen=True, eq=False)
class LearntRust:
    """What a network that has learnt from masks says of a photograph.

    Attributes:
        probability: (h, w) float32 in [0, 1] over the whole photograph, of rust.
    """

    cut: ClassVar[float] = 0.5
    """Probability above which there is rust."""

    probability: Map

    def score(self, image: NDArray[np.uint8]) -> Map:
        """The probability (H, W) for the pixels of the photograph (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        return cv2.resize(self.probability, (width, height), interpolation=cv2.INTER_LINEAR)

    def mask(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where (H, W) bool rust is more probable than not."""
        return self.score(image) > self.cut


def rust_evidence(
    network: CorrosionClassifier, image: NDArray[np.uint8], pyramid: Pyramid | None = None
) -> RustEvidence | LearntRust:
    """What a network contributes to the mask of a photograph.

    Args:
        network: as `rust_mask` takes it.
        image: as `rust_mask` takes it, or shrunk to a longest side of 1,024 or more.
        pyramid: the same photograph as the network sees it for corrosion by Grad-CAM, of which
            levels that were looked at are not looked at again; None for a new one.

    Raises:
        CorrosionError: as `corrosion.explanation.pyramid.fine_map`.
    """
    if network.mask_network is not None:
        return LearntRust(learnt_probability(network.mask_network, image))
    seen = (pyramid or Pyramid(network, image)).map(LEVELS, side=_SIDE)
    return RustEvidence(seen, _components(network, _reduced(image)))


@torch.inference_mode()
def learnt_probability(network: MaskNetwork, image: NDArray[np.uint8]) -> Map:
    """Probability of rust by what masks have taught, the mean of the photograph and its mirror.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright.

    Returns:
        (h, w) float32 in [0, 1] over the whole photograph, with a longest side of `LEARNT_SIDE`.
    """
    height, width = image.shape[:2]
    scale = LEARNT_SIDE / max(height, width)
    small = scale_to(image, max(32, round(height * scale)), max(32, round(width * scale)))
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].to(network.mean.device)
    with evaluating(network):
        seen = network(pixels).sigmoid() + network(pixels.flip(3)).sigmoid().flip(2)
    return (seen[0] / 2).float().cpu().numpy()


def rust_score(
    image: NDArray[np.uint8], evidence: Map, features: NDArray[np.float32] | None = None
) -> Map:
    """How much each pixel of a photograph looks like the rust that a network sees in it.

    The root of evidence times redness (a* of CIELAB, ISO/CIE 11664-4, less where the hue is far
    from the 45 degrees between red and yellow), times a power of darkness, is brought to the
    photograph's edges by a guided filter (He, Sun & Tang, IEEE Transactions on Pattern Analysis and
    Machine Intelligence 2013, equations 4 to 8). The fifth of the pixels that have most of it and
    the two fifths that have least teach a quadratic discriminant analysis of their colours, sharp
    and blurred, and of `features` (Hastie, Tibshirani & Friedman, The Elements of Statistical
    Learning, 2009, section 4.3); the score is what was filtered times the square root of its
    posterior.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
        evidence: (h, w) float32 in [0, 1] over the whole photograph, of any resolution; 1 is the
            strongest evidence.
        features: (h, w, c) float32 over the whole photograph, what is to be learnt from beside the
            colours, on the scale of CIELAB; None for nothing.

    Returns:
        (H, W) float32 in [0, 1], at least 0; above `CUT` is rust; 0 everywhere where there is no
        evidence, or nothing red.

    Raises:
        CorrosionError: the evidence is no map, or has values outside [0, 1].

    Example:
        A grey plate with a brown spot, of which the network sees the left half only:

        >>> plate = np.full((64, 64, 3), 120, dtype=np.uint8)
        >>> plate[24:40, 16:48] = (110, 60, 35)
        >>> evidence = np.zeros((8, 8), dtype=np.float32)
        >>> evidence[:, :4] = 1
        >>> mask = rust_score(plate, evidence) > CUT
        >>> bool(mask[32, 24]), bool(mask[32, 60]), bool(mask[4, 4])
        (True, False, False)
    """
    if evidence.ndim != 2 or not 0 <= evidence.min() <= evidence.max() <= 1:
        raise CorrosionError(
            f"evidence of shape {evidence.shape}: give a map (h, w) with values in [0, 1]."
        )
    height, width = image.shape[:2]
    small = _reduced(image)
    size = small.shape[1::-1]
    scale = max(size) / _SIDE
    lab = cielab(small)
    soft = cv2.GaussianBlur(lab, (0, 0), _BLUR * scale)
    seen = cv2.resize(evidence, size, interpolation=cv2.INTER_LINEAR)
    # of saturated blue a* is above 0 too: b* tells it from the red to yellow hues of rust
    hue = np.arctan2(soft[..., 2], soft[..., 1])
    redness = np.clip(soft[..., 1] / _UNIT, 0, 1) * np.maximum(np.cos(hue - _HUE), 0)
    darkness = np.clip(1.1 - soft[..., 0] / 100, 0, 1)
    score: Map = np.sqrt(seen * redness).astype(np.float32, copy=False) * darkness**_DARKNESS
    lightness: Map = (lab[..., 0] / 100).astype(np.float32, copy=False)
    if score.max() <= 0:
        return np.zeros((height, width), dtype=np.float32)
    score = np.clip(_guided(lightness, score, max(1, round(_RADIUS * scale))), 0, 1)
    known = [cv2.GaussianBlur(lab, (0, 0), blur * scale) for blur in (_FINE_BLUR, _WIDE_BLUR)]
    if features is not None and features.shape[2]:
        large = cv2.resize(features, size, interpolation=cv2.INTER_LINEAR)
        known.append(large.reshape(*score.shape, -1))
    score *= np.sqrt(_posterior(np.concatenate(known, axis=2), score))
    # pixel by pixel the posterior is noise at edges
    score = cv2.GaussianBlur(score, (0, 0), _FINE_BLUR * scale)
    if (height, width) == score.shape:
        return score
    return cv2.resize(score, (width, height), interpolation=cv2.INTER_LINEAR)


def _reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    if scale == 1:
        return image
    return scale_to(image, max(1, round(height * scale)), max(1, round(width * scale)))


@torch.inference_mode()
def _components(network: CorrosionClassifier, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """First principal components (h, w, c) of a photograph's features at a stride of 16."""
    backbone, nothing = network.backbone, np.zeros((1, 1, 0), dtype=np.float32)
    level = pyramid_levels(network, *image.shape[:2], factors=LEVELS[-1:])[0]
    strides = [stage["reduction"] for stage in getattr(backbone, "feature_info", None) or ()]
    gives = _STRIDE in strides and hasattr(backbone, "forward_intermediates")
    if not gives or len(level.views) > 1:  # several views: a network of one size
        return nothing
    pixels = torch.from_numpy(scale_to(image, level.height, level.width)).permute(2, 0, 1)[None]
    with evaluating(network):
        [found] = backbone.forward_intermediates(
            network.normalise(pixels.to(network.mean.device)),
            indices=[strides.index(_STRIDE)],
            stop_early=True,
            intermediates_only=True,
        )
    features = found[0].float().flatten(1).T.cpu().numpy()
    features = features - features.mean(axis=0)
    _, _, directions = np.linalg.svd(features, full_matrices=False)
    projected = features @ directions[:_COMPONENTS].T
    projected *= _FEATURE_SCALE / max(float(projected.std()), float(np.finfo(np.float32).tiny))
    return projected.reshape(*found.shape[2:], -1)


def _guided(guide: Map, values: Map, radius: int) -> Map:
    """Values that change where the guide does, otherwise their mean around each pixel."""
    window = (2 * radius + 1, 2 * radius + 1)
    mean_guide, mean = cv2.blur(guide, window), cv2.blur(values, window)
    covariance = cv2.blur(guide * values, window) - mean_guide * mean
    variance = cv2.blur(guide * guide, window) - mean_guide**2
    slope = covariance / (variance + _EPSILON)
    return cv2.blur(slope, window) * guide + cv2.blur(mean - slope * mean_guide, window)


def _posterior(known: NDArray[np.float32], score: Map) -> Map:
    """Probability (h, w) of rust by what is known (h, w, c), learnt from the score's extremes."""
    ranked = np.argsort(-score[::_STEP, ::_STEP], axis=None, kind="stable")
    samples = known[::_STEP, ::_STEP].reshape(-1, known.shape[2])
    rust = samples[ranked[: int(_SEEDS * len(ranked))]]
    ground = samples[ranked[len(ranked) - int(_GROUND * len(ranked)) :]]
    if min(len(rust), len(ground)) <= known.shape[2]:  # too small to learn from
        return np.ones_like(score)
    labels = np.repeat([1, 0], [len(rust), len(ground)])
    analysis = QuadraticDiscriminantAnalysis(priors=[0.5, 0.5], reg_param=0.05)
    analysis.fit(np.concatenate([rust, ground]), labels)
    half = known[::2, ::2]
    found = analysis.predict_proba(half.reshape(-1, known.shape[2]))[:, 1]
    found = found.reshape(half.shape[:2]).astype(np.float32)
    return cv2.resize(found, score.shape[::-1], interpolation=cv2.INTER_LINEAR)
