"""Where a photograph's pixels come to lie in the network's square input, and where they came from.

Everything in whole pixels: resizing an image and taking a map back to the photograph follow the
same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: rows top to top + height, columns left to left + width.

    Example:
        >>> Window(top=1, left=0, height=1, width=2).cut(np.arange(6).reshape(2, 3))
        array([[3, 4]])
    """

    top: int
    left: int
    height: int
    width: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The part of an image (H, W, ...) in the window, as a view."""
        rows = slice(self.top, self.top + self.height)
        return image[rows, self.left : self.left + self.width]


@dataclass(frozen=True)
class Placement:
    """How a photograph is laid into a square.

    Attributes:
        size: side of the square.
        source: the part of the photograph that the network sees.
        target: where in the square that part comes to lie, scaled to fit; the rest is filled.
    """

    size: int
    source: Window
    target: Window


def place(height: int, width: int, size: int, mode: str) -> Placement:
    """Lay a photograph of height x width pixels into a square of side `size`.

    Args:
        height: of the photograph, at least 1.
        width: likewise.
        size: side of the square.
        mode: as for `corrosion.data.transforms.build_resize`.

    Example:
        A photograph of 300 x 600 pixels fills half of the square; 56 rows above and below it are
        padding:

        >>> place(300, 600, 224, "pad").target
        Window(top=56, left=0, height=112, width=224)
        >>> place(300, 600, 224, "crop").source
        Window(top=0, left=150, height=300, width=300)
    """
    whole, square = Window(0, 0, height, width), Window(0, 0, size, size)
    if mode == "stretch":
        return Placement(size, whole, square)
    if mode == "crop":
        side = min(height, width)
        centre = Window((height - side) // 2, (width - side) // 2, side, side)
        return Placement(size, centre, square)
    scale = size / max(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - inner_height) // 2, (size - inner_width) // 2
    return Placement(size, whole, Window(top, left, inner_height, inner_width))
