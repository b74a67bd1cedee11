"""Fine maps: the network over a photograph at several resolutions, mirrored too, averaged.

The last feature map has 7 x 7 cells at 224 pixels. On a larger copy of the photograph it has more,
each of which sees a smaller part of it: sharper, but further from the scale that the network was
trained on. The mean over an image pyramid has some of both, as weakly supervised segmentation knows
(Ahn, Cho & Kwak, CVPR 2019, whose code adds up class activation maps of four scales and of their
mirror images).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from corrosion.data.geometry import Grid, Map, Window
from corrosion.data.resizing import scale_to
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import activation_maps
from corrosion.explanation.cell_grid import traced_grid
from corrosion.explanation.explaining import check_finite
from corrosion.explanation.explanation import Explanation
from corrosion.explanation.pyramid_levels import Level, pyramid_levels
from corrosion.models.classifier import CorrosionClassifier
from corrosion.settings.explanation import FINE_METHODS

MAP_SIDE = 1024
"""Longest side of a fine map: further pixels of a photograph are interpolated."""


class _View(NamedTuple):
    """The signed map (h, w) of a view, mirrored or not, and the grids of its cells."""

    window: Window
    mirrored: bool
    raw: Map
    rows: Grid
    columns: Grid


def fine_map(
    network: CorrosionClassifier,
    image: NDArray[np.uint8],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
) -> Map:
    """Explain a photograph finely, at the price of about 30 predictions.

    Each level and its mirror image, whatever the network's test-time augmentation, get a map; both
    are laid over the photograph by where the network's cells lie (`traced_grid`), and averaged with
    their signs. A level's evidence for the target is divided by its strongest evidence for or
    against, as in `ActivationMaps.scaled`, so that no level dominates; the levels are averaged, and
    the peak of the mean is raised to the mean of their peaks.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright, at full resolution or shrunk.
        method: a name of `FINE_METHODS`.
        target: what the map is evidence for, "corrosion" or "no_corrosion" (or "none").

    Returns:
        (h, w) float32 in [0, 1] over the whole photograph: its own size, shrunk to a longest side
        of `MAP_SIDE`.

    Raises:
        CorrosionError: as `Pyramid`, or a map is not finite, or the network fails on sizes that are
            not its own.
    """
    return Pyramid(network, image, method=method, target=target).map()


def refined(
    network: CorrosionClassifier,
    explanation: Explanation,
    image: NDArray[np.uint8],
    *,
    method: str = "gradcam",
) -> Explanation:
    """The explanation of a photograph with its fine map; all else, `empty` too, stays as it is.

    Args:
        network: network that gave the explanation.
        explanation: explanation of the same photograph, with any map.
        image: as `fine_map` takes it.
        method: as `fine_map` takes it.

    Raises:
        CorrosionError: as `fine_map`.
    """
    target = explanation.target
    return replace(explanation, map=fine_map(network, image, method=method, target=target))


def check_fine_method(method: str) -> None:
    """Make sure that a method gives fine maps.

    Raises:
        CorrosionError: it does not.
    """
    if method not in FINE_METHODS:
        raise CorrosionError(
            f"method={method} gives no fine maps: choose {', '.join(FINE_METHODS)}."
        )


_TINY = float(np.finfo(np.float32).tiny)


class Pyramid:
    """A photograph as a network sees it at several levels, each looked at once however many maps
    are made of it.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright, at full resolution or shrunk.
        method: a name of `FINE_METHODS`.
        target: what maps are evidence for, "corrosion" or "no_corrosion" (or "none").

    Raises:
        CorrosionError: the method gives no fine maps, or is unknown, or the target is no class.
    """

    def __init__(
        self,
        network: CorrosionClassifier,
        image: NDArray[np.uint8],
        *,
        method: str = "gradcam",
        target: str = "corrosion",
    ) -> None:
        check_fine_method(method)
        if target == "predicted":
            raise CorrosionError(
                "target=predicted: a fine map needs the class that was decided for."
            )
        self._network = network
        self._image = image
        self._asked = method, target
        self._seen: dict[Level, tuple[_View, ...]] = {}

    def map(self, factors: Sequence[float] | None = None, *, side: int = MAP_SIDE) -> Map:
        """The mean of the maps of some levels, as `fine_map` says.

        Args:
            factors: scales of the levels, as `pyramid_levels` takes them; fewer cost less.
            side: longest side of the map in pixels, where the photograph has more.

        Returns:
            (h, w) float32 in [0, 1] over the whole photograph.

        Raises:
            CorrosionError: a map is not finite, or the network fails on a level.
        """
        shrink = min(1.0, side / max(self._image.shape[:2]))
        height, width = (max(1, round(one * shrink)) for one in self._image.shape[:2])
        levels = pyramid_levels(self._network, *self._image.shape[:2], factors=factors)
        total = np.zeros((height, width), dtype=np.float32)
        peaks = 0.0
        for level in levels:
            values = self.level_map(level, (height, width))
            total += values / len(levels)
            peaks += float(values.max()) / len(levels)
        return (total * (peaks / max(float(total.max()), _TINY))).astype(np.float32, copy=False)

    def level_map(self, level: Level, shape: tuple[int, int]) -> Map:
        """Explain the photograph at one level.

        Args:
            level: a level, from `pyramid_levels`.
            shape: (h, w) of the map.

        Returns:
            (h, w) float32 in [0, 1] over the whole photograph; 1 is the strongest evidence for or
            against the target.

        Raises:
            CorrosionError: as `map`.
        """
        if level not in self._seen:
            self._seen[level] = tuple(self._views(level))
        total = np.zeros(shape, dtype=np.float32)
        count = np.zeros(shape, dtype=np.float32)
        for view, mirrored, raw, rows, columns in self._seen[level]:
            top, vertical = _seen(shape[0], level.height, view.top, view.height)
            left, across = _seen(shape[1], level.width, view.left, view.width)
            if mirrored:
                across = view.width - across
            there = Window(top, left, len(vertical), len(across))
            of_rows = rows.weights(vertical, raw.shape[0])
            of_columns = columns.weights(across, raw.shape[1])
            there.cut(total)[:] += of_rows @ raw @ of_columns.T
            there.cut(count)[:] += 1
        total /= np.maximum(count, 1)
        strongest = max(float(np.abs(total).max()), _TINY)
        return (np.maximum(total, 0) / strongest).astype(np.float32, copy=False)

    def _views(self, level: Level) -> Iterator[_View]:
        """What the network says of each view of a level, and of its mirror image."""
        pixels = scale_to(self._image, level.height, level.width)
        for view in level.views:
            part = view.cut(pixels)
            for mirrored in (False, True):
                shown = part[:, ::-1] if mirrored else part
                yield _View(view, mirrored, *_view_map(self._network, shown, *self._asked))


def _view_map(
    network: CorrosionClassifier, shown: NDArray[np.uint8], method: str, target: str
) -> tuple[Map, Grid, Grid]:
    """The signed map (h, w) of what the network is shown, and the grids of its cells."""
    batch = torch.from_numpy(np.ascontiguousarray(shown)).permute(2, 0, 1)[None]
    try:
        with traced_grid(network.backbone) as trace:
            maps = activation_maps(network, batch, method=method, target=target, tta="none")
    except (RuntimeError, AssertionError, ValueError) as error:
        height, width = shown.shape[:2]
        raise CorrosionError(
            f"map=fine: the network fails on {height} x {width} pixels. Take map=plain. [{error}]"
        ) from error
    check_finite(maps)
    raw = maps.raw[0].cpu().numpy()
    return raw, *trace.grids(shown.shape[:2], raw.shape)


def _seen(pixels: int, length: int, start: int, size: int) -> tuple[int, NDArray[np.float64]]:
    """The first of a map's pixels in a view, and the places of all of them in the view.

    `pixels` pixels lie over `length` pixels of a level, of which the view begins at `start`.
    """
    places = (np.arange(pixels) + 0.5) * length / pixels - start
    (inside,) = np.nonzero((places >= 0) & (places < size))
    return int(inside[0]) if len(inside) else 0, places[inside]
