"""Light and camera: from a scene to the pixels of a photograph."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from corrosion.data.sample.colours import desaturate
from corrosion.data.sample.fields import Array, Rng, axes, blur, fractal, smoothstep
from corrosion.data.sample.scene import Scene


def photograph(rng: Rng, scene: Scene) -> npt.NDArray[np.uint8]:
    """Light a scene and take its picture: RGB uint8 (size, size, 3)."""
    light = scene.shade * _relief(scene) * _light(rng, scene)
    lit = _develop(rng, scene.colour * light[..., None] + (0.55 * scene.shine)[..., None])
    if rng.random() < 0.4:
        lit = blur(lit, rng.uniform(0.4, 0.8))
    noise = rng.standard_normal((*lit.shape[:2], 1), dtype=np.float32)
    lit = lit + rng.uniform(0.002, 0.015) * noise
    return np.clip(lit * 255 + 0.5, 0, 255).astype(np.uint8)


def _relief(scene: Scene) -> Array:
    """Brightness by the slope towards or away from the light."""
    to_picture = scene.size / 256
    slope_x = cv2.Sobel(scene.height, cv2.CV_32F, 1, 0, ksize=3, scale=to_picture / 8)
    slope_y = cv2.Sobel(scene.height, cv2.CV_32F, 0, 1, ksize=3, scale=to_picture / 8)
    towards = -(slope_x * scene.light[0] + slope_y * scene.light[1])
    return 1 + 0.5 * np.tanh(0.9 * towards)


def _light(rng: Rng, scene: Scene) -> Array:
    """Falling off to one side, vignette, and the shadow of something outside the picture."""
    y, x = axes(scene.size)
    light = 1 + rng.normal(0, 0.22) * (x - 0.5) + rng.normal(0, 0.22) * (y - 0.5)
    light -= rng.uniform(0, 0.5) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    if rng.random() < 0.3:
        angle = rng.uniform(0, np.pi)
        across = (x - rng.uniform(0.2, 0.8)) * np.cos(angle) + (y - 0.5) * np.sin(angle)
        if rng.random() < 0.4:
            across = np.abs(across) - rng.uniform(0.05, 0.15)  # a bar's shadow
        across = across + rng.uniform(0, 0.01) * fractal(rng, scene.size, 5, finest=64)
        light *= 1 - rng.uniform(0.25, 0.55) * smoothstep(0, rng.uniform(0.01, 0.08), across)
    return light.astype(np.float32)


def _develop(rng: Rng, lit: Array) -> Array:
    """Exposure, white balance, saturation and contrast of the camera."""
    warmth = rng.normal(0, 0.06)
    balance = np.array([1 + warmth, 1 + rng.normal(0, 0.015), 1 - warmth], np.float32)
    lit = lit * (balance * np.float32(rng.uniform(0.8, 1.25)))
    lit = desaturate(lit, float(rng.uniform(-0.1, 0.4)))
    lit = np.clip(lit, 0, None)
    lit = np.where(lit > 0.8, 0.8 + 0.2 * np.tanh((lit - 0.8) / 0.2), lit)  # soft highlights
    return np.power(lit, rng.uniform(0.85, 1.15), dtype=np.float32)
