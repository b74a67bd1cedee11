"""Masks of rust: where the network's evidence and the colour of rust come together.

A class activation map knows best where to look, but has cells of many pixels; the redness of a
photograph outlines rust, but also red paint. Their product is better than both, on photographs with
hand-drawn masks (docs/results.md). Each photograph then tells by itself how its rust differs from
its ground: what has the strongest evidence and what has the least teach a classifier of its own
colours. The network is asked for nothing but its map, so every checkpoint gives masks, and where
the map is empty there is no rust: a network that looks at the wrong place gets its mask there.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from corrosion.data.geometry import Map
from corrosion.data.transforms import scale_to
from corrosion.errors import CorrosionError
from corrosion.explanation.baselines import cielab
from corrosion.explanation.pyramid import fine_map
from corrosion.models.classifier import CorrosionClassifier

CUT = 0.09
"""Score from which a pixel is rust: of 34 photographs with masks, that of the best IoU."""

LEVELS = (1.43, 2.0)
"""Scales of the network's maps: 320 and 448 pixels for a network of 224."""

_SIDE = 512  # longest side at which a photograph is looked at; more costs time and gains nothing
_BLUR = 4  # pixels: standard deviation of the blur of the colours, against noise and texture
_WIDE_BLUR = 8
_FINE_BLUR = 2
_RADIUS = 8  # of the guided filter
_EPSILON = 1e-3
_SEEDS, _GROUND = 0.15, 0.5  # shares of the pixels that teach rust, and what is none
_STEP = 4  # every fourth pixel of each axis teaches
_UNIT = 50.0  # a* of saturated rust


def rust_mask(network: CorrosionClassifier, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which pixels of a photograph are rust, at the price of about 15 predictions.

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
    return rust_score(image, evidence_map(network, image)) > CUT


def evidence_map(network: CorrosionClassifier, image: NDArray[np.uint8]) -> Map:
    """The network's own part in a mask: its map for corrosion at the scales of `LEVELS`.

    Args:
        network: as `rust_mask` takes it.
        image: as `rust_mask` takes it.

    Returns:
        (h, w) float32 in [0, 1] over the whole photograph, with a longest side of 512 at most.

    Raises:
        CorrosionError: as `corrosion.explanation.pyramid.fine_map`.
    """
    return fine_map(network, _reduced(image), factors=LEVELS)


def rust_score(image: NDArray[np.uint8], evidence: Map) -> Map:
    """How much each pixel of a photograph looks like the rust that a network sees in it.

    The geometric mean of the evidence, of redness (a* of CIELAB, ISO/CIE 11664-4) and of darkness
    is brought to the photograph's edges by a guided filter (He, Sun & Tang, IEEE Transactions on
    Pattern Analysis and Machine Intelligence 2013, equations 4 to 8). The 15 % of the pixels that
    have most of it and the half that have least teach a quadratic discriminant analysis of their
    colours, sharp and blurred (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning,
    2009, section 4.3); the score is the filtered mean times the square root of its posterior.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
        evidence: (h, w) float32 in [0, 1] over the whole photograph, of any resolution; 1 is the
            strongest evidence.

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
    redness = np.clip(soft[..., 1] / _UNIT, 0, 1)
    darkness = np.clip(1.1 - soft[..., 0] / 100, 0, 1)
    score = np.sqrt(seen * redness * darkness)
    if score.max() <= 0:
        return np.zeros((height, width), dtype=np.float32)
    score = np.clip(
        _guided(lab[..., 0] / np.float32(100), score, max(1, round(_RADIUS * scale))), 0, 1
    )
    colours = [cv2.GaussianBlur(lab, (0, 0), blur * scale) for blur in (_FINE_BLUR, _WIDE_BLUR)]
    score *= np.sqrt(_posterior(np.concatenate(colours, axis=2), score))
    if (height, width) == score.shape:
        return score
    return cv2.resize(score, (width, height), interpolation=cv2.INTER_LINEAR)


def _reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    if scale == 1:
        return image
    return scale_to(image, max(1, round(height * scale)), max(1, round(width * scale)))


def _guided(guide: Map, values: Map, radius: int) -> Map:
    """Values that change where the guide does, otherwise their mean around each pixel."""
    window = (2 * radius + 1, 2 * radius + 1)
    mean_guide, mean = cv2.blur(guide, window), cv2.blur(values, window)
    covariance = cv2.blur(guide * values, window) - mean_guide * mean
    variance = cv2.blur(guide * guide, window) - mean_guide**2
    slope = covariance / (variance + _EPSILON)
    return cv2.blur(slope, window) * guide + cv2.blur(mean - slope * mean_guide, window)


def _posterior(colours: NDArray[np.float32], score: Map) -> Map:
    """Probability (h, w) of rust by the colours (h, w, c), learnt from the score's extremes."""
    ranked = np.argsort(-score[::_STEP, ::_STEP], axis=None, kind="stable")
    samples = colours[::_STEP, ::_STEP].reshape(-1, colours.shape[2])
    rust = samples[ranked[: int(_SEEDS * len(ranked))]]
    ground = samples[ranked[len(ranked) - int(_GROUND * len(ranked)) :]]
    if min(len(rust), len(ground)) <= colours.shape[2]:  # too small to learn from
        return np.ones_like(score)
    labels = np.repeat([1, 0], [len(rust), len(ground)])
    analysis = QuadraticDiscriminantAnalysis(priors=[0.5, 0.5], reg_param=0.05)
    analysis.fit(np.concatenate([rust, ground]), labels)
    half = colours[::2, ::2]
    found = analysis.predict_proba(half.reshape(-1, colours.shape[2]))[:, 1]
    found = found.reshape(half.shape[:2]).astype(np.float32)
    return cv2.resize(found, score.shape[::-1], interpolation=cv2.INTER_LINEAR)
