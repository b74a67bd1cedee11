"""From a decoded image to the network's input: resize every image, augment the training set.

Augmenting comes after resizing: 224 x 224 pixels cost a fraction of a photograph's, and resized
images can be kept while augmentation goes on.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from corrosion.data.geometry import Placement, place
from corrosion.errors import CorrosionError

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import asks the network otherwise
import albumentations as A

ResizeMode = Literal["pad", "reflect", "crop", "stretch"]


@dataclass(frozen=True)
class Resize:
    """Resizes an image to a square; made by `build_resize`.

    Bilinear as published, with the kernel widened by the factor of shrinking (the `BILINEAR` of
    Pillow and of torchvision): a plain bilinear kernel skips pixels beyond a factor of 2, and pits
    and streaks turn into noise.
    """

    image_size: int
    mode: ResizeMode = "pad"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Image uint8 (H, W, 3) -> uint8 (image_size, image_size, 3)."""
        placement = self.place(*image.shape[:2])
        target = placement.target
        inner = _interpolate(placement.source.cut(image), target.height, target.width)
        reflect = self.mode == "reflect"
        return _pad(inner, placement, cv2.BORDER_REFLECT_101 if reflect else cv2.BORDER_CONSTANT)

    def place(self, height: int, width: int) -> Placement:
        """Where the pixels of an image of height x width come to lie in the square."""
        return place(height, width, self.image_size, self.mode)


def build_resize(image_size: int, mode: str = "pad") -> Resize:
    """The resizing named by `data.image_size` and `data.resize`.

    Args:
        image_size: side of the result in pixels.
        mode: "pad" fits the longest side and centres the image between black bars: nothing is
            lost, and an explanation can't point at pixels that are not in the photograph.
            "reflect" does the same but mirrors the image into the bars, for sets where the shape
            of the bars would give the class away. "crop" fits the shortest side and keeps the
            centre: corrosion at the edges is lost. "stretch" fits both sides.

    Raises:
        CorrosionError: if a value is not one of these.

    Example:
        >>> resize = build_resize(224)
        >>> resize(np.zeros((300, 600, 3), dtype=np.uint8)).shape
        (224, 224, 3)
    """
    if isinstance(image_size, bool) or not isinstance(image_size, int) or image_size < 1:
        raise CorrosionError(f"data.image_size={image_size!r}: give a whole number of pixels.")
    if mode not in get_args(ResizeMode):
        raise CorrosionError(f"data.resize={mode}: choose {', '.join(get_args(ResizeMode))}.")
    return Resize(image_size, mode)  # type: ignore[arg-type]


def _interpolate(image: np.ndarray, height: int, width: int) -> np.ndarray:
    # torch's uint8 kernel agrees with Pillow's to one grey level in a fraction of its time
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    resized = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def _pad(image: np.ndarray, placement: Placement, border: int) -> np.ndarray:
    """Lay an image into its place in the square, with an OpenCV border around it."""
    top, left = placement.target.top, placement.target.left
    bottom = placement.size - top - placement.target.height
    right = placement.size - left - placement.target.width
    return cv2.copyMakeBorder(image, top, bottom, left, right, border, value=(0, 0, 0))


class Augmentation:
    """Changes images at random, the same for the same seed; made by `build_augmentation`.

    Example:
        >>> augmentation = Augmentation([A.HorizontalFlip(p=0.5), PixelNoise(limit=0.1, p=1)])
        >>> image = np.full((32, 32, 3), 128, dtype=np.uint8)
        >>> first, second, third = (augmentation(image, seed) for seed in (7, 7, 8))
        >>> bool((first == second).all()), bool((first == third).all())
        (True, False)
    """

    def __init__(self, transforms: list[Any]) -> None:
        self._compose = A.Compose(transforms)

    def __call__(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Augment one image.

        Args:
            image: uint8 (H, W, 3), left as it is.
            seed: 0 or more; alone decides what happens.

        Returns:
            uint8 (H, W, 3).
        """
        # One stream for all transformations. Compose.set_random_seed would give each its own, all
        # from the same seed: every image flipped one way would then be flipped the other way too.
        self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        return self._compose(image=image)["image"]


class Rotation(A.Rotate):
    """`A.Rotate` for RGB images; OpenCV turns four channels to the same result in less time."""

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        """Image (H, W, 3) -> rotated, of the same shape."""
        rotated = super().apply(cv2.cvtColor(img, cv2.COLOR_RGB2RGBA), **params)
        return cv2.cvtColor(rotated, cv2.COLOR_RGBA2RGB)


class PixelNoise(A.ImageOnlyTransform):
    """Salt-and-pepper noise: pixels turned black or white at random, half of each.

    Does what `A.SaltAndPepper` does but touches the noisy pixels only, a few percent of its time.

    Args:
        limit: largest share of pixels, in [0, 1]; the share is uniform between 0 and it.
        p: probability of being applied.

    Example:
        >>> noisy = Augmentation([PixelNoise(limit=0.5, p=1)])
        >>> grey = np.full((8, 8, 3), 128, dtype=np.uint8)
        >>> [int(value) for value in np.unique(noisy(grey, seed=1))]
        [0, 128, 255]
    """

    class InitSchema(A.BasicTransform.InitSchema):
        """What Albumentations checks of the arguments."""

        limit: float

    def __init__(self, limit: float, p: float) -> None:
        super().__init__(p=p)
        self.limit = limit

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Draw the flat positions of the noisy pixels, and a grey value for each."""
        height, width = data["image"].shape[:2]
        count = int(height * width * self.py_random.uniform(0, self.limit))
        positions = self.random_generator.choice(height * width, size=count, replace=False)
        values = self.random_generator.integers(2, size=(count, 1), dtype=np.uint8) * np.uint8(255)
        return {"positions": positions, "values": values}

    def apply(
        self, img: np.ndarray, positions: np.ndarray, values: np.ndarray, **params: Any
    ) -> np.ndarray:
        """Image (H, W, 3) -> a noisy copy."""
        noisy = img.copy()
        noisy.reshape(-1, img.shape[2])[positions] = values
        return noisy


@dataclass(frozen=True)
class _Limit:
    """The values an entry of `augment` may take."""

    low: float
    high: float
    whole: bool = False

    def check(self, key: str, value: object) -> float:
        kind = "a whole number" if self.whole else "a number"
        if isinstance(value, Real) and not isinstance(value, bool):
            number = float(value)
            if self.low <= number <= self.high and (not self.whole or number.is_integer()):
                return int(number) if self.whole else number
        raise CorrosionError(
            f"{key}={value!r}: give {kind} between {self.low:g} and {self.high:g}."
        )


@dataclass(frozen=True)
class _Step:
    """One entry of `augment`: how it is built, from which values besides its probability."""

    build: Callable[..., Any]
    limits: Mapping[str, _Limit]


# Rotating and warping mirror the image into the corners that fall outside it: black corners would
# be seen in training only.
_MIRRORED = {"interpolation": cv2.INTER_LINEAR, "border_mode": cv2.BORDER_REFLECT_101}
_LEAST_SIGMA = 0.1  # pixels; at 0 the kernel is undefined
_UNCHANGED = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}


def _rotate(p: float, limit: float) -> Any:
    return Rotation(limit=(-limit, limit), p=p, **_MIRRORED)


def _affine(p: float, scale: float, translate: float, shear: float) -> Any:
    return A.Affine(
        scale=(1 - scale, 1 + scale),
        translate_percent=(-translate, translate),
        shear=(-shear, shear),
        keep_ratio=True,
        p=p,
        **_MIRRORED,
    )


def _saturation(p: float, limit: float) -> Any:
    return A.ColorJitter(p=p, **_UNCHANGED | {"saturation": (1 - limit, 1 + limit)})


def _brightness(p: float, limit: float) -> Any:
    # RandomBrightnessContrast adds a share of full white: on a dark photograph far more than 15 %
    return A.ColorJitter(p=p, **_UNCHANGED | {"brightness": (1 - limit, 1 + limit)})


def _exposure(p: float, limit: float) -> Any:
    return A.RandomGamma(gamma_limit=(100 * (1 - limit), 100 * (1 + limit)), p=p)


def _hsv(p: float, hue: float, saturation: float, value: float) -> Any:
    return A.HueSaturationValue(
        hue_shift_limit=(-hue / 2, hue / 2),  # OpenCV counts hue in steps of two degrees
        sat_shift_limit=(-255 * saturation, 255 * saturation),
        val_shift_limit=(-255 * value, 255 * value),
        p=p,
    )


def _clahe(p: float, limit: float, tiles: int) -> Any:
    return A.CLAHE(clip_limit=(1, limit), tile_grid_size=(tiles, tiles), p=p)


def _blur(p: float, sigma: float) -> Any:
    return A.GaussianBlur(blur_limit=0, sigma_limit=(_LEAST_SIGMA, sigma), p=p)


def _jpeg(p: float, quality: int) -> Any:
    return A.ImageCompression(compression_type="jpeg", quality_range=(quality, 100), p=p)


def _dropout(p: float, holes: int, size: float) -> Any:
    return A.CoarseDropout(
        num_holes_range=(1, holes),
        hole_height_range=(size / 2, size),
        hole_width_range=(size / 2, size),
        fill=0,
        p=p,
    )


# In the order of application: first what moves pixels, then what the camera does to colours,
# last what happens to single pixels, which interpolation would smear.
_STEPS: dict[str, _Step] = {
    "horizontal_flip": _Step(A.HorizontalFlip, {}),
    "vertical_flip": _Step(A.VerticalFlip, {}),
    "rotation": _Step(_rotate, {"limit": _Limit(0, 180)}),
    "affine": _Step(
        _affine, {"scale": _Limit(0, 0.9), "translate": _Limit(0, 1), "shear": _Limit(0, 60)}
    ),
    "saturation": _Step(_saturation, {"limit": _Limit(0, 1)}),
    "brightness": _Step(_brightness, {"limit": _Limit(0, 1)}),
    "exposure": _Step(_exposure, {"limit": _Limit(0, 0.9)}),
    "hsv": _Step(_hsv, {"hue": _Limit(0, 180), "saturation": _Limit(0, 1), "value": _Limit(0, 1)}),
    "clahe": _Step(_clahe, {"limit": _Limit(1, 100), "tiles": _Limit(1, 64, whole=True)}),
    "blur": _Step(_blur, {"sigma": _Limit(_LEAST_SIGMA, 20)}),
    "dropout": _Step(_dropout, {"holes": _Limit(1, 100, whole=True), "size": _Limit(0, 1)}),
    "noise": _Step(PixelNoise, {"limit": _Limit(0, 1)}),
    "jpeg": _Step(_jpeg, {"quality": _Limit(1, 100, whole=True)}),
}
_PROBABILITY = _Limit(0, 1)


def build_augmentation(
    augment: Mapping[str, Mapping[str, Any] | None] | None,
) -> Augmentation | None:
    """The augmentation described by `conf/augment`: Table 4 and section 2.2 of the paper, and more.

    Args:
        augment: one entry a transformation: its name, its probability `p` and its limits. A value
            is drawn uniformly from -limit to +limit unless said otherwise:

            - horizontal_flip, vertical_flip: p only.
            - rotation: limit in degrees. Corners are filled with the mirrored image.
            - affine: scale (0.2: to 80..120 %), translate (share of the side), shear (degrees).
            - saturation: limit 0.2 makes colours 80..120 % as far from grey.
            - brightness: limit 0.15 multiplies pixel values by 0.85..1.15.
            - exposure: limit 0.05 raises pixel values in [0, 1] to the power 0.95..1.05 (gamma).
            - hsv: adds to hue (degrees), saturation and value (shares of full scale).
            - clahe: contrast-limited adaptive histogram equalisation of the lightness, with a clip
              limit of 1..limit on tiles x tiles tiles.
            - blur: Gaussian of standard deviation 0.1..sigma pixels.
            - dropout: 1..holes black rectangles with sides of size / 2..size (shares of the side).
            - noise: 0..limit of the pixels turn black or white.
            - jpeg: compressed with a quality of quality..100.

            The order is fixed. An entry that is None, or has p = 0, is left out.

    Returns:
        What augments an image, or None where nothing is to be done.

    Raises:
        CorrosionError: naming `augment.<key>`, for unknown or missing keys and for values outside
            their range.
    """
    entries = {name: entry for name, entry in (augment or {}).items() if entry is not None}
    for name in entries:
        if name not in _STEPS:
            raise CorrosionError(f"augment.{name} is unknown: choose among {', '.join(_STEPS)}.")
    built = [_build(name, entries[name]) for name in _STEPS if name in entries]
    transforms = [transform for transform in built if transform.p > 0]
    return Augmentation(transforms) if transforms else None


def _build(name: str, entry: Mapping[str, Any]) -> Any:
    step = _STEPS[name]
    limits = {"p": _PROBABILITY, **step.limits}
    if not isinstance(entry, Mapping) or set(entry) != set(limits):
        given = ", ".join(entry) if isinstance(entry, Mapping) else repr(entry)
        raise CorrosionError(f"augment.{name} takes {', '.join(limits)}; it got {given}.")
    return step.build(
        **{key: limit.check(f"augment.{name}.{key}", entry[key]) for key, limit in limits.items()}
    )
