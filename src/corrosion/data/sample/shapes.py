"""The bodies in the picture: sheet, panel, pipes, beam, ledge, corrugated wall."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from corrosion.data.sample.fields import Array, Rng, axes, smoothstep


@dataclass(frozen=True)
class Body:
    """One body of metal.

    Attributes:
        mask: share of each pixel that it covers, (size, size) in [0, 1].
        shade: brightness by its form, around 1, (size, size).
        shine: strength of a glossy surface's highlights, (size, size) in [0, 1].
    """

    mask: Array
    shade: Array
    shine: Array


def bodies(rng: Rng, size: int, *, fill: bool) -> list[Body]:
    """Draw an arrangement; together the bodies cover at least a third of the picture.

    Args:
        rng: source of randomness.
        size: side in pixels.
        fill: whether the metal goes from edge to edge, so that no background is seen.
    """
    if fill:
        return (_sheet if rng.random() < 0.75 else _corrugated)(rng, size)
    makers = (_panel, _pipes, _beam, _ledge)
    return makers[rng.choice(4, p=[0.25, 0.32, 0.2, 0.23])](rng, size)


def _across(rng: Rng, size: int) -> tuple[Array, Array]:
    """Coordinates across and along a nearly upright or nearly level direction, centre 0."""
    y, x = axes(size)
    angle = np.deg2rad(rng.choice([0, 90]) + rng.normal(0, 9))
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    along = (y - 0.5) * np.cos(angle) - (x - 0.5) * np.sin(angle)
    return across.astype(np.float32), along.astype(np.float32)


def _cover(distance: Array) -> Array:
    """Antialiased cover from a signed distance (positive inside) in shares of the side."""
    return np.clip(distance * distance.shape[0] + 0.5, 0, 1)


def _sheet(rng: Rng, size: int) -> list[Body]:
    across, _ = _across(rng, size)
    shade = 1 + across * rng.normal(0, 0.2)
    shine = np.exp(-(((across - rng.uniform(-0.6, 0.6)) / 0.25) ** 2))
    return [Body(np.ones_like(across), shade, shine)]


def _corrugated(rng: Rng, size: int) -> list[Body]:
    across, _ = _across(rng, size)
    wave = np.sin(across * rng.uniform(5, 12) * 2 * np.pi + rng.uniform(0, 6))
    profile = np.clip(wave * rng.uniform(1, 3), -1, 1)
    return [Body(np.ones_like(across), 1 + 0.16 * profile, smoothstep(0.8, 1, wave))]


def _panel(rng: Rng, size: int) -> list[Body]:
    inset = rng.uniform(0.03, 0.2)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    corners = inset + square * (1 - 2 * inset) + rng.normal(0, 0.05, (4, 2))
    mask = np.zeros((size, size), np.uint8)
    fixed = np.round(corners * size * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, fixed, 255, lineType=cv2.LINE_AA, shift=4)
    across, _ = _across(rng, size)
    shade = 1 + across * rng.normal(0, 0.35)
    shine = np.exp(-(((across - rng.uniform(-0.5, 0.5)) / 0.12) ** 2))
    return [Body(mask.astype(np.float32) / 255, shade, shine)]


def _pipes(rng: Rng, size: int) -> list[Body]:
    across, _ = _across(rng, size)
    count = int(rng.integers(1, 4))
    radius = rng.uniform(0.22, 0.34) if count == 1 else rng.uniform(0.42, 0.5) / count
    light = rng.uniform(-0.5, 0.5)
    result = []
    for place in range(count):
        centre = (place + 0.5) / count - 0.5 + (rng.normal(0, 0.05) if count == 1 else 0)
        normal = (across - centre) / radius
        turn = np.clip((normal - light) / (1 + abs(light)), -1, 1)
        shade = 0.28 + 0.85 * np.sqrt(1 - turn * turn)
        shine = np.exp(-(((normal - light) / 0.16) ** 2))
        result.append(Body(_cover(radius - np.abs(across - centre)), shade, shine))
    return result


def _beam(rng: Rng, size: int) -> list[Body]:
    across, along = _across(rng, size)
    outer, inner = rng.uniform(0.34, 0.5), rng.uniform(0.18, 0.28)
    web = np.abs(across) < inner
    levels = rng.uniform(0.7, 1.15, 3)
    shade = np.where(web, levels[0], np.where(across < 0, levels[1], levels[2]))
    fillet = np.exp(-(((np.abs(across) - inner) / 0.012) ** 2))
    shade = (shade * (1 - 0.4 * fillet) * (1 + 0.25 * along * rng.normal())).astype(np.float32)
    return [Body(_cover(outer - np.abs(across)), shade, (0.3 * ~web).astype(np.float32))]


def _ledge(rng: Rng, size: int) -> list[Body]:
    """Metal on one side of a straight edge, with a lit rim."""
    across, _ = _across(rng, size)
    inside = (across + rng.uniform(0.0, 0.25)) * rng.choice([-1, 1])
    inside = inside if (inside > 0).mean() > 0.4 else -inside
    rim = np.exp(-((inside / 0.012) ** 2))
    shade = 1 + 0.3 * rim - 0.25 * smoothstep(0, 0.7, inside) * rng.random()
    shine = np.exp(-(((inside - rng.uniform(0.1, 0.5)) / 0.12) ** 2))
    return [Body(_cover(inside), shade, shine)]
