"""Images of PIL as upright RGB pixels."""

from __future__ import annotations

import logging

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

log = logging.getLogger(__name__)

TRANSPOSED = (5, 6, 7, 8)
"""The orientations of EXIF that swap height and width."""

REDUCTIONS = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""OpenCV's flags of the scales of JPEGs, without a word on colour: IMREAD_REDUCED_COLOR_* would ask
for BGR."""

_ORIENTATION = 0x0112  # tag of EXIF
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # orientation -> OpenCV's code, after transposing
_WHITE = (255, 255, 255, 255)


def orientation(image: Image.Image) -> int:
    """The orientation of EXIF, 1 to 8: how the pixels of an image are to be turned.

    Of other formats than JPEG it is asked after `load`, which turns TIFFs.
    """
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:
        # as viewers do: a photograph is worth keeping even if its EXIF data is garbage
        log.debug("EXIF data can't be read: taken as upright", exc_info=True)
        return 1


def upright(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Turn and flip pixels (H, W, ...) as an orientation of EXIF says, 1 to 8."""
    if turn in TRANSPOSED:
        pixels = cv2.transpose(pixels)
    if turn in _FLIPS:
        pixels = cv2.flip(pixels, _FLIPS[turn])
    return pixels


def rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an image of PIL, of any mode, upright.

    Transparency is laid on white, 16-bit values are scaled to 8 bits.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        Exception: the data is damaged, which PIL reports by nearly any kind.
    """
    image.load()
    turn = orientation(image)
    if image.mode.startswith(("I", "F")):
        grey = _eight_bits(np.asarray(image))
        return upright(np.repeat(grey[..., None], 3, axis=2), turn)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image)
    return upright(np.array(image.convert("RGB"), dtype=np.uint8), turn)


def _eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 16-bit integers, or floats in [0, 1], to [0, 255]."""
    if grey.dtype.kind == "f":
        if not (np.isfinite(grey).all() and grey.min() >= 0 and grey.max() <= 1):
            raise ValueError("floating-point pixels outside [0, 1]")
        return np.round(grey.astype(np.float64) * 255).astype(np.uint8)
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("integer pixels beyond 16 bits")
    return np.round(grey.astype(np.float64) / 257).astype(np.uint8)


def reduction(size: tuple[int, int], min_side: int | None) -> int:
    """The largest reduction, 1, 2, 4 or 8, that leaves no side below `min_side`; 1 for None."""
    if min_side is None:
        return 1
    return max((scale for scale in REDUCTIONS if min(size) // scale >= min_side), default=1)


def draft(image: Image.Image, scale: int) -> None:
    """Let PIL decode a JPEG at 1 / scale of its size; other formats stay as they are."""
    image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))


def is_plain_jpeg(image: Image.Image) -> bool:
    """Whether OpenCV decodes an image as PIL does: a JPEG in colour or grey, without CMYK."""
    # MPO: a JPEG with further frames behind it, from telephones
    return image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L")
