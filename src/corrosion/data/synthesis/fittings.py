"""What is built into metal: bolts, rivets, seams, weld beads, scratches."""

from __future__ import annotations

import numpy as np

from corrosion.data.synthesis.colours import grey, mix, tint, warm_colour
from corrosion.data.synthesis.fields import Array, Rng, axes, smoothstep
from corrosion.data.synthesis.scene import Scene


def add_fittings(rng: Rng, scene: Scene, *, warm: bool) -> None:
    """Add some of each at random.

    Args:
        rng: source of randomness.
        scene: changed in place.
        warm: bolts may be brass, copper, or painted in the colours of rust.
    """
    if rng.random() < 0.35:
        _seam(rng, scene)
    if rng.random() < 0.22:
        _weld(rng, scene)
    if rng.random() < 0.5:
        _bolts(rng, scene, warm=warm)
    if rng.random() < 0.35:
        _scratches(rng, scene)


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


def _bolts(rng: Rng, scene: Scene, *, warm: bool) -> None:
    """A row or a few of hexagon bolts or rivets, all alike."""
    radius = rng.uniform(0.018, 0.045)
    count = int(rng.integers(1, 8))
    hexagonal = rng.random() < 0.6
    own = warm_colour(rng) if warm and rng.random() < 0.6 else grey(rng, 0.3, 0.7)
    follow = scene.painted and not warm and rng.random() < 0.6
    points = _points_on_metal(rng, scene, 2)
    if count > 2:  # a row
        step = np.array(((0.0, 1.0), (1.0, 0.0)))[rng.integers(2)] * rng.uniform(0.12, 0.25)
        points = points[0] + step * np.arange(-count, count + 1)[:, None]
    for row, column in points:
        _bolt(rng, scene, (row, column), radius, None if follow else own, hexagonal=hexagonal)


def _bolt(
    rng: Rng,
    scene: Scene,
    centre: tuple[float, float],
    radius: float,
    colour: Array | None,
    *,
    hexagonal: bool,
) -> None:
    size = scene.size
    reach = 5 * radius
    top, left = (max(0, int((place - reach) * size)) for place in centre)
    bottom, right = (min(size, int((place + reach) * size) + 1) for place in centre)
    if bottom <= top or right <= left:
        return
    window = np.s_[top:bottom, left:right]
    y, x = (axis[window] - place for axis, place in zip(axes(size), centre, strict=True))
    round_distance = np.hypot(x, y)
    if hexagonal:
        turn = rng.uniform(0, np.pi / 3)
        sides = [np.abs(x * np.cos(a) + y * np.sin(a)) for a in turn + np.arange(3) * np.pi / 3]
        distance = np.max(sides, axis=0) / 0.92
    else:
        distance = round_distance
    metal = scene.metal[window]
    head = np.clip((radius - distance) * size + 0.5, 0, 1) * metal
    dome = np.sqrt(np.clip(1 - (distance / radius) ** 2, 0, 1)) if not hexagonal else head
    washer = smoothstep(1.6 * radius, 1.5 * radius, round_distance) if hexagonal else 0 * head
    x_light, y_light = scene.light
    shadow = np.exp(
        -((np.hypot(x - 0.5 * radius * x_light, y - 0.5 * radius * y_light) / radius) ** 4)
    )
    scene.shade[window] *= 1 - 0.45 * shadow * (1 - head) * metal
    scene.height[window] += radius * 256 * (0.45 * dome * (1 if hexagonal else 1.3) + 0.12 * washer)
    if colour is not None:
        flat = np.ones_like(head)
        scene.colour[window] = mix(scene.colour[window], tint(flat, colour), head)
    scene.shine[window] += (
        0.25
        * head
        * smoothstep(
            0.5 * radius, 0, np.hypot(x + 0.3 * radius * x_light, y + 0.3 * radius * y_light)
        )
    )
    scene.weak[window] += 1.3 * np.exp(-((round_distance / (1.8 * radius)) ** 2))
    below = head * (np.abs(x) < 0.8 * radius)
    scene.drips[window] = np.maximum(scene.drips[window], below)


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
