"""Whatever Python programs hold images in, as items that an `ImageReader` reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from corrosion.data.decoding import rgb
from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import Item
from corrosion.data.images import ImageError
from corrosion.errors import CorrosionError

if TYPE_CHECKING:
    from torch import Tensor

ImageSource: TypeAlias = Union[str, Path, bytes, BinaryIO, Image.Image, NDArray[Any], "Tensor"]
"""An image, or several: a file, folder, pattern or video by its path; the bytes of a file; a binary
file object; an image of PIL; an array (H, W, 3) or (N, H, W, 3); a tensor (3, H, W) or
(N, 3, H, W). Arrays and tensors are RGB, uint8 in [0, 255] or float in [0, 1]."""

_TAKEN = (
    "give paths of files, folders or patterns, bytes, binary file objects, images of PIL, arrays "
    "(H, W, 3) or (N, H, W, 3), tensors (3, H, W) or (N, 3, H, W), or a list of these"
)


def image_items(
    images: ImageSource | Iterable[ImageSource], *, recursive: bool = False
) -> list[Item]:
    """The images of one or several sources, in their order.

    Args:
        images: see `ImageSource`; paths that follow each other are taken once each.
        recursive: look into subfolders of folders.

    Returns:
        One a file, video or image in memory. Images in memory are named "image 0", "image 1" ...
        by their place; those of PIL, arrays and tensors have their pixels as `content`.

    Raises:
        CorrosionError: something else; an array of another shape, type or range; a path is missing,
            or a folder or pattern holds nothing.
        ImageError: an image of PIL is damaged, or a file object can't be read.

    Example:
        >>> pixels = np.zeros((3, 480, 640, 3), dtype=np.uint8)
        >>> [(item.path, item.content.shape) for item in image_items(pixels)][-1]
        ('image 2', (480, 640, 3))
    """
    items: list[Item] = []
    for are_paths, sources in groupby(_listed(images), lambda one: isinstance(one, (str, Path))):
        if are_paths:
            files = find_inputs(sources, recursive=recursive)
            items += [Item(len(items) + number, path) for number, path in enumerate(files)]
            continue
        for source in sources:
            for content in _contents(source, f"image {len(items)}"):
                items.append(Item(len(items), f"image {len(items)}", content=content))
    return items


def _listed(images: Any) -> list[Any]:
    whole = (str, Path, bytes, bytearray, memoryview, Image.Image, np.ndarray)
    if (
        isinstance(images, whole)
        or _is_tensor(images)
        or hasattr(images, "read")
        or not isinstance(images, Iterable)
    ):
        return [images]
    return list(images)


def _is_tensor(images: Any) -> bool:
    """Whether it is a tensor of torch, which then has been imported already."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(images, torch.Tensor)


def _contents(source: Any, name: str) -> Iterator[bytes | NDArray[np.uint8]]:
    if isinstance(source, Image.Image):
        content = _undecoded(source)
        yield _pixels_of(source, name) if content is None else content
    elif isinstance(source, (bytes, bytearray, memoryview)):
        yield bytes(source)
    elif isinstance(source, np.ndarray) or _is_tensor(source):
        yield from _rows(source)
    elif hasattr(source, "read"):
        yield _read(source, name)
    else:
        raise CorrosionError(f"a {type(source).__name__} is no image: {_TAKEN}.")


def _read(stream: Any, name: str) -> bytes:
    try:
        content = stream.read()
    except (OSError, ValueError) as error:
        raise ImageError(name, f"the file object can't be read: {error}") from error
    if not isinstance(content, bytes):
        raise CorrosionError(f"{name} is a file object of text: open the file in binary mode (rb).")
    return content


def _undecoded(image: Image.Image) -> bytes | None:
    """The bytes of the file that an image of PIL was opened from, until it is decoded.

    The reader decodes large JPEGs at reduced scale: the same bytes give the file's own prediction.
    """
    stream = getattr(image, "fp", None)
    if stream is None or not getattr(image, "tile", None) or image.tell() != 0:
        return None
    try:
        position = stream.tell()
        stream.seek(0)
        content = stream.read()
        stream.seek(position)
    except (OSError, ValueError):
        return None
    return content


def _pixels_of(image: Image.Image, name: str) -> NDArray[np.uint8]:
    try:
        return np.ascontiguousarray(rgb(image))
    except Exception as error:  # damaged data makes the decoders raise nearly anything
        raise ImageError(name, f"damaged: {error or type(error).__name__}") from error


def _rows(images: NDArray[Any] | Tensor) -> Iterator[NDArray[np.uint8]]:
    """The pixels (H, W, 3) uint8 of one or several images."""
    array = images if isinstance(images, np.ndarray) else images.detach().cpu().numpy()
    several = array if array.ndim == 4 else array[None]
    last, first = several.shape[-1] == 3, several.ndim == 4 and several.shape[1] == 3
    if several.ndim != 4 or not (last or first) or 0 in several.shape:
        raise CorrosionError(
            f"images of shape {tuple(images.shape)}: give RGB arrays (H, W, 3) or (N, H, W, 3), or "
            f"tensors (3, H, W) or (N, 3, H, W)."
        )
    if first and (_is_tensor(images) or not last):
        several = several.transpose(0, 2, 3, 1)
    for row in several:
        yield np.require(_eight_bits(row), requirements=["C", "W"])  # as torch wants it


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels as files hold them; floats in [0, 1] are rounded to 256 levels."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind != "f":
        raise CorrosionError(
            f"images of type {pixels.dtype}: give uint8 in [0, 255] or float in [0, 1]."
        )
    # noise may leave [0, 1] a little; bytes as floats, or normalised images, do so by far
    if not ((pixels >= -0.5) & (pixels <= 1.5)).all():
        raise CorrosionError("float images must be in [0, 1]: divide by 255, or give uint8.")
    return np.round(pixels.clip(0, 1) * 255).astype(np.uint8)
