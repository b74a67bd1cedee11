"""Augmentation of the training set.

It comes after resizing (`corrosion.data.resizing`): 224 x 224 pixels cost a fraction of a
photograph's, and resized images can be kept while augmentation goes on.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from corrosion.settings import augmentation
from corrosion.settings.augmentation import AugmentationSettings

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its import asks the network otherwise
import albumentations as A


class Augmentation:
    """Random changes of images, the same for the same seed; made by `build_augmentation`.

    Args:
        transforms: transforms of Albumentations, applied one after the other.

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
            image: image uint8 (H, W, 3), left as it is.
            seed: seed of all that is random, 0 or more.

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
        """Rotate an image (H, W, 3), keeping its shape."""
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
        """The arguments that Albumentations checks."""

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
        """Give a noisy copy of an image (H, W, 3)."""
        noisy = img.copy()
        noisy.reshape(-1, img.shape[2])[positions] = values
        return noisy


# Rotating and warping mirror the image into the corners that fall outside it: black corners would
# be seen in training only.
_MIRRORED = {"interpolation": cv2.INTER_LINEAR, "border_mode": cv2.BORDER_REFLECT_101}
_LEAST_SIGMA = 0.1  # pixels; at 0 the kernel is undefined
_UNCHANGED = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}


def _rotate(step: augmentation.Rotation) -> Any:
    return Rotation(limit=(-step.limit, step.limit), p=step.p, **_MIRRORED)


def _affine(step: augmentation.Affine) -> Any:
    return A.Affine(
        scale=(1 - step.scale, 1 + step.scale),
        translate_percent=(-step.translate, step.translate),
        shear=(-step.shear, step.shear),
        keep_ratio=True,
        p=step.p,
        **_MIRRORED,
    )


def _saturation(step: augmentation.Saturation) -> Any:
    return A.ColorJitter(p=step.p, **_UNCHANGED | {"saturation": (1 - step.limit, 1 + step.limit)})


def _brightness(step: augmentation.Brightness) -> Any:
    # RandomBrightnessContrast adds a share of full white: on a dark photograph far more than 15 %
    return A.ColorJitter(p=step.p, **_UNCHANGED | {"brightness": (1 - step.limit, 1 + step.limit)})


def _exposure(step: augmentation.Exposure) -> Any:
    return A.RandomGamma(gamma_limit=(100 * (1 - step.limit), 100 * (1 + step.limit)), p=step.p)


def _hsv(step: augmentation.Hsv) -> Any:
    return A.HueSaturationValue(
        hue_shift_limit=(-step.hue / 2, step.hue / 2),  # OpenCV counts hue in steps of two degrees
        sat_shift_limit=(-255 * step.saturation, 255 * step.saturation),
        val_shift_limit=(-255 * step.value, 255 * step.value),
        p=step.p,
    )


def _clahe(step: augmentation.Clahe) -> Any:
    return A.CLAHE(clip_limit=(1, step.limit), tile_grid_size=(step.tiles, step.tiles), p=step.p)


def _blur(step: augmentation.Blur) -> Any:
    return A.GaussianBlur(blur_limit=0, sigma_limit=(_LEAST_SIGMA, step.sigma), p=step.p)


def _jpeg(step: augmentation.Jpeg) -> Any:
    return A.ImageCompression(compression_type="jpeg", quality_range=(step.quality, 100), p=step.p)


def _dropout(step: augmentation.Dropout) -> Any:
    return A.CoarseDropout(
        num_holes_range=(1, step.holes),
        hole_height_range=(step.size / 2, step.size),
        hole_width_range=(step.size / 2, step.size),
        fill=0,
        p=step.p,
    )


_BUILDERS: Mapping[str, Callable[[Any], Any]] = {
    "horizontal_flip": lambda step: A.HorizontalFlip(p=step.p),
    "vertical_flip": lambda step: A.VerticalFlip(p=step.p),
    "rotation": _rotate,
    "affine": _affine,
    "saturation": _saturation,
    "brightness": _brightness,
    "exposure": _exposure,
    "hsv": _hsv,
    "clahe": _clahe,
    "blur": _blur,
    "dropout": _dropout,
    "noise": lambda step: PixelNoise(limit=step.limit, p=step.p),
    "jpeg": _jpeg,
}
"""The builder of each transformation of `AugmentationSettings`, in the order of its attributes."""


def build_augmentation(
    augment: AugmentationSettings | Mapping[str, Any] | None, *, extra: Sequence[Any] = ()
) -> Augmentation | None:
    """Build the augmentation of `conf/augment`: Table 4 and section 2.2 of the paper, and more.

    Args:
        augment: transformations with their limits, as `AugmentationSettings` or as plain values of
            its attributes; None for none. A value is drawn uniformly from -limit to +limit unless
            the setting says otherwise. The order is that of the attributes.
        extra: further transforms of Albumentations, applied after these.

    Returns:
        The augmentation, or None where nothing is to be done.

    Raises:
        CorrosionError: a transformation is unknown, or a value is out of its range.

    Example:
        >>> augment = build_augmentation({"rotation": {"p": 1, "limit": 15}})
        >>> augment(np.zeros((8, 8, 3), np.uint8), seed=0).shape
        (8, 8, 3)
    """
    settings = AugmentationSettings.read(augment or {})
    steps = [(build, getattr(settings, name)) for name, build in _BUILDERS.items()]
    transforms = [build(step) for build, step in steps if step is not None and step.p > 0]
    transforms += extra
    return Augmentation(transforms) if transforms else None
