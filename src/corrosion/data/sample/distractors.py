"""What is not rust but fools colour alone: warm paint, leaves, stains, lettering."""

from __future__ import annotations

import math

import cv2
import numpy as np

from corrosion.data.sample.colours import cold_paint, mix, tint, warm_colour
from corrosion.data.sample.fields import (
    Array,
    Rng,
    axes,
    blur,
    fractal,
    run_down,
    smoothstep,
    value_noise,
    window,
)
from corrosion.data.sample.scene import Scene


def add_paint_marks(rng: Rng, scene: Scene, *, warm: bool, share: float) -> None:
    """Paint part of the metal with clean borders: fields, bands, hazard stripes, letters.

    Args:
        rng: source of randomness.
        scene: scene that is painted, in place.
        warm: whether the paint has the colours of rust.
        share: share of the picture that is painted, about, in (0, 1).
    """
    shapes = (_field, _band, _hazard_stripes, _patches, _lettering)
    chosen = shapes[rng.choice(len(shapes), p=[0.3, 0.25, 0.12, 0.23, 0.1])]
    alpha = chosen(rng, scene.size, share) * scene.metal
    colour = warm_colour(rng) if warm else cold_paint(rng)
    bands = 1 + 0.03 * fractal(rng, scene.size, 2, finest=8)
    scene.colour = mix(scene.colour, tint(bands, colour), alpha)
    scene.shine *= 1 - 0.5 * alpha
    if warm and rng.random() < 0.3:  # two coats, so that one tone does not mean paint
        inner = chosen(rng, scene.size, share / 2) * alpha
        scene.colour = mix(scene.colour, tint(bands, warm_colour(rng)), inner)


def _slanted(rng: Rng, size: int) -> Array:
    """Position across a straight direction, level or upright with a little slant."""
    y, x = axes(size)
    angle = np.deg2rad(rng.choice([0, 90, 45], p=[0.35, 0.45, 0.2]) + rng.normal(0, 6))
    return ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)).astype(np.float32)


def _inside(distance: Array) -> Array:
    return np.clip(distance * distance.shape[0] + 0.5, 0, 1)


def _field(rng: Rng, size: int, share: float) -> Array:
    """One side of a straight line, as at a ship's water line."""
    across = _slanted(rng, size) * rng.choice([-1, 1])
    return _inside(across - float(np.quantile(across[::8, ::8], 1 - share)))


def _band(rng: Rng, size: int, share: float) -> Array:
    across = np.abs(_slanted(rng, size) - rng.uniform(-0.3, 0.3))
    return _inside(float(np.quantile(across[::8, ::8], share)) - across)


def _hazard_stripes(rng: Rng, size: int, share: float) -> Array:
    y, x = axes(size)
    period = rng.uniform(0.08, 0.2)
    away = np.abs(((x + y) / period) % 1 - 0.5) * period
    return _inside(away - period / 4) * _band(rng, size, min(2 * share, 0.9))


def _patches(rng: Rng, size: int, share: float) -> Array:
    """Touched-up spots, tags, tape: rectangles and discs."""
    canvas = np.zeros((size, size), np.uint8)
    count = int(rng.integers(1, 6))
    side = np.sqrt(share / count)
    for _ in range(count):
        middle = rng.uniform(0.1, 0.9, 2) * size
        sides = side * rng.uniform(0.6, 1.5, 2) * size
        if rng.random() < 0.4:
            half = (sides * 0.56 * 16).astype(int).tolist()
            centre = (middle * 16).astype(int).tolist()
            cv2.ellipse(canvas, centre, half, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
        else:
            box = cv2.boxPoints((middle.tolist(), sides.tolist(), float(rng.normal(0, 12))))
            corners = np.round(box * 16).astype(np.int32)
            cv2.fillConvexPoly(canvas, corners, 255, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _lettering(rng: Rng, size: int, share: float) -> Array:
    """Stencilled numbers."""
    canvas = np.zeros((size, size), np.uint8)
    scale = (1.2 + 5 * np.sqrt(share)) * size / 256
    text = "".join(rng.choice(list("ABCDEHKLNPRTX0123456789"), 5))
    origin = (int(rng.uniform(0, 0.15) * size), int(rng.uniform(0.4, 0.9) * size))
    thick = max(1, round(3.5 * scale))
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def add_leaves(rng: Rng, scene: Scene, share: float) -> Array:
    """Lay autumn leaves on the metal: smooth, pointed, with a vein.

    Args:
        rng: source of randomness.
        scene: scene that gets the leaves, in place.
        share: share of the picture that they cover, about, in (0, 1).

    Returns:
        How much of each pixel they cover, (size, size) float32 in [0, 1].
    """
    size = scene.size
    length = rng.uniform(0.05, 0.13)
    cover = np.zeros((size, size), np.float32)
    for _ in range(min(40, max(1, round(share / (length * length))))):
        centre = (float(rng.uniform()), float(rng.uniform()))
        part, y, x = window(size, centre, length)
        if y.size == 0:
            continue
        angle = rng.uniform(0, 2 * math.pi)
        along = (x * math.cos(angle) + y * math.sin(angle)) / length
        across = (y * math.cos(angle) - x * math.sin(angle)) / length
        across = across + rng.normal(0, 0.2) * along**2  # bent
        width = rng.uniform(0.35, 0.6) * np.clip(1 - along**2, 0, 1) * (1 + 0.3 * along)
        leaf = np.clip((width - np.abs(across)) * length * size + 0.5, 0, 1)
        vein = np.exp(-((across / 0.04) ** 2))
        bright = 1 + 0.25 * vein + 0.1 * np.sign(across) + 0.15 * along
        scene.colour[part] = mix(scene.colour[part], tint(bright, warm_colour(rng)), leaf)
        cover[part] = np.maximum(cover[part], leaf)
    scene.shade *= 1 - 0.35 * np.clip(blur(cover, 3) - cover, 0, 1)
    scene.shine *= 1 - cover
    scene.height *= 1 - cover
    return cover


def add_dirt(rng: Rng, scene: Scene) -> None:
    """Add a stain as outdoor metal has them: dust, dried water, oil or dark runs, never orange."""
    size = scene.size
    kind = rng.integers(4)
    if kind == 0:  # dust or mud film
        film = smoothstep(0, 2.5, fractal(rng, size, 3, gain=0.45, finest=48))
        colour, strength = (0.45, 0.40, 0.34), 0.6
    elif kind == 1:  # oil: dark, smooth
        film = smoothstep(1.0, 1.3, fractal(rng, size, 3, gain=0.35, finest=24))
        colour, strength = (0.10, 0.09, 0.08), 0.8
    elif kind == 2:  # rims of dried water
        level = fractal(rng, size, 3, gain=0.4, finest=24)
        film = np.exp(-(((level - 0.8) / 0.06) ** 2)) + 0.3 * smoothstep(0.75, 0.85, level)
        colour, strength = (0.85, 0.84, 0.80), 0.45
    else:  # dark runs
        source = smoothstep(1.6, 2.2, value_noise(rng, size, 30, 60))
        film = blur(run_down(source, rng.uniform(5, 60, size) * size / 256), 1.2)
        colour, strength = (0.18, 0.16, 0.14), 0.7
    alpha = np.clip(film, 0, 1) * scene.metal * strength * rng.uniform(0.4, 1)
    scene.colour = mix(scene.colour, tint(np.ones_like(alpha), np.array(colour, np.float32)), alpha)
