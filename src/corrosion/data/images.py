"""Read a photograph of any kind that occurs in the wild as RGB pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from corrosion.errors import CorrosionError

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
)
"""Endings of the files that count as images, in lower case."""

MAX_PIXELS = 178_000_000
"""Photographs with more pixels count as unreadable; PIL opens none much larger."""

# PIL warns of large and of damaged files without naming them; the errors raised here do
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\..*")

_ORIENTATION = 0x0112  # tag of EXIF
_SIDEWAYS = (5, 6, 7, 8)  # its values that swap width and height
_TIFF = (b"II*\0", b"MM\0*")
_WHITE = (255, 255, 255, 255)


class ImageError(CorrosionError):
    """A file that can't be read as an image.

    Attributes:
        path: of the file.
        reason: in a few words.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)  # errors travel from loader processes


@dataclass(frozen=True)
class ImageFacts:
    """What checking a file tells: its size in pixels as displayed."""

    width: int
    height: int


def read_image(
    path: str | Path, *, min_side: int | None = None, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Read the first frame of an image file, upright, in RGB.

    EXIF orientation is applied, transparency is laid on white, 16-bit values are scaled to 8 bits,
    CMYK, grey and palette colours become RGB. What a file is, its content says, not its name.

    Args:
        path: JPEG, PNG, WebP, BMP, TIFF or GIF.
        min_side: if given, a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, with no side
            below this; several times faster, and the pixels are averages, so nothing aliases.
        max_pixels: larger images are refused before they take the memory.

    Returns:
        (H, W, 3) uint8, contiguous.

    Raises:
        ImageError: the file is missing, empty, truncated, no image, or too large.
    """
    content = _content(path)
    with _opened(path, content, max_pixels) as image:
        if image.format == "JPEG" and image.mode in ("RGB", "L"):
            # OpenCV decodes twice as fast as PIL, but guesses at rarer kinds
            flags = cv2.IMREAD_COLOR_RGB | _reduction(image.size, min_side)
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
            if pixels is not None:
                return pixels
        return _rgb(image)


def check_image(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> tuple[ImageFacts, bytes]:
    """Make sure that a file can be read to its end.

    JPEGs are decoded at an eighth of their size, which reads all their data at a fifth of the cost.

    Args:
        path: of the file.
        max_pixels: larger images are refused.

    Returns:
        Its size, and the file's bytes, read once.

    Raises:
        ImageError: the file is missing, empty, truncated, no image, or too large.
    """
    content = _content(path)
    with _opened(path, content, max_pixels) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()
    return ImageFacts(width, height), content


def _content(path: str | Path) -> bytes:
    try:
        content = Path(path).read_bytes()  # OpenCV itself stumbles over non-ASCII names
    except OSError as error:
        raise ImageError(path, error.strerror or str(error)) from error
    if not content:
        raise ImageError(path, "the file is empty")
    return content


@contextmanager
def _opened(path: str | Path, content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The image, its header read; whatever PIL raises inside becomes an ImageError."""
    try:
        with _open(content) as image:
            if image.width * image.height <= max_pixels:
                yield image
                return
            size = f"{image.width} x {image.height}"
    except UnidentifiedImageError as error:
        raise ImageError(path, "no image of a known kind") from error
    except Image.DecompressionBombError as error:
        raise ImageError(path, f"too many pixels: {error}") from error
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, EOFError) as error:
        # what PIL's decoders raise on damaged data
        raise ImageError(path, f"damaged: {error}") from error
    raise ImageError(path, f"{size} pixels are more than {max_pixels:,} (data.max_megapixels)")


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content))
    except UnidentifiedImageError:
        if content[:4] not in _TIFF:
            raise
        # PIL knows no colour TIFF of 16 bits a channel; OpenCV scales it to 8
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise
        return Image.fromarray(pixels)


def _reduction(size: tuple[int, int], min_side: int | None) -> int:
    """OpenCV's flag for decoding at reduced scale."""
    if min_side is None:
        return 0
    # these are the scales alone: IMREAD_REDUCED_COLOR_* would ask for BGR
    flags = {8: cv2.IMREAD_REDUCED_GRAYSCALE_8, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4}
    flags[2] = cv2.IMREAD_REDUCED_GRAYSCALE_2
    return next((flag for scale, flag in flags.items() if min(size) // scale >= min_side), 0)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        grey = _eight_bits(np.asarray(image))
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _eight_bits(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale 16-bit integers, or floats in [0, 1], to [0, 255]."""
    if grey.dtype.kind == "f":
        if not (np.isfinite(grey).all() and grey.min() >= 0 and grey.max() <= 1):
            raise ValueError("floating-point pixels outside [0, 1]")
        return np.round(grey.astype(np.float64) * 255).astype(np.uint8)
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("integer pixels beyond 16 bits")
    return np.round(grey.astype(np.float64) / 257).astype(np.uint8)
