"""The scene before the camera: bodies of metal in front of a background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from corrosion.data.sample.colours import mix
from corrosion.data.sample.fields import Array, Rng, blur
from corrosion.data.sample.shapes import bodies
from corrosion.data.sample.surfaces import Maker


@dataclass
class Scene:
    """A picture under way: later steps paint over `colour` and add to the other fields.

    All fields are (size, size) but `colour`, which is RGB (size, size, 3).

    Attributes:
        colour: colours under even light, in [0, 1].
        height: relief in pixels of a 256 px picture.
        shade: brightness by the form of the bodies, around 1.
        shine: strength of highlights, 0 or more.
        metal: share of each pixel that can rust, in [0, 1].
        edge: nearness to the edges of the bodies, 1 at the edge, 0 well inside.
        weak: weakness, above 0 where rust starts: at bolts, seams and scratches.
        drips: amount of water that runs down from each pixel, in [0, 1].
        painted: whether the metal carries paint.
        light: direction (x, y) of the light, of length 1.
    """

    colour: Array
    height: Array
    shade: Array
    shine: Array
    metal: Array
    edge: Array
    weak: Array
    drips: Array
    painted: bool
    light: tuple[float, float]

    @property
    def size(self) -> int:
        """Side in pixels."""
        return len(self.height)


def build_scene(
    rng: Rng, size: int, *, metal: Maker, background: Maker, fill: bool, odd_one: Maker | None
) -> Scene:
    """Put bodies of metal before a background.

    Args:
        rng: source of randomness.
        size: side in pixels.
        metal: material of the bodies.
        background: material behind them.
        fill: whether the bodies fill the picture, so that no background is seen.
        odd_one: material of the second body, where there are several; None for the same.
    """
    angle = rng.uniform(0, 2 * np.pi)
    scene = Scene(
        colour=np.zeros((size, size, 3), np.float32),
        height=np.zeros((size, size), np.float32),
        shade=np.ones((size, size), np.float32),
        shine=np.zeros((size, size), np.float32),
        metal=np.zeros((size, size), np.float32),
        edge=np.zeros((size, size), np.float32),
        weak=np.zeros((size, size), np.float32),
        drips=np.zeros((size, size), np.float32),
        painted=False,
        light=(float(np.cos(angle)), float(np.sin(angle))),
    )
    parts = bodies(rng, size, fill=fill)
    if not fill:
        _place_background(rng, scene, background, np.max([part.mask for part in parts], axis=0))
    front = metal(rng, size)
    scene.painted = front.painted
    for number, part in enumerate(parts):
        odd = odd_one is not None and number == 1
        surface = odd_one(rng, size) if odd_one is not None and odd else front
        scene.colour = mix(scene.colour, surface.colour, part.mask)
        scene.height += part.mask * (surface.height - scene.height)
        scene.shade += part.mask * (part.shade - scene.shade)
        scene.shine += part.mask * (part.shine * surface.gloss - scene.shine)
        scene.metal = np.maximum(scene.metal * (1 - part.mask), 0 if odd else part.mask)
        scene.edge = np.maximum(scene.edge * (1 - part.mask), _nearness_to_edge(part.mask))
    return scene


def _place_background(rng: Rng, scene: Scene, background: Maker, cover: Array) -> None:
    behind = background(rng, scene.size)
    sigma = rng.choice([0.0, rng.uniform(0.5, 3)])  # depth of field
    scene.colour = blur(behind.colour, sigma) if sigma else behind.colour
    scene.height = blur(behind.height, sigma) if sigma else behind.height
    x, y = (np.array(scene.light) * rng.uniform(0, 14) * scene.size / 256).tolist()
    shift = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    shadow = cv2.warpAffine(blur(cover, rng.uniform(2, 6)), shift, cover.shape[::-1])
    scene.shade = 1 - rng.uniform(0.1, 0.6) * shadow


def _nearness_to_edge(mask: Array) -> Array:
    inside = (mask > 0.5).astype(np.uint8)
    if inside.all():
        return np.zeros_like(mask)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3) / len(mask)
    return mask * np.exp(-distance / 0.05)
