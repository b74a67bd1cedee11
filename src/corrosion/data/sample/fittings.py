"""What is built into metal: bolts, rivets, seams, weld beads, scratches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from corrosion.data.sample.colours import grey, mix, tint, warm_colour
from corrosion.data.sample.fields import Array, Rng, axes, smoothstep, window
from corrosion.data.sample.scene import Scene


def add_fittings(rng: Rng, scene: Scene, *, warm: bool) -> None:
    """Add seams, welds, bolts and scratches at random.

    Args:
        rng: source of randomness.
        scene: scene that gets them, in place.
        warm: whether bolts are brass, copper, or painted in the colours of rust.
    """
    if rng.random() < 0.35:
        _seam(rng, scene)
    if rng.random() < 0.22:
        _weld(rng, scene)
    if rng.random() < 0.5:
        _bolts(rng, scene, warm=warm)
    if rng.random() < 0.35:
        _scratches(rng, scene)


def add_joint(rng: Rng, scene: Scene) -> None:
    """Make sure that there is a place for a crevice: a seam, or bolts, or both.

    Args:
        rng: source of randomness.
        scene: scene that gets them, in place.
    """
    seam = rng.random() < 0.6
    if seam:
        _seam(rng, scene)
    if not seam or rng.random() < 0.5:
        _bolts(rng, scene, warm=False)


def _line(rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """Distance from a straight line across the metal, and position along it, in shares."""
    y, x = axes(scene.size)
    angle = np.deg2rad(rng.choice([0, 90]) + rng.normal(0, 4))
    row, column = _points_on_metal(rng, scene, 1)[0]
    across = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
    return across.astype(np.float32), (y * np.cos(angle) - x * np.sin(angle)).astype(np.float32)


def _points_on_metal(rng: Rng, scene: Scene, count: int) -> Array:
    """Positions (count, 2) as (y, x) in shares of the side."""
    places = np.flatnonzero(scene.metal > 0.9)
    chosen = rng.choice(places, size=count)
    return np.stack(np.unravel_index(chosen, scene.metal.shape), axis=1) / np.float32(scene.size)


def _seam(rng: Rng, scene: Scene) -> None:
    """A joint of two sheets: a dark groove, one side a little brighter."""
    across, _ = _line(rng, scene)
    groove = np.exp(-((across / rng.uniform(0.004, 0.008)) ** 2)) * scene.metal
    scene.height -= 2.5 * groove
    scene.shade *= 1 - 0.45 * groove + rng.normal(0, 0.05) * (across > 0) * scene.metal
    scene.weak += np.exp(-((across / 0.03) ** 2))
    scene.drips = np.maximum(scene.drips, groove)


def _weld(rng: Rng, scene: Scene) -> None:
    """A weld bead: overlapping scales on a low ridge, heat tints beside it."""
    across, along = _line(rng, scene)
    width = rng.uniform(0.014, 0.028)
    profile = np.clip(1 - (across / width) ** 2, 0, 1)
    scales = np.abs(np.sin(along * rng.uniform(90, 170) + (across / width) ** 2 * 2))
    bead = np.sqrt(profile) * scene.metal
    scene.height += bead * (4 + 1.2 * scales)
    if not scene.painted:
        scene.colour = mix(scene.colour, tint(0.9 + 0.2 * scales, grey(rng, 0.35, 0.6)), bead)
    scene.weak += 0.7 * np.exp(-((across / 0.05) ** 2))


@dataclass(frozen=True)
class _Head:
    """The head of a bolt or rivet.

    Attributes:
        radius: radius in shares of the side.
        hexagonal: whether it is a hexagon instead of a dome.
        turn: angle of the hexagon in radians.
        colour: colour (3,); None for that of the paint below.
    """

    radius: float
    hexagonal: bool
    turn: float
    colour: Array | None


def _bolts(rng: Rng, scene: Scene, *, warm: bool) -> None:
    """A row or a few of hexagon bolts or rivets, all alike."""
    colour: Array | None = grey(rng, 0.3, 0.7)
    if warm:
        colour = warm_colour(rng)
    elif scene.painted and rng.random() < 0.6:
        colour = None
    head = _Head(rng.uniform(0.016, 0.042), rng.random() < 0.6, rng.uniform(0, 1), colour)
    points = _points_on_metal(rng, scene, int(rng.integers(1, 4)))
    if rng.random() < 0.6:  # a row
        step = np.array(((0.0, 1.0), (1.0, 0.0)))[rng.integers(2)] * rng.uniform(0.12, 0.25)
        points = points[0] + step * np.arange(-7, 8)[:, None]
    for row, column in points:
        _bolt(scene, (float(row), float(column)), head)


def _bolt(scene: Scene, centre: tuple[float, float], head: _Head) -> None:
    radius = head.radius
    seat, _, _ = window(scene.size, centre, 1.5 * radius)
    if scene.metal[seat].size == 0 or scene.metal[seat].min() < 0.5:
        return  # it would hang over the edge
    part, y, x = window(scene.size, centre, 5 * radius)
    away = np.hypot(x, y)
    distance = away
    if head.hexagonal:
        normals = [head.turn + third * math.pi / 3 for third in range(3)]
        sides = [np.abs(x * math.cos(angle) + y * math.sin(angle)) for angle in normals]
        distance = np.max(sides, axis=0) / 0.92
    metal = scene.metal[part]
    cover = np.clip((radius - distance) * scene.size + 0.5, 0, 1) * metal
    light_x, light_y = (0.5 * radius * direction for direction in scene.light)
    shadow = np.exp(-((np.hypot(x + light_x, y + light_y) / radius) ** 4))
    scene.shade[part] *= 1 - 0.45 * shadow * (1 - cover) * metal
    if head.colour is not None:
        scene.colour[part] = mix(scene.colour[part], tint(np.ones_like(cover), head.colour), cover)
    if head.hexagonal:
        washer = smoothstep(1.6 * radius, 1.5 * radius, away)
        rise = 0.45 * cover + 0.12 * washer
    else:
        rise = 0.6 * np.sqrt(np.clip(1 - (distance / radius) ** 2, 0, 1))
    scene.height[part] += radius * 256 * rise
    glint = smoothstep(0.5 * radius, 0, np.hypot(x - 0.6 * light_x, y - 0.6 * light_y))
    scene.shine[part] += 0.25 * cover * glint
    scene.weak[part] += 1.3 * np.exp(-((away / (1.8 * radius)) ** 2))
    scene.drips[part] = np.maximum(scene.drips[part], cover)


def _scratches(rng: Rng, scene: Scene) -> None:
    """Thin bright or dark lines."""
    y, x = axes(scene.size)
    for _ in range(int(rng.integers(1, 5))):
        row, column = _points_on_metal(rng, scene, 1)[0]
        angle, length = rng.uniform(0, np.pi), rng.uniform(0.05, 0.3)
        across = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
        along = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
        mark = np.exp(-((across * 256 / 0.7) ** 2)) * (np.abs(along) < length) * scene.metal
        scene.colour *= (1 + rng.uniform(-0.3, 0.4) * mark)[..., None]
        scene.height -= 0.5 * mark
