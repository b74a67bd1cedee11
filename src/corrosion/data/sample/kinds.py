"""Kinds of corrosion that can be told apart: even films, pits, crevices, cracks.

They look as a textbook's photographs of them do, not as most of what an inspector meets, where
kinds run into each other; they let the second head be tried without other data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.sample.colours import mix, rust_ramp, tint
from corrosion.data.sample.fields import Array, Rng, blur, fractal, smoothstep, window
from corrosion.data.sample.fittings import add_joint
from corrosion.data.sample.rust import paint_rust, stain, streaks, threshold
from corrosion.data.sample.scene import Scene


def add_kind(rng: Rng, scene: Scene, kind: str) -> Array:
    """Let the metal of a scene corrode in one way.

    Args:
        rng: source of randomness.
        scene: scene whose metal corrodes, in place.
        kind: a name of `KINDS`.

    Returns:
        How corroded each pixel is, (size, size) in [0, 1]; above 0.5 it counts as rust.
    """
    return _MAKERS[kind](rng, scene, rust_ramp(rng))


def _uniform(rng: Rng, scene: Scene, ramp: Array) -> Array:
    """An even film over most of the metal, thin and without relief."""
    likes = fractal(rng, scene.size, rng.uniform(1.2, 2.5), gain=0.4, finest=16)
    margin = likes - threshold(likes, scene.metal, float(rng.uniform(0.4, 0.8)))
    film = smoothstep(-0.5, 0.5, margin) * scene.metal
    grain = fractal(rng, scene.size, 50, gain=0.8)
    clouds = fractal(rng, scene.size, 4, gain=0.5, finest=32)
    level = rng.uniform(0.5, 0.75) + 0.05 * grain + 0.06 * clouds
    tones = ramp[np.clip(level * 255, 0, 255).astype(np.uint8)]
    scene.colour = mix(scene.colour, tones, rng.uniform(0.75, 0.95) * film)
    scene.height += 0.25 * film * grain
    scene.shine *= 1 - 0.9 * film
    return film


def _pitting(rng: Rng, scene: Scene, ramp: Array) -> Array:
    """Small round pits far from each other, dark inside, each with a halo of rust."""
    size = scene.size
    places = np.flatnonzero(scene.metal > 0.9)
    pits: Array = np.zeros((size, size), np.float32)
    halos: Array = np.zeros((size, size), np.float32)
    largest = rng.uniform(0.012, 0.022)
    for place in rng.choice(places, size=int(rng.integers(35, 110))):
        row, column = divmod(int(place), size)
        radius = largest * rng.uniform(0.4, 1)
        part, y, x = window(size, ((row + 0.5) / size, (column + 0.5) / size), 4 * radius)
        away = np.hypot(x * rng.uniform(0.8, 1.25), y)
        pits[part] = np.maximum(pits[part], smoothstep(radius, 0.6 * radius, away))
        reach = radius * rng.uniform(1.6, 2.4)
        halos[part] = np.maximum(halos[part], smoothstep(reach, 0.7 * reach, away))
    pits, halos = pits * scene.metal, halos * scene.metal
    stain(rng, scene, halos, ramp)
    paint_rust(rng, scene, halos, 0.3 * halos, ramp)
    scene.colour = mix(scene.colour, tint(np.ones_like(pits), 0.6 * ramp[10]), 0.9 * pits)
    scene.height -= 4 * pits
    return np.maximum(halos, pits)


def _crevice(rng: Rng, scene: Scene, ramp: Array) -> Array:
    """Rust that comes out of seams and from under the heads of bolts, and runs down."""
    add_joint(rng, scene)
    likes = np.minimum(scene.weak, 1.5) + 0.16 * fractal(rng, scene.size, 12, gain=0.7)
    margin = likes - rng.uniform(0.4, 0.6)
    patch = smoothstep(-0.1, 0.1, margin) * scene.metal
    rust = np.maximum(patch, streaks(rng, scene, patch * np.minimum(scene.weak, 1)))
    stain(rng, scene, patch, ramp)
    paint_rust(rng, scene, rust, np.clip(margin, 0, 1) * patch, ramp)
    return rust


def _stress(rng: Rng, scene: Scene, ramp: Array) -> Array:
    """Fine branching cracks with a narrow seam of rust."""
    size = scene.size
    drawn = np.zeros((size, size), np.uint8)
    places = np.flatnonzero(scene.metal > 0.9)
    along = rng.uniform(0, np.pi)  # cracks stand across the stress: all run about one way
    for place in rng.choice(places, size=int(rng.integers(3, 7))):
        start = np.array(divmod(int(place), size)[::-1], float)
        _crack(rng, drawn, start, along + rng.normal(0, 0.25), rng.uniform(0.3, 0.7) * size, 3)
    crack = (drawn / np.float32(255)) * scene.metal
    seam = np.clip(blur(crack, 1.6) * 3.5, 0, 1) * scene.metal
    stain(rng, scene, seam, ramp)
    paint_rust(rng, scene, seam, 0.2 * seam, ramp)
    scene.colour = mix(scene.colour, tint(np.ones_like(crack), 0.35 * ramp[0]), crack)
    scene.height -= 2.5 * crack
    return np.maximum(seam, crack)


def _crack(
    rng: Rng, drawn: NDArray[np.uint8], start: Array, angle: float, length: float, branches: int
) -> None:
    """A crack that wanders from `start` (x, y) in pixels, and its branches, shorter each time."""
    step = max(len(drawn) / 64, 1.5)
    points, heading = [start], angle
    for _ in range(max(2, int(length / step))):
        heading = 0.8 * heading + 0.2 * angle + rng.normal(0, 0.35)
        points.append(points[-1] + step * np.array([np.cos(heading), np.sin(heading)]))
    path = np.round(np.array(points) * 16).astype(np.int32)  # 4 bits behind the point
    width = max(1, len(drawn) // 256)
    cv2.polylines(drawn, [path[:, None]], False, 255, width, cv2.LINE_AA, 4)
    if branches:
        for _ in range(int(rng.integers(1, 3))):
            fork = points[int(rng.integers(len(points) // 4, len(points)))]
            turned = heading + float(rng.choice([-1, 1])) * rng.uniform(0.4, 0.9)
            _crack(rng, drawn, fork, turned, length * rng.uniform(0.3, 0.6), branches - 1)


_MAKERS: Mapping[str, Callable[[Rng, Scene, Array], Array]] = MappingProxyType(
    {"uniform": _uniform, "pitting": _pitting, "crevice": _crevice, "stress": _stress}
)

KINDS = tuple(_MAKERS)
"""Names of the kinds of corrosion: those of the study's Table 2."""
