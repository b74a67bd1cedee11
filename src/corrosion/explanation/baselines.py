"""Maps that know nothing of the network: what an explanation has to beat.

A measure on which Grad-CAM does no better than these says nothing for the network's explanation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import Map, Pixels

_CELLS = 7  # as many as Grad-CAM has for the study's networks at 224 pixels
_SIGMA = 0.25  # of the side
_LEAST_COLOUR = 0.5  # of CIELAB; an eye tells colours from about 2 apart, grey pixels are rounded


def random_map(image: Pixels, generator: np.random.Generator) -> Map:
    """Uniform noise on 7 x 7 cells, interpolated: as coarse as a class activation map.

    Noise by pixels would be another kind of map: taking single pixels out of a picture everywhere
    harms a network more than taking out a patch.
    """
    cells = generator.random((_CELLS, _CELLS), dtype=np.float32)
    return _scaled(cv2.resize(cells, image.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def centre_map(image: Pixels, generator: np.random.Generator) -> Map:  # noqa: ARG001
    """A Gaussian in the centre, standard deviation a quarter of each side.

    Photographers put what matters there (Judd, Durand & Torralba, 2012, section 4).
    """
    rows, columns = (
        np.exp(-(((np.arange(side) + 0.5) / side - 0.5) ** 2) / (2 * _SIGMA**2))
        for side in image.shape[:2]
    )
    return _scaled(np.outer(rows, columns))


def edge_map(image: Pixels, generator: np.random.Generator) -> Map:  # noqa: ARG001
    """Magnitude of Sobel's gradient of the grey image.

    Edges alone look like an explanation (Adebayo et al., NeurIPS 2018, section 5).
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return _scaled(
        cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    )


def saturation_map(image: Pixels, generator: np.random.Generator) -> Map:  # noqa: ARG001
    """The saturation channel of HSV: rust is more colourful than steel."""
    return _scaled(cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1])


def redness_map(image: Pixels, generator: np.random.Generator) -> Map:  # noqa: ARG001
    """The coordinate a* of CIELAB (ISO/CIE 11664-4) where it is above 0: red against green.

    Rust is red in any light that a photographer would use; blue and green things, which saturation
    and chroma light up, stay dark.
    """
    return _visible(np.maximum(cielab(image)[..., 1], 0))


def chroma_map(image: Pixels, generator: np.random.Generator) -> Map:  # noqa: ARG001
    """The chroma of CIELAB, sqrt(a*^2 + b*^2): distance from grey (ISO/CIE 11664-4).

    Unlike saturation it stays low in dark pixels, whose colour is mostly noise.
    """
    lab = cielab(image)
    return _visible(cv2.magnitude(lab[..., 1], lab[..., 2]))


BASELINES: Mapping[str, Callable[[Pixels, np.random.Generator], Map]] = MappingProxyType(
    {
        "random": random_map,
        "centre": centre_map,
        "edges": edge_map,
        "saturation": saturation_map,
        "redness": redness_map,
        "chroma": chroma_map,
    }
)
"""By name, from an image (H, W, 3) uint8 RGB and a generator to a map (H, W) float32 in [0, 1].

The largest value is 1, but for the edges of an even image, the colours of a grey one and the
redness of one without red: all 0.
"""


def cielab(image: Pixels) -> NDArray[np.float32]:
    """Turn sRGB (H, W, 3) uint8 into CIELAB: lightness in [0, 100], a* and b* unscaled."""
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _visible(values: Map) -> Map:
    """A map of colour; empty where the strongest is but the rounding of grey pixels."""
    return _scaled(values if values.max() >= _LEAST_COLOUR else np.zeros_like(values))


def _scaled(values: NDArray[Any]) -> Map:
    peak = max(float(values.max()), float(np.finfo(np.float32).tiny))
    return (values / peak).astype(np.float32)
