"""What a function makes of a batch of images of which some may make it fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from corrosion.data.image_reader import ImageInput
from corrosion.data.images import ImageError, reason_of

T = TypeVar("T")

_GREY = 128  # of an image for which no network fails


def each_or_error(
    run: Callable[[Sequence[ImageInput]], list[T]], images: Sequence[ImageInput]
) -> list[T | ImageError]:
    """What a network makes of readable inputs, and an error for those that it fails for.

    Where a batch fails, each of its inputs is tried alone, and where one fails, a plain grey one:
    what fails for any image is no fault of the image.

    Args:
        run: gives one result an input, in their order.
        images: readable inputs, at least one.

    Raises:
        Exception: what `run` raises for any image.
    """
    try:
        return [*run(images)]
    except Exception as error:
        if len(images) > 1:
            return [found for one in images for found in each_or_error(run, [one])]
        [image] = images
        assert image.square is not None
        run([replace(image, square=np.full_like(image.square, _GREY))])
        return [ImageError(image.path, f"the network: {reason_of(error)}")]
