"""Materials that fill the picture: the metals, and what stands behind them.

Each function returns a `Surface`; none knows about shapes, lighting or rust.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from corrosion.data.sample.colours import cold_paint, grey, mix, tint, warm_colour
from corrosion.data.sample.fields import (
    Array,
    Rng,
    axes,
    blur,
    cells_of,
    fractal,
    rotate,
    smoothstep,
    value_noise,
)


@dataclass(frozen=True)
class Surface:
    """The look of a material under even light.

    Attributes:
        colour: RGB (size, size, 3) in [0, 1].
        height: relief in pixels of a 256 px picture, (size, size).
        gloss: strength of highlights on curved and bent parts, in [0, 1].
        painted: whether it is paint, which rust lifts.
    """

    colour: Array
    height: Array
    gloss: float = 0.3
    painted: bool = False


def brushed(rng: Rng, size: int, base: Array | None = None) -> Surface:
    """Ground or brushed sheet: fine parallel lines and bands of reflected surroundings."""
    lines = value_noise(rng, size, size, 4) + 0.6 * value_noise(rng, size, size / 2, 2)
    bands = value_noise(rng, size, rng.uniform(2, 5), 2)
    angle = float(rng.choice([0, 90, rng.uniform(-30, 30)]))
    bright = 1 + rotate(0.035 * lines + rng.uniform(0.03, 0.12) * bands, angle)
    colour = grey(rng, 0.45, 0.78) if base is None else base
    return Surface(tint(bright, colour), rotate(0.05 * lines, angle), gloss=rng.uniform(0.5, 0.9))


def mill(rng: Rng, size: int) -> Surface:
    """Hot-rolled steel: dark, bluish, cloudy scale with roller marks."""
    clouds = fractal(rng, size, 3, gain=0.5, finest=64, stretch=rng.uniform(1, 3))
    marks = value_noise(rng, size, rng.uniform(20, 60), 2)
    bright = 1 + 0.09 * clouds + 0.03 * marks
    base = grey(rng, 0.22, 0.44) + np.array([-0.012, 0, 0.018], np.float32)
    return Surface(tint(bright, base), 0.15 * clouds, gloss=rng.uniform(0.2, 0.5))


def galvanised(rng: Rng, size: int) -> Surface:
    """Hot-dip zinc: crystals (spangle), each with a brightness of its own."""
    cells, count = cells_of(rng, size, int(rng.integers(60, 500)))
    shades = rng.normal(0, rng.uniform(0.05, 0.11), count).astype(np.float32)
    bright = 1 + blur(shades[cells], 0.6) + 0.03 * fractal(rng, size, 16, finest=128)
    return Surface(tint(bright, grey(rng, 0.5, 0.72)), np.zeros((size, size), np.float32), 0.4)


def cast(rng: Rng, size: int) -> Surface:
    """Cast or sand-blasted metal: rough like rust, but grey."""
    grain = fractal(rng, size, 24, gain=0.85)
    bright = 1 + 0.10 * grain + 0.05 * fractal(rng, size, 3, finest=32)
    return Surface(tint(bright, grey(rng, 0.28, 0.55)), 0.5 * grain, gloss=0.15)


def painted(rng: Rng, size: int, colour: Array | None = None) -> Surface:
    """Paint: one flat colour, orange peel, a few brush or roller bands."""
    peel = value_noise(rng, size, size / 3, size / 3)
    worn = fractal(rng, size, 2, gain=0.5, finest=64)
    bright = 1 + 0.012 * peel + 0.04 * worn
    base = cold_paint(rng) if colour is None else colour
    return Surface(tint(bright, base), 0.06 * peel, rng.uniform(0.1, 0.7), painted=True)


def warm_painted(rng: Rng, size: int) -> Surface:
    """Red lead, ochre or brown paint: the colour of rust without its texture."""
    return painted(rng, size, warm_colour(rng))


def copper(rng: Rng, size: int) -> Surface:
    """Copper, bronze or brass."""
    metals = ([0.72, 0.43, 0.29], [0.74, 0.58, 0.30], [0.55, 0.38, 0.22])
    base = np.array(metals[rng.integers(3)], np.float32) * np.float32(rng.uniform(0.7, 1.15))
    return brushed(rng, size, base)


def concrete(rng: Rng, size: int) -> Surface:
    """Concrete with clouds, pores and sometimes the joints of its formwork."""
    clouds = fractal(rng, size, 3, gain=0.6)
    pores = smoothstep(2.0, 2.6, value_noise(rng, size, size / 4, size / 4))
    bright = 1 + 0.06 * clouds - 0.35 * pores
    if rng.random() < 0.4:
        bright *= 1 - 0.35 * _joints(axes(size)[0], rng.uniform(0.2, 0.5), 0.006)
    base = grey(rng, 0.45, 0.7) + np.array([0.015, 0.005, -0.01], np.float32)
    return Surface(tint(bright, base), 0.25 * clouds - pores, gloss=0)


def _joints(position: Array, spacing: float, width: float) -> Array:
    """1 on lines `spacing` apart, 0 between."""
    away = np.abs((position / spacing + 0.5) % 1 - 0.5) * spacing
    return 1 - smoothstep(width / 2, width, away)


def brick(rng: Rng, size: int) -> Surface:
    """A brick wall: rust's colours in regular courses, each brick nearly even."""
    y, x = axes(size)
    course = rng.uniform(0.06, 0.14)
    row = np.floor(y / course)
    shifted = x + 0.5 * (row % 2) * course * 2.4
    column = np.floor(shifted / (course * 2.4))
    mortar = np.maximum(_joints(y, course, 0.012), _joints(shifted, course * 2.4, 0.012))
    tones = np.stack([warm_colour(rng) for _ in range(3)]) * 0.5 + warm_colour(rng) * 0.5
    index = ((row * 7 + column * 13) % 31).astype(np.int32)
    each = rng.normal(1, 0.08, 31)[:, None] * tones[rng.integers(3, size=31)]
    soft = fractal(rng, size, 8, gain=0.5, finest=64)
    bricks = each[index].astype(np.float32) * (1 + 0.04 * soft)[..., None]
    colour = mix(bricks, tint(1 + 0.04 * soft, grey(rng, 0.5, 0.75)), mortar)
    return Surface(colour, -1.2 * mortar, gloss=0)


def wood(rng: Rng, size: int) -> Surface:
    """Planks with a long smooth grain."""
    _, x = axes(size)
    width = rng.uniform(0.12, 0.35)
    plank = np.floor(x / width)
    along = value_noise(rng, size, 3, 6) * 0.35 + plank * 1.7
    grain = np.sin((x * rng.uniform(20, 45) + along * 4) * 2 * np.pi)
    each = rng.normal(1, 0.09, 64).astype(np.float32)[plank.astype(np.int32) % 64]
    gaps = _joints(x, width, 0.01)
    bright = (
        each * (1 + 0.06 * grain + 0.04 * value_noise(rng, size, 4, size / 2)) * (1 - 0.7 * gaps)
    )
    return Surface(tint(bright, warm_colour(rng) * 1.1), -gaps, gloss=0.05)


def sky(rng: Rng, size: int) -> Surface:
    """Sky, from blue to overcast, clouds included."""
    y, _ = axes(size)
    clouds = smoothstep(-0.5, 2.0, fractal(rng, size, 2, gain=0.5, finest=64, stretch=2))
    blue = np.array([0.42, 0.60, 0.82], np.float32) * np.float32(rng.uniform(0.8, 1.15))
    colour = tint(1 + 0.25 * y, blue)
    white = tint(np.ones_like(y), grey(rng, 0.75, 0.95))
    return Surface(mix(colour, white, clouds * rng.uniform(0.2, 1)), np.zeros_like(y), gloss=0)


def ground(rng: Rng, size: int) -> Surface:
    """Earth, dry grass or autumn leaves, out of focus."""
    first, second = warm_colour(rng), warm_colour(rng)
    if rng.random() < 0.4:
        second = np.array([0.30, 0.38, 0.18], np.float32)
    patches = smoothstep(-1, 1, blur(fractal(rng, size, 6, gain=0.7, finest=64), rng.uniform(3, 6)))
    tone = 1 + 0.15 * blur(fractal(rng, size, 12, finest=64), 2)
    flat = np.ones((size, size), np.float32)
    colour = mix(tint(tone, first), tint(tone, second), patches)
    return Surface(colour, np.zeros_like(flat), gloss=0)


def distance(rng: Rng, size: int) -> Surface:
    """Greenery or a workshop, far out of focus."""
    dark, bright = np.array(
        [[(0.12, 0.16, 0.09), (0.45, 0.52, 0.32)], [(0.16, 0.17, 0.19), (0.55, 0.56, 0.55)]][
            rng.integers(2)
        ],
        np.float32,
    )
    share = smoothstep(-2, 2, blur(fractal(rng, size, 5, gain=0.7, finest=64), rng.uniform(2, 8)))
    flat = np.ones((size, size), np.float32)
    colour = mix(tint(flat, dark), tint(flat, bright), share)
    return Surface(colour, np.zeros_like(flat), gloss=0)


Maker = Callable[[Rng, int], Surface]
SOUND_METALS: tuple[tuple[Maker, float], ...] = (
    (painted, 0.42), (mill, 0.18), (brushed, 0.16), (galvanised, 0.14), (cast, 0.10),
)  # fmt: skip
PLAIN_BACKGROUNDS: tuple[tuple[Maker, float], ...] = (
    (concrete, 0.4), (sky, 0.25), (distance, 0.35),
)  # fmt: skip
WARM_BACKGROUNDS: tuple[tuple[Maker, float], ...] = (
    (brick, 0.4), (wood, 0.3), (ground, 0.3),
)  # fmt: skip


def choose(rng: Rng, makers: tuple[tuple[Maker, float], ...]) -> Maker:
    """Draw a material by its weight."""
    weights = np.array([weight for _, weight in makers])
    return makers[rng.choice(len(makers), p=weights / weights.sum())][0]
