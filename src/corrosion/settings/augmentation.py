"""What is changed at random in training images: `conf/augment`."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from corrosion.settings.base import Settings
from corrosion.settings.types import Names, Share


class Step(Settings):
    """A transformation that is applied with a probability."""

    p: Share
    """Probability of being applied; 0 leaves it out."""


class Flip(Step):
    """The mirror image."""


class Rotation(Step):
    """A turn; corners are filled with the mirrored image."""

    limit: Annotated[float, Ge(0), Le(180)]
    """Largest angle in degrees, either way."""


class Affine(Step):
    """Scaling, shifting and shearing."""

    scale: Annotated[float, Ge(0), Le(0.9)]
    """0.2 scales to 80 to 120 %."""
    translate: Share
    """Largest shift as a share of the side."""
    shear: Annotated[float, Ge(0), Le(60)]
    """Largest shear in degrees."""


class Saturation(Step):
    """Colours further from grey, or nearer to it."""

    limit: Share
    """0.2 multiplies the distance from grey by 0.8 to 1.2."""


class Brightness(Step):
    """Pixel values multiplied."""

    limit: Share
    """0.15 multiplies pixel values by 0.85 to 1.15."""


class Exposure(Step):
    """Pixel values in [0, 1] raised to a power (gamma)."""

    limit: Annotated[float, Ge(0), Le(0.9)]
    """0.05 takes powers of 0.95 to 1.05."""


class Hsv(Step):
    """Hue, saturation and value shifted."""

    hue: Annotated[float, Ge(0), Le(180)]
    """Largest shift in degrees."""
    saturation: Share
    """Largest shift as a share of full scale."""
    value: Share
    """Likewise."""


class Clahe(Step):
    """Contrast-limited adaptive histogram equalisation of the lightness."""

    limit: Annotated[float, Ge(1), Le(100)]
    """Largest clip limit, drawn from 1 on."""
    tiles: Annotated[int, Ge(1), Le(64)]
    """Tiles along each side."""


class Blur(Step):
    """Gaussian blur."""

    sigma: Annotated[float, Ge(0.1), Le(20)]
    """Largest standard deviation in pixels."""


class Dropout(Step):
    """Black rectangles."""

    holes: Annotated[int, Ge(1), Le(100)]
    """Largest number of them."""
    size: Share
    """Largest side, as a share of the image's."""


class Noise(Step):
    """Salt and pepper."""

    limit: Share
    """Largest share of the pixels that turn black or white."""


class Jpeg(Step):
    """JPEG compression."""

    quality: Annotated[int, Ge(1), Le(100)]
    """Lowest quality."""


class AugmentationSettings(Settings):
    """Transformations of training images, in the order in which they are applied.

    First what moves pixels, then what the camera does to colours, last what happens to single
    pixels, which interpolation would smear. null leaves a transformation out.
    """

    horizontal_flip: Flip | None = None
    """Left and right change places."""
    vertical_flip: Flip | None = None
    """Top and bottom change places."""
    rotation: Rotation | None = None
    """A turn."""
    affine: Affine | None = None
    """Scaling, shifting and shearing."""
    saturation: Saturation | None = None
    """Colours further from grey, or nearer to it."""
    brightness: Brightness | None = None
    """Lighter or darker."""
    exposure: Exposure | None = None
    """Gamma."""
    hsv: Hsv | None = None
    """Hue, saturation and value shifted."""
    clahe: Clahe | None = None
    """Adaptive histogram equalisation."""
    blur: Blur | None = None
    """Gaussian blur."""
    dropout: Dropout | None = None
    """Black rectangles."""
    noise: Noise | None = None
    """Salt and pepper."""
    jpeg: Jpeg | None = None
    """JPEG compression."""
    extra: Names = ()
    """Import paths of your own Albumentations transforms, applied last (docs/extending.md)."""
