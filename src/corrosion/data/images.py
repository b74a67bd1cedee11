"""Read a photograph of any kind that occurs in the wild as RGB pixels."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from corrosion.data.completeness import (
    CUT,
    TruncatedError,
    refuse_cut,
    refuse_filled,
    refuse_short_tiff,
)
from corrosion.data.decoding import (
    REDUCTIONS,
    TRANSPOSED,
    draft,
    is_plain_jpeg,
    orientation,
    reduction,
    rgb,
    upright,
)
from corrosion.data.file_kinds import kind_by_content
from corrosion.data.places import PlaceError, elsewhere_content
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, on_disk

# JPEG stands for those of telephones with several frames (MPO) too
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
"""What a file may be, by its content. PIL reads more, some by other programs: an EPS called .jpg
would start Ghostscript."""

MAX_BYTES = 2 * 2**30
"""Larger files are refused before they are read; an uncompressed photograph of `MAX_PIXELS` has
1 GiB at the most."""

MAX_PIXELS = 178_000_000
"""Photographs with more pixels count as unreadable; PIL opens none much larger."""

# PIL warns of large and of damaged files without naming them; the errors raised here do
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\..*")

_TIFF = (b"II*\0", b"MM\0*")
_WIDTH, _HEIGHT = 256, 257  # tags of TIFF
_CHECKED_SIDE = 512  # enough to tell photographs apart and to see blur


class ImageError(CorrosionError):
    """A file that can't be read as an image.

    Attributes:
        path: path of the file.
        reason: what is wrong with it, in a few words.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(displayable(f"{path}: {reason}"))
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)  # errors travel from loader processes


def reason_of(error: Exception) -> str:
    """What is wrong with a file, in a few words, by whatever was raised while it was worked on."""
    if isinstance(error, ImageError):
        return error.reason
    return displayable(str(error) or type(error).__name__)


@dataclass(frozen=True)
class CheckedImage:
    """A file that was read to its end.

    Attributes:
        width: width in pixels, as displayed.
        height: height in pixels, as displayed.
        pixels: (h, w, 3) uint8, upright, RGB; those of a large JPEG at reduced scale.
        content: the file's bytes.
    """

    width: int
    height: int
    pixels: NDArray[np.uint8]
    content: bytes


def read_image(
    path: str | Path,
    *,
    content: bytes | None = None,
    min_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> NDArray[np.uint8]:
    """Read the first frame of an image file, upright, in RGB.

    EXIF orientation is applied, transparency is laid on white, 16-bit values are scaled to 8 bits,
    CMYK, grey and palette colours become RGB. What a file is, its content says, not its name.

    Args:
        path: path of a JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF.
        content: the file's bytes, where they have been read already.
        min_side: shortest side at which a large JPEG may be decoded, at 1/2, 1/4 or 1/8 of its
            size; faster, and the pixels are averages, so nothing aliases. None decodes it in full.
        max_pixels: largest number of pixels; larger images are refused before they take memory.

    Returns:
        (H, W, 3) uint8, contiguous.

    Raises:
        ImageError: the file is missing, empty, truncated, no image, or too large.
    """
    content = file_content(path) if content is None else content
    with _opened(path, content, max_pixels) as image:
        scale = reduction(image.size, min_side)
        if is_plain_jpeg(image):
            refuse_cut(image.format, content)
            # OpenCV decodes a third faster than PIL, but guesses at rarer kinds
            flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION | REDUCTIONS[scale]
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
            if pixels is not None:  # else PIL can do better
                refuse_filled(image.format, content, pixels[-1])
                return upright(pixels, orientation(image))
        draft(image, scale)
        return _whole_rgb(image, content)


def displayed_size(path: str | Path, *, content: bytes | None = None) -> tuple[int, int]:
    """Read the height and width of an image file as it is displayed, from its header alone.

    Args:
        path: path of the file, for messages too.
        content: the file's bytes, where they have been read already.

    Returns:
        (height, width) in pixels, after EXIF orientation.

    Raises:
        ImageError: the file is missing, empty, or no image.
    """
    content = file_content(path) if content is None else content
    with _opened(path, content, MAX_PIXELS) as image:
        width, height = image.size
        turned = image.format != "TIFF" and orientation(image) in TRANSPOSED  # TIFFs tell it turned
        return (width, height) if turned else (height, width)


def check_image(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> CheckedImage:
    """Decode an image file to its end, which makes sure that it can be read.

    JPEGs are decoded at 1/2, 1/4 or 1/8 of their size, with no side below 512 pixels: all their
    data is read, at a fifth of the cost.

    Args:
        path: path of the file.
        max_pixels: largest number of pixels; larger images are refused.

    Raises:
        ImageError: the file is missing, empty, truncated, no image, or too large.
    """
    content = file_content(path)
    with _opened(path, content, max_pixels) as image:
        width, height = image.size
        draft(image, reduction(image.size, _CHECKED_SIDE))
        pixels = _whole_rgb(image, content)
        if orientation(image) in TRANSPOSED:
            width, height = height, width
    return CheckedImage(width, height, np.ascontiguousarray(pixels), content)


def file_content(path: str | Path) -> bytes:
    """Read the bytes of a file.

    Raises:
        ImageError: the file is missing, no regular one, larger than `MAX_BYTES`, can't be read, or
            is empty.
        UnreachableError: nothing can be read any more from where it lies.
    """
    try:
        content = elsewhere_content(path, MAX_BYTES)
        if content is None:
            content = _content_here(path)
    except (PlaceError, OSError) as error:
        raise ImageError(path, getattr(error, "strerror", None) or str(error)) from error
    if not content:
        raise ImageError(path, "the file is empty")
    return content


def _content_here(path: str | Path) -> bytes:
    if (size := regular_size(path)) > MAX_BYTES:
        raise ImageError(path, f"too large: {size:,} bytes are more than {MAX_BYTES:,}")
    return on_disk(path).read_bytes()  # OpenCV itself stumbles over non-ASCII names


def regular_size(path: str | Path) -> int:
    """The size of a file in bytes.

    Raises:
        ImageError: the file is missing, or no regular one: a pipe would be waited for, a device
            never ends.
    """
    there = on_disk(path)
    try:
        state = there.stat()
        if stat.S_ISDIR(state.st_mode):
            os.scandir(there).close()  # what is listed may be a folder that can't be read
    except ValueError as error:  # of a name that no file can have
        raise ImageError(path, str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        broken = isinstance(error, FileNotFoundError) and there.is_symlink()
        raise ImageError(path, "a link to nothing" if broken else reason) from error
    if not stat.S_ISREG(state.st_mode):
        raise ImageError(path, "a directory" if stat.S_ISDIR(state.st_mode) else "no regular file")
    return state.st_size


def content_hash(content: bytes) -> str:
    """Hash a file's bytes, as the column content_hash of records does: 32 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@contextmanager
def _opened(path: str | Path, content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The image, its header read; whatever the decoders raise inside becomes an ImageError."""
    try:
        with _open(content, max_pixels) as image:
            _refuse_enormous(*image.size, max_pixels)
            yield image
    except UnidentifiedImageError as error:
        kind = kind_by_content(content)
        known = "" if kind is None else f": a {kind}, or damaged"
        raise ImageError(path, f"no image of a known kind{known}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(path, f"too large: {error}") from error
    except TruncatedError as error:
        raise ImageError(path, f"truncated: {error}") from error
    except Exception as error:
        # damaged data makes the decoders raise nearly anything: struct.error, AttributeError, ...
        cut = "truncated" in str(error).lower()
        reason = f"truncated: {CUT}" if cut else f"damaged: {reason_of(error)}"
        raise ImageError(path, reason) from error


def _whole_rgb(image: Image.Image, content: bytes) -> NDArray[np.uint8]:
    """The pixels of an image, all of which the file holds."""
    refuse_cut(image.format, content)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        refuse_short_tiff(image.tag_v2, len(content))
    image.load()
    width, height = image.size
    last = image.crop((0, height - 1, width, height))
    refuse_filled(image.format, content, np.asarray(last)[0])
    return rgb(image)


def _refuse_enormous(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Image.DecompressionBombError(
            f"{width} x {height} pixels are more than {max_pixels:,} (max_pixels; in training "
            f"data.max_megapixels)"
        )


def _open(content: bytes, max_pixels: int) -> Image.Image:
    if content[8:12] == b"WEBP":
        refuse_cut("WEBP", content)  # PIL would call it damaged
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if content[:4] not in _TIFF:
            raise
        return _open_deep_tiff(content, max_pixels)


def _open_deep_tiff(content: bytes, max_pixels: int) -> Image.Image:
    """A colour TIFF of 16 bits a channel: PIL knows few of them, OpenCV scales all to 8 bits."""
    header = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
    stream = io.BytesIO(content)
    stream.seek(header.next)
    header.load(stream)
    if not {_WIDTH, _HEIGHT} <= set(header):
        raise UnidentifiedImageError
    _refuse_enormous(header[_WIDTH], header[_HEIGHT], max_pixels)
    refuse_short_tiff(header, len(content))
    # OpenCV applies the orientation of TIFFs even when told not to
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise ValueError("no TIFF that PIL or OpenCV can decode")
    return Image.fromarray(pixels)
