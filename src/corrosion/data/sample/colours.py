"""Colours as RGB in [0, 1], gamma-encoded as in a photograph."""

from __future__ import annotations

import numpy as np

from corrosion.data.sample.fields import Array, Rng

# from the dark magnetite and goethite of thick rust to the bright lepidocrocite of fresh rust
RUST_TONES = (
    np.array(
        [(38, 25, 22), (78, 43, 30), (119, 62, 36), (160, 84, 40), (192, 112, 52), (212, 150, 88)],
        np.float32,
    )
    / 255
)
_COLD_PAINTS = [
    (0.82, 0.83, 0.82), (0.62, 0.65, 0.67), (0.40, 0.44, 0.47), (0.20, 0.36, 0.55),
    (0.13, 0.25, 0.38), (0.25, 0.48, 0.52), (0.22, 0.42, 0.30), (0.45, 0.55, 0.42),
    (0.55, 0.70, 0.74), (0.86, 0.84, 0.74), (0.16, 0.17, 0.19), (0.80, 0.68, 0.25),
]  # fmt: skip


def rust_ramp(rng: Rng) -> Array:
    """256 tones (256, 3) from dark to bright rust; each picture has its own."""
    tones = desaturate(RUST_TONES * rng.normal(1, (0.06, 0.05, 0.08), size=3), rng.uniform(0, 0.3))
    steps = np.linspace(0, 1, 256)
    knots = np.linspace(0, 1, len(tones))
    ramp = np.stack([np.interp(steps, knots, channel) for channel in tones.T], axis=1)
    return np.clip(ramp, 0, 1).astype(np.float32)


def warm_colour(rng: Rng) -> Array:
    """A flat colour with the hue of rust, (3,): red lead, ochre, brown, terracotta."""
    tone = rust_ramp(rng)[rng.integers(70, 240)]
    return np.clip(tone * rng.uniform(0.9, 1.2), 0, 1).astype(np.float32)


def cold_paint(rng: Rng) -> Array:
    """A paint that nobody takes for rust, (3,)."""
    paint = np.array(_COLD_PAINTS[rng.integers(len(_COLD_PAINTS))], np.float32)
    return np.clip(paint * rng.uniform(0.8, 1.15) + rng.normal(0, 0.025, 3), 0.03, 1).astype(
        np.float32
    )


def grey(rng: Rng, low: float, high: float) -> Array:
    """A metal's grey with a slight tint, (3,)."""
    tint = rng.normal(0, 0.012) * np.array([1, 0.2, -1.2])
    return (rng.uniform(low, high) + tint).astype(np.float32)


def desaturate(colour: Array, share: float) -> Array:
    """Move RGB values (..., 3) towards their own grey by `share` in [0, 1]."""
    luma = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    return colour + share * (luma[..., None] - colour)


def tint(field: Array, colour: Array) -> Array:
    """Brightness (size, size) times a colour (3,): (size, size, 3)."""
    return field[..., None] * colour


def mix(below: Array, above: Array, alpha: Array) -> Array:
    """`above` over `below` (size, size, 3) with opacity alpha (size, size)."""
    return below + alpha[..., None] * (above - below)
