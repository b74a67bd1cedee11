"""From a decoded photograph to the network's square input, and how a photograph is scaled."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import cv2
import numpy as np

from corrosion.data.geometry import Placement, place
from corrosion.data.scaling import scaled
from corrosion.settings.base import Settings
from corrosion.settings.data import ResizeMode
from corrosion.settings.types import Count


@dataclass(frozen=True)
class Resize:
    """A resizing of images to a square, made by `build_resize`.

    Bilinear as published, with the kernel widened by the factor of shrinking (the `BILINEAR` of
    Pillow and of torchvision): a plain bilinear kernel skips pixels beyond a factor of 2, and pits
    and streaks turn into noise.

    Attributes:
        image_size: side of the square in pixels.
        mode: "pad", "reflect", "crop" or "stretch".
    """

    image_size: int
    mode: ResizeMode = "pad"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Resize an image uint8 (H, W, 3) to uint8 (image_size, image_size, 3)."""
        placement = self.place(*image.shape[:2])
        target = placement.target
        inner = scale_to(placement.source.cut(image), target.height, target.width)
        reflect = self.mode == "reflect"
        return _pad(inner, placement, cv2.BORDER_REFLECT_101 if reflect else cv2.BORDER_CONSTANT)

    def place(self, height: int, width: int) -> Placement:
        """Compute where the pixels of an image of height x width come to lie in the square."""
        return place(height, width, self.image_size, self.mode)


def build_resize(image_size: int, mode: str = "pad") -> Resize:
    """Build the resizing of the settings `data.image_size` and `data.resize`.

    Args:
        image_size: side of the square in pixels, at least 1.
        mode: way to make images square. "pad" fits the longest side and centres the image between
            black bars: nothing is lost, and an explanation can't point at pixels that are not in
            the photograph. "reflect" does the same but mirrors the image into the bars, for sets
            where the shape of the bars would give the class away. "crop" fits the shortest side and
            keeps the centre: corrosion at the edges is lost. "stretch" fits both sides.

    Raises:
        CorrosionError: a value is not one of these, naming it and what is allowed.

    Example:
        >>> build_resize(32)(np.zeros((60, 80, 3), np.uint8)).shape
        (32, 32, 3)
    """
    settings = _Resizing.read({"image_size": image_size, "mode": mode})
    return Resize(settings.image_size, settings.mode)


class _Resizing(Settings):
    """The arguments of `build_resize`, whose sides may be smaller than a network's input."""

    image_size: Count
    mode: ResizeMode


def scale_to(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scale an image uint8 (H, W, 3) to (height, width, 3), as `Resize` scales photographs."""
    torch = sys.modules.get("torch")  # several times as fast; its import takes seconds
    if torch is None:
        return scaled(image, height, width)
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(
        pixels, (height, width), mode="bilinear", antialias=True
    )
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def whole(resize: Resize) -> Resize:
    """The resizing whose inputs lie over the whole photograph, as fine maps do.

    Args:
        resize: how the network's input is made of photographs.
    """
    return replace(resize, mode="stretch")


def _pad(image: np.ndarray, placement: Placement, border: int) -> np.ndarray:
    """Lay an image into its place in the square, with an OpenCV border around it."""
    top, left = placement.target.top, placement.target.left
    bottom = placement.size - top - placement.target.height
    right = placement.size - left - placement.target.width
    return cv2.copyMakeBorder(image, top, bottom, left, right, border, value=(0, 0, 0))
