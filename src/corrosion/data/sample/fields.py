"""Random fields on a square of pixels: what every surface, stain and rust patch is made of."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Rng = np.random.Generator


@lru_cache(maxsize=4)
def axes(size: int) -> tuple[Array, Array]:
    """Coordinates (y, x) of the pixels in [0, 1), each (size, size), not to be written to."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    y, x = np.meshgrid(line, line, indexing="ij")
    y.flags.writeable = x.flags.writeable = False
    return y, x


def window(
    size: int, centre: tuple[float, float], reach: float
) -> tuple[tuple[slice, slice], Array, Array]:
    """The part of a picture around a point, for things too small to draw on all of it.

    Args:
        size: side of the picture in pixels.
        centre: centre (y, x) in shares of the side.
        reach: distance from the centre to each side of the part, in shares of the side.

    Returns:
        What indexes the part, and coordinates (y, x) of its pixels from the centre. It has no
        pixels where it lies outside of the picture.
    """
    start = [max(0, int((place - reach) * size)) for place in centre]
    stop = [max(0, int((place + reach) * size) + 1) for place in centre]
    part = (slice(start[0], stop[0]), slice(start[1], stop[1]))
    y, x = axes(size)
    return part, y[part] - centre[0], x[part] - centre[1]


def value_noise(rng: Rng, size: int, rows: float, columns: float) -> Array:
    """Smooth noise of mean 0 with about `rows` x `columns` bumps over the picture, (size, size).

    A small grid of normal numbers, enlarged with cubic interpolation.
    """
    shape = (int(np.clip(round(rows), 2, size)), int(np.clip(round(columns), 2, size)))
    grid = rng.standard_normal(shape, dtype=np.float32)
    return cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)


def fractal(
    rng: Rng,
    size: int,
    cells: float,
    *,
    gain: float = 0.55,
    finest: float = 256,
    stretch: float = 1.0,
) -> Array:
    """Sum of octaves of value noise, mean 0 and standard deviation 1, (size, size).

    Args:
        rng: source of randomness.
        size: side in pixels.
        cells: bumps over the picture in the coarsest octave; each octave doubles them.
        gain: amplitude of each octave over the one before: 0.4 is smooth, 0.7 is rough.
        finest: largest number of cells of an octave, which has no more than pixels either.
        stretch: length of the bumps in x over that in y.
    """
    total = np.zeros((size, size), np.float32)
    amplitude = 1.0
    while True:
        total += amplitude * value_noise(rng, size, cells, cells / stretch)
        amplitude *= gain
        cells *= 2
        if cells > min(finest, size):
            break
    return standardise(total)


def standardise(field: Array) -> Array:
    """Shift and scale a field to mean 0 and standard deviation 1."""
    mean, deviation = cv2.meanStdDev(field)
    return (field - np.float32(mean[0, 0])) / np.float32(max(deviation[0, 0], 1e-6))


def smoothstep(low: float, high: float, field: Array) -> Array:
    """Map a field to 0 below `low`, 1 above `high`, and a smooth ramp between."""
    ramp = np.clip((field - low) / (high - low), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def rotate(field: Array, degrees: float) -> Array:
    """Turn a field about its centre; what comes in from outside is mirrored."""
    size = field.shape[0]
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), degrees, 1.0)
    return cv2.warpAffine(field, turn, (size, size), borderMode=cv2.BORDER_REFLECT_101)


def blur(field: Array, sigma: float) -> Array:
    """Blur a field by a Gaussian; `sigma` is in pixels of a 256 px picture."""
    return cv2.GaussianBlur(field, (0, 0), max(sigma * field.shape[0] / 256, 0.3))


def cells_of(rng: Rng, size: int, count: int) -> tuple[npt.NDArray[np.int32], int]:
    """Voronoi cells of about `count` random points: the cell of each pixel, and how many."""
    free = np.full((size, size), 255, np.uint8)
    points = rng.integers(size, size=(count, 2))
    free[points[:, 0], points[:, 1]] = 0
    _, labels = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return labels, int(labels.max()) + 1


def run_down(source: Array, lengths: Array) -> Array:
    """What flows down from `source` (size, size): each row keeps a share of the one above.

    Args:
        source: amount that comes out of each pixel, (size, size) in [0, 1].
        lengths: length in pixels over which a run fades to 1/e, of each column, (size,).
    """
    keep = np.exp(-1 / np.maximum(lengths, 0.5)).astype(np.float32)
    flow = source.copy()
    for row in range(1, len(flow)):
        np.maximum(flow[row], flow[row - 1] * keep, out=flow[row])
    return flow
