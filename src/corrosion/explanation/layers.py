"""Transparent layers that a page lays over small pictures: the evidence, and the outline of rust.

Rust is orange and brown, rarely red or yellow. The layers are blue and cyan, so what they show is
never taken for rust, nor rust for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from corrosion.system.files import replacing

Layer = NDArray[np.uint8]

_STEPS = 8  # of the evidence's strength: their edges are contours, and few levels take few bytes
_OPAQUE = 190  # of the strongest evidence; the photograph still shows
_WEAK, _STRONG = (20, 60, 255), (0, 225, 255)
_OUTLINE, _SHADE = (0, 255, 255), (0, 0, 0)
_SHOWN = 1 / _STEPS  # weaker evidence is noise, and is left clear


def evidence_layer(values: NDArray[np.float32]) -> Layer:
    """A map as a layer: clear where there is no evidence, blue where it is weak, cyan where strong.

    Args:
        values: (H, W) float32 in [0, 1], as `Explanation.map`.

    Returns:
        (H, W, 4) uint8, RGB and opacity.

    Example:
        >>> layer = evidence_layer(np.array([[0.0, 1.0]], dtype=np.float32))
        >>> layer[0].tolist()
        [[20, 60, 255, 0], [0, 225, 255, 190]]
    """
    level = np.arange(256) / 255
    step = np.minimum(np.floor(level * _STEPS), _STEPS - 1) / (_STEPS - 1)
    table = np.empty((256, 1, 4))
    table[:, 0, :3] = np.outer(1 - step, _WEAK) + np.outer(step, _STRONG)
    table[:, 0, 3] = np.where(level < _SHOWN, 0, _OPAQUE * step)
    levels = cv2.convertScaleAbs(values, alpha=255)
    return cv2.LUT(cv2.merge([levels] * 4), table.round().astype(np.uint8)).astype(np.uint8)


def outline_layer(mask: NDArray[np.bool_], shape: tuple[int, int]) -> Layer:
    """The outline of a mask as a layer: a cyan line with a dark edge, seen on light and on dark.

    Args:
        mask: (h, w) bool over the whole photograph.
        shape: (height, width) of the layer.

    Returns:
        (height, width, 4) uint8, RGB and opacity.
    """
    height, width = shape
    small = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    layer = np.zeros((height, width, 4), dtype=np.uint8)
    thickness = _thickness(shape)
    cv2.drawContours(layer, contours, -1, (*_SHADE, 160), thickness + 2)
    cv2.drawContours(layer, contours, -1, (*_OUTLINE, 255), thickness)
    return layer


def with_boxes(
    layer: Layer, boxes: Iterable[tuple[int, int, int, int]], photograph: tuple[int, int]
) -> Layer:
    """A layer with numbered boxes: 1 is the first.

    Args:
        layer: (H, W, 4) uint8, which is drawn upon.
        boxes: (left, top, width, height) in pixels of the photograph.
        photograph: (height, width) of the photograph.
    """
    rows, columns = layer.shape[0] / photograph[0], layer.shape[1] / photograph[1]
    thickness = _thickness(layer.shape[:2])
    for number, (left, top, width, height) in enumerate(boxes, start=1):
        start = round(left * columns), round(top * rows)
        end = round((left + width) * columns) - 1, round((top + height) * rows) - 1
        text_at = start[0] + 3, max(start[1] + 16, 14)
        for colour, wider in (((*_SHADE, 200), 2), ((255, 255, 255, 255), 0)):
            cv2.rectangle(layer, start, end, colour, thickness + wider)
            cv2.putText(
                layer, str(number), text_at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1 + wider
            )
    return layer


def _thickness(shape: tuple[int, ...]) -> int:
    return max(1, round(min(shape[:2]) / 250))


def write_layer(path: Path, layer: Layer) -> None:
    """Write a layer to a WebP file, whole or not at all.

    Raises:
        CorrosionError: the folder can't be written.
    """
    with replacing(path) as temporary:
        # few levels: without loss they take a third of the bytes, and a fifth of the time
        Image.fromarray(layer).save(temporary, format="WEBP", lossless=True, quality=0, method=0)
