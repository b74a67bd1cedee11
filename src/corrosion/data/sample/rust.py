"""Rust: patches with ragged edges, specks, streaks, blistered paint, in the tones of its ages."""

from __future__ import annotations

import numpy as np

from corrosion.data.sample.colours import mix, rust_ramp, tint
from corrosion.data.sample.fields import (
    Array,
    Rng,
    axes,
    blur,
    fractal,
    run_down,
    smoothstep,
    standardise,
    value_noise,
)
from corrosion.data.sample.scene import Scene


def add_rust(rng: Rng, scene: Scene, share: float) -> Array:
    """Let the metal of a scene rust.

    Args:
        rng: source of randomness.
        scene: scene whose metal rusts, in place.
        share: share of the picture that patches cover, in (0, 1); streaks come on top.

    Returns:
        How rusty each pixel is, (size, size) in [0, 1]; above 0.5 it counts as rust.
    """
    ramp = rust_ramp(rng)
    likes = _likely_places(rng, scene)
    margin = likes - threshold(likes, scene.metal, share)
    patch = smoothstep(-0.08, 0.08, margin) * scene.metal
    streak = streaks(rng, scene, patch) if rng.random() < 0.6 else np.zeros_like(patch)
    stain(rng, scene, patch, ramp)
    if scene.painted:
        _blister(rng, scene, margin)
    rust = np.maximum(patch, streak)
    paint_rust(rng, scene, rust, np.clip(margin, 0, 1.5) * patch, ramp)
    return rust


def _likely_places(rng: Rng, scene: Scene) -> Array:
    """How soon each place rusts: ragged chance, helped by edges, bolts, seams, and low places."""
    rough = fractal(rng, scene.size, rng.uniform(2, 7), gain=rng.uniform(0.55, 0.72))
    if rng.random() < 0.3:  # specks all over, as on thin or pitted coatings
        specks = fractal(rng, scene.size, rng.uniform(20, 40), gain=0.7)
        rough = 0.45 * rough + 0.8 * specks
    y, _ = axes(scene.size)
    helped = rng.uniform(0, 2.2) * scene.edge + rng.uniform(0.5, 2.5) * np.minimum(scene.weak, 1.5)
    return rough + helped + rng.normal(0, 0.8) * y


def threshold(likes: Array, metal: Array, share: float) -> float:
    """The level of a field (size, size) above which metal makes up `share` of the picture."""
    places = likes[metal > 0.5]
    return float(np.quantile(places, 1 - min(share * likes.size / places.size, 0.95)))


def streaks(rng: Rng, scene: Scene, patch: Array) -> Array:
    """Rusty water running down from rusty bolts, seams and the lower rims of patches.

    Args:
        rng: source of randomness.
        scene: scene that rusts.
        patch: how rusty each pixel is, (size, size) in [0, 1].

    Returns:
        How rusty the water makes each pixel, (size, size) in [0, 1].
    """
    size = scene.size
    column = np.clip(standardise(value_noise(rng, size, size, size))[0] + 0.2, 0, None)
    lengths = (rng.uniform(15, 70) * size / 256 * (0.3 + column)).astype(np.float32)
    start = patch * np.maximum(scene.drips, smoothstep(0.8, 2.0, value_noise(rng, size, 50, 80)))
    flow = run_down(start, lengths)
    broken = smoothstep(-1.2, 0.6, fractal(rng, size, 24, gain=0.75, stretch=0.35))
    return flow * broken * scene.metal * rng.uniform(0.6, 1)


def stain(rng: Rng, scene: Scene, patch: Array, ramp: Array) -> None:
    """A thin brown film around patches and below them."""
    film = blur(patch, rng.uniform(4, 12)) * (0.7 + 0.3 * fractal(rng, scene.size, 10))
    film = np.clip(film, 0, 1) * scene.metal * rng.uniform(0.1, 0.45)
    scene.colour = mix(scene.colour, tint(np.ones_like(film), ramp[rng.integers(120, 200)]), film)


def _blister(rng: Rng, scene: Scene, margin: Array) -> None:
    """Paint lifted along the rim of a patch, bubbles beyond it."""
    rim = np.exp(-(((margin + 0.12) / 0.12) ** 2)) * scene.metal
    scene.height += rng.uniform(0.8, 2.2) * rim
    bubbles = smoothstep(0.9, 1.8, value_noise(rng, scene.size, 45, 45)) * smoothstep(-1, 0, margin)
    scene.height += rng.uniform(0, 3) * bubbles * scene.metal


def paint_rust(rng: Rng, scene: Scene, rust: Array, thickness: Array, ramp: Array) -> None:
    """Give rust its colours, its grain and its pits.

    Args:
        rng: source of randomness.
        scene: scene that gets them, in place.
        rust: how rusty each pixel is, (size, size) in [0, 1].
        thickness: thickness of the rust, (size, size) from 0 on; thick rust is dark and stands up.
        ramp: tones of the rust, (256, 3).
    """
    size = scene.size
    grain = fractal(rng, size, 40, gain=0.9)
    clouds = fractal(rng, size, rng.uniform(5, 10), gain=0.65)
    level = rng.uniform(0.48, 0.64) + 0.17 * clouds + 0.13 * grain
    level -= rng.uniform(0.0, 0.35) * thickness
    tones = ramp[np.clip(level * 255, 0, 255).astype(np.uint8)]
    pits = smoothstep(1.3, 1.9, fractal(rng, size, rng.uniform(30, 60), gain=0.6)) * rust
    tones = tones * (1 - 0.55 * pits)[..., None]
    scene.colour = mix(scene.colour, tones, rust)
    scene.height += rust * (0.55 * grain + 0.8 * thickness) - 1.5 * pits
    scene.shine *= 1 - 0.92 * rust
