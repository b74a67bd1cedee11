"""Maps as colours, over the photograph, with boxes; and pictures written to files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from corrosion.data.geometry import Pixels, shrink_to
from corrosion.errors import CorrosionError
from corrosion.explanation.regions import Box
from corrosion.system.files import replacing

UNLIKE_RUST = "azure"
"""The colour map of inspections: rust is orange and brown, and never blue or cyan."""

_STOPS = {
    0: (0, 0, 0),
    32: (0, 26, 95),
    96: (0, 60, 170),
    176: (0, 130, 250),
    255: (130, 250, 255),
}


def _between(stops: Mapping[int, tuple[int, int, int]]) -> Pixels:
    """The 256 colours (256, 1, 3) BGR of a map, from those at a few levels."""
    channels = zip(*stops.values(), strict=True)
    columns = [np.interp(np.arange(256), list(stops), channel) for channel in channels]
    return np.stack(columns[::-1], axis=-1)[:, None].round().astype(np.uint8)


COLORMAPS: Mapping[str, int | Pixels] = MappingProxyType(
    {
        "inferno": cv2.COLORMAP_INFERNO,
        "magma": cv2.COLORMAP_MAGMA,
        "plasma": cv2.COLORMAP_PLASMA,
        "viridis": cv2.COLORMAP_VIRIDIS,
        "cividis": cv2.COLORMAP_CIVIDIS,
        "jet": cv2.COLORMAP_JET,
        UNLIKE_RUST: _between(_STOPS),
    }
)
"""Colour maps by name. All but jet and azure are perceptually uniform: equal steps of evidence
look equal."""

DEFAULT_COLORMAP = "inferno"
"""Black where there is no evidence, so an empty map leaves the photograph as it is."""

WHITE = (255, 255, 255)
"""The colour of boxes that are seen on a map unlike rust."""

_BOX = (0, 255, 255)
_SCREEN_QUALITY = 85
_JPEG_SIDE = 65_500  # pixels of a side that libjpeg writes at the most


def check_colormap(colormap: str) -> None:
    """Make sure that a colour map is known.

    Raises:
        CorrosionError: it is not.
    """
    if colormap not in COLORMAPS:
        raise CorrosionError(f"colormap={colormap}: choose {', '.join(COLORMAPS)}.")


def heat_map(values: NDArray[np.float32], *, colormap: str = DEFAULT_COLORMAP) -> Pixels:
    """Colours (H, W, 3) uint8 RGB of values (H, W) in [0, 1].

    Raises:
        CorrosionError: the colour map is unknown.

    Example:
        >>> heat_map(np.zeros((2, 3), dtype=np.float32), colormap="inferno").max(axis=(0, 1))
        array([0, 0, 4], dtype=uint8)
    """
    levels = cv2.convertScaleAbs(values, alpha=255)
    return cv2.applyColorMap(levels, _colours(colormap)).astype(np.uint8, copy=False)


def overlay(
    image: Pixels,
    values: NDArray[np.float32],
    *,
    colormap: str = DEFAULT_COLORMAP,
    image_weight: float = 0.5,
) -> Pixels:
    """Lay a map over its photograph, as pytorch-grad-cam's `show_cam_on_image` does.

    Mixed in 8 bits, which takes about a sixth of the time; no level differs by more than 1 from
    the library's.

    Like the library's, the mixture is brightened until its brightest level is 255; but no further
    than a white pixel without evidence would be, or else a dark photograph without evidence would
    turn into bright noise.

    Args:
        image: (H, W, 3) uint8 RGB.
        values: (H, W) float32 in [0, 1], as `Explanation.map`.
        colormap: a name of `COLORMAPS`.
        image_weight: share of the photograph in the mixture, [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        CorrosionError: the colour map is unknown.
    """
    table = _colours(colormap)
    colours = cv2.applyColorMap((values * 255).astype(np.uint8), table)
    weight = 1 - image_weight
    mixed = cv2.addWeighted(image, image_weight, colours, weight, 0)
    white = image_weight * 255 + weight * table[0].max()
    brightest = mixed == mixed.max()
    peak = (image_weight * image[brightest] + weight * colours[brightest]).max()  # not rounded
    gain = 255 / max(peak, white)
    # OpenCV rounds to the nearest level, the library down
    brightened = cv2.addWeighted(
        image, gain * image_weight, colours, gain * weight, -0.5, dst=mixed
    )
    return brightened.astype(np.uint8, copy=False)


def _colours(colormap: str) -> Pixels:
    """The 256 colours (256, 1, 3) RGB of a map, from no evidence to the strongest."""
    check_colormap(colormap)
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.cvtColor(cv2.applyColorMap(levels, COLORMAPS[colormap]), cv2.COLOR_BGR2RGB)


def write_image(path: Path, pixels: Pixels) -> None:
    """Write pixels (h, w, 3) uint8 RGB to a PNG or JPEG file, whole or not at all.

    What is longer than a JPEG may be is shrunk to that.

    Raises:
        DiskError: the folder can't be written.
        CorrosionError: this file can't be written.
    """
    if path.suffix == ".jpg":
        pixels = shrink_to(pixels, _JPEG_SIDE)
    with replacing(path) as temporary:
        # least compression: three times as fast, a tenth larger
        Image.fromarray(pixels).save(temporary, quality=92, compress_level=1)


def jpeg(pixels: Pixels) -> bytes:
    """Pixels (h, w, 3) uint8 RGB as the bytes of a JPEG file for a screen."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_SCREEN_QUALITY)
    return buffer.getvalue()


def write_map(path: Path, values: NDArray[np.float32]) -> None:
    """Write a map (h, w) in [0, 1] to a PNG file of one channel of 16 bits, whole or not at all.

    65535 stands for 1, so that nothing that float32 tells of a map is lost to the eye or to a
    threshold.

    Raises:
        CorrosionError: the folder can't be written.
    """
    levels = np.round(values.astype(np.float64) * 65535).astype(np.uint16)
    with replacing(path) as temporary:
        Image.fromarray(levels).save(temporary, compress_level=1)


def boxed(image: Pixels, boxes: Iterable[Box], *, colour: tuple[int, int, int] = _BOX) -> Pixels:
    """An image (H, W, 3) uint8 RGB with boxes, in a colour (RGB)."""
    drawn = np.ascontiguousarray(image)
    thickness = max(1, round(min(image.shape[:2]) / 200))
    for box in boxes:
        corner = (box.left + box.width - 1, box.top + box.height - 1)
        cv2.rectangle(drawn, (box.left, box.top), corner, colour, thickness)
    return drawn
