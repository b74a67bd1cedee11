"""Draw one picture from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corrosion.data.sample import surfaces
from corrosion.data.sample.camera import photograph
from corrosion.data.sample.distractors import add_dirt, add_leaves, add_paint_marks
from corrosion.data.sample.fields import Rng
from corrosion.data.sample.fittings import add_fittings
from corrosion.data.sample.kinds import add_kind
from corrosion.data.sample.rust import add_rust
from corrosion.data.sample.scene import Scene, build_scene

# How often something in the colours of rust, but sound, is in the picture. Rust itself brings
# such colours, so both classes have them about as often.
_WARM_WHEN_SOUND = 0.65
_WARM_WHEN_CORRODED = 0.3
_WARM_KINDS = ("coat", "marks", "background", "metal", "leaves")
_SMALLEST, _LARGEST = 0.14, 0.7  # share of the picture


@dataclass(frozen=True)
class Picture:
    """A picture and its ground truth.

    Attributes:
        image: pixels uint8 (size, size, 3), RGB.
        mask: mask uint8 (size, size), 255 where there is rust, else 0.
        jpeg_quality: quality at which the camera saves the picture, 0 to 100.
    """

    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    jpeg_quality: int


def draw(seed: int, index: int, *, size: int, corroded: bool, kind: str | None = None) -> Picture:
    """Draw one picture; the same arguments give the same picture.

    Args:
        seed: seed of the whole set, 0 or more.
        index: number of the picture in its set, from 0.
        size: side in pixels.
        corroded: whether the metal rusts.
        kind: kind of corrosion, of `corrosion.data.sample.kinds.KINDS`; None for patches as they
            come, of no kind. A picture that does not rust has none.
    """
    # a stream for each step: more draws in one leave the others as they are
    plan, scenery, marks, rusting, camera = np.random.default_rng([seed, index]).spawn(5)
    warm = plan.random() < (_WARM_WHEN_CORRODED if corroded else _WARM_WHEN_SOUND)
    warmth = str(plan.choice(_WARM_KINDS, p=[0.26, 0.36, 0.22, 0.09, 0.07])) if warm else "none"
    share = _SMALLEST * (_LARGEST / _SMALLEST) ** float(plan.beta(2, 1.6))
    scene = _set_up(scenery, size, kind=warmth, corroded=corroded)
    _furnish(marks, scene, kind=warmth, share=min(share, 0.12) if corroded else share)
    rust = np.zeros((size, size), np.float32)
    if corroded and kind is not None:
        rust = add_kind(rusting, scene, kind)
    elif corroded:
        rust = add_rust(rusting, scene, share)
    image = photograph(camera, scene)
    mask = np.where(rust > 0.5, 255, 0).astype(np.uint8)
    return Picture(image, mask, jpeg_quality=int(camera.integers(72, 96)))


def _set_up(rng: Rng, size: int, *, kind: str, corroded: bool) -> Scene:
    metal = surfaces.choose(rng, surfaces.SOUND_METALS)
    if kind == "coat":
        metal = surfaces.warm_painted
    elif kind == "metal" and not corroded:
        metal = surfaces.copper
    behind = surfaces.WARM_BACKGROUNDS if kind == "background" else surfaces.PLAIN_BACKGROUNDS
    return build_scene(
        rng,
        size,
        metal=metal,
        background=surfaces.choose(rng, behind),
        fill=kind != "background" and rng.random() < 0.32,
        odd_one=surfaces.copper if kind == "metal" else None,
    )


def _furnish(rng: Rng, scene: Scene, *, kind: str, share: float) -> None:
    add_fittings(rng, scene, warm=kind != "none" and rng.random() < 0.3)
    if kind == "marks":
        add_paint_marks(rng, scene, warm=True, share=share)
    elif rng.random() < 0.15:
        add_paint_marks(rng, scene, warm=False, share=float(rng.uniform(0.05, 0.4)))
    if rng.random() < 0.55:
        add_dirt(rng, scene)
    if kind == "leaves":
        cover = add_leaves(rng, scene, share)
        scene.metal = scene.metal * (1 - cover)
