"""Fine maps: the network over a photograph at several resolutions, mirrored too, averaged.

The last feature map has 7 x 7 cells at 224 pixels. On a larger copy of the photograph it has more,
each of which sees a smaller part of it: sharper, but further from the scale that the network was
trained on. The mean over an image pyramid has some of both, as weakly supervised segmentation knows
(Ahn, Cho & Kwak, CVPR 2019, whose code adds up class activation maps of four scales and of their
mirror images).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from corrosion.models.classifier import CorrosionClassifier
from corrosion.settings.explanation import FINE_METHODS

FACTORS = (1.0, 1.43, 2.0, 2.86)
"""Scales of the levels: 224, 320, 448 and 640 pixels for a network of 224."""

VIEW_FACTORS = (1.0, 1.43, 2.0)
"""Those for networks of fixed size, which see a level in many views."""

MAX_SIDE = 1280
"""Longest side of a level in pixels, unless the network's own input is larger: bounds memory."""

MAP_SIDE = 1024
"""Longest side of a fine map: further pixels of a photograph are interpolated."""

_MULTIPLE = 32  # sides that the strides of nearly all networks divide: no cell is cut off


@dataclass(frozen=True)
class Level:
    """A copy of the photograph, and what the network sees of it at once.

    Attributes:
        height: height of the whole copy in pixels.
        width: width of the whole copy in pixels.
        views: parts of it of one size, which together cover all of it.
    """

    height: int
    width: int
    views: tuple[Window, ...]


def pyramid_levels(
    network: CorrosionClassifier,
    height: int,
    width: int,
    *,
    factors: Sequence[float] | None = None,
) -> list[Level]:
    """The levels of a photograph, each different, the coarsest first.

    The first has the scale at which the network is trained: the longest side is the network's
    `image_size` where photographs are padded, the shortest where they are cropped, both where they
    are stretched. The whole photograph is seen, without padding, in one view whose sides are
    rounded to multiples of 32 pixels. Networks that take one size only (vision transformers) see a
    level in square views of that size, which overlap by half or more; its shortest side is the
    network's at first.

    Args:
        network: a network, whose `image_size` and `resize` matter.
        height: height of the photograph in pixels, at least 1.
        width: width of the photograph in pixels, at least 1.
        factors: scales of the levels, above 0; `FACTORS` or `VIEW_FACTORS` by default.

    Example:
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=224)
        >>> [(level.height, level.width) for level in pyramid_levels(network, 2400, 4000)]
        [(128, 224), (192, 320), (256, 448), (384, 640)]
    """
    size, fixed = network.image_size, _takes_one_size(network)
    short, long = min(height, width), max(height, width)
    of_side = short if fixed or network.resize == "crop" else long
    most = max(MAX_SIDE, size)
    found: dict[tuple[int, int], Level] = {}
    for factor in factors or (VIEW_FACTORS if fixed else FACTORS):
        scale = min(factor * size / of_side, most / long)
        sides = [side * scale for side in (height, width)]
        if network.resize == "stretch" and not fixed:
            sides = [min(factor * size, most)] * 2
        if fixed:
            rows, columns = (max(size, round(side)) for side in sides)
            views = tuple(
                Window(top, left, size, size)
                for top in _starts(rows, size)
                for left in _starts(columns, size)
            )
        else:
            rows, columns = (max(1, round(side / _MULTIPLE)) * _MULTIPLE for side in sides)
            views = (Window(0, 0, rows, columns),)
        found.setdefault((rows, columns), Level(rows, columns, views))
    return list(found.values())


def fine_map(
    network: CorrosionClassifier,
    image: NDArray[np.uint8],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    factors: Sequence[float] | None = None,
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
        factors: as `pyramid_levels` takes them; fewer cost less.

    Returns:
        (h, w) float32 in [0, 1] over the whole photograph: its own size, shrunk to a longest side
        of `MAP_SIDE`.

    Raises:
        CorrosionError: the method gives no fine maps, or is unknown, the target is no class, a map
            is not finite, or the network fails on sizes that are not its own.
    """
    check_fine_method(method)
    if target == "predicted":
        raise CorrosionError("target=predicted: a fine map needs the class that was decided for.")
    shrink = min(1.0, MAP_SIDE / max(image.shape[:2]))
    height, width = (max(1, round(side * shrink)) for side in image.shape[:2])
    levels = pyramid_levels(network, *image.shape[:2], factors=factors)
    total = np.zeros((height, width), dtype=np.float32)
    peaks = 0.0
    for level in levels:
        values = level_map(network, image, level, (height, width), method=method, target=target)
        total += values / len(levels)
        peaks += float(values.max()) / len(levels)
    return (total * (peaks / max(float(total.max()), _TINY))).astype(np.float32, copy=False)


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


def _takes_one_size(network: CorrosionClassifier) -> bool:
    known = getattr(network.backbone, "pretrained_cfg", None) or {}
    return bool(known.get("fixed_input_size", False))


def _starts(length: int, size: int) -> list[int]:
    """Where views of `size` begin that cover `length`, each half of one further at most."""
    count = 1 + math.ceil((length - size) / (size / 2))
    return [round(start) for start in np.linspace(0, length - size, count)]


def level_map(
    network: CorrosionClassifier,
    image: NDArray[np.uint8],
    level: Level,
    shape: tuple[int, int],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
) -> Map:
    """Explain a photograph at one level of its pyramid.

    Args:
        network: as `fine_map` takes it.
        image: as `fine_map` takes it.
        level: a level, from `pyramid_levels`.
        shape: (h, w) of the map.
        method: as `fine_map` takes it.
        target: as `fine_map` takes it.

    Returns:
        (h, w) float32 in [0, 1] over the whole photograph; 1 is the strongest evidence for or
        against the target.

    Raises:
        CorrosionError: as `fine_map`.
    """
    pixels = scale_to(image, level.height, level.width)
    total = np.zeros(shape, dtype=np.float32)
    count = np.zeros(shape, dtype=np.float32)
    for view in level.views:
        part = view.cut(pixels)
        for mirrored in (False, True):
            shown = part[:, ::-1] if mirrored else part
            raw, rows, columns = _view_map(network, shown, method, target)
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
