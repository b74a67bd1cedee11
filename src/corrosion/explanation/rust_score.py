"""How much a photograph's pixels look like the rust that a network sees in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from corrosion.data.geometry import Map
from corrosion.data.resizing import scale_to
from corrosion.errors import CorrosionError
from corrosion.explanation.baselines import cielab

CUT = 0.08
"""Score from which a pixel is rust.

On 34 photographs with masks the IoU is the same from 0.05 to 0.1; on the sample it is better below,
where shares come out too large.
"""

SIDE = 512
"""Longest side at which a photograph is looked at; more costs time and gains nothing."""

_BLUR = 4  # pixels: standard deviation of the blur of the colours, against noise and texture
_WIDE_BLUR = 8
_FINE_BLUR = 2
_RADIUS = 8  # of the guided filter
_EPSILON = 1e-3
_SEEDS, _GROUND = 0.2, 0.4  # shares of the pixels that teach rust, and what is none
_STEP = 4  # every fourth pixel of each axis teaches
_UNIT = 50.0  # a* of saturated rust
_DARKNESS = 0.3  # its exponent: light rust is rust too
_HUE = np.radians(45)  # angle of its hue in CIELAB, between red and yellow


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
    small = reduced(image)
    size = small.shape[1::-1]
    scale = max(size) / SIDE
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


def reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photograph (H, W, 3) uint8 RGB as it is looked at: its longest side is `SIDE` at most."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
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
