"""Which surface the rusted share of a photograph refers to: masks, drawn regions, or all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple, Protocol

import cv2
import numpy as np
from annotated_types import Ge, Le, MaxLen, MinLen
from numpy.typing import NDArray
from pydantic import Strict

from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.settings.stored import StoredValues
from corrosion.settings.types import Text
from corrosion.system.files import read_json
from corrosion.system.names import on_disk

WHOLE = "whole photograph"
"""What the column `surface` says where no surface was marked."""

DRAWN = "drawn region"
"""What it says where a region was drawn on the inspection page."""

FILE = "surfaces.json"
"""The file that the inspection page saves, and its copy in a folder that was measured by it."""

_WAY_OUT = "Give the file that the inspection page saves (Save surfaces)."

Fraction = Annotated[float, Ge(0), Le(1)]
Polygon = Annotated[
    tuple[Annotated[tuple[Fraction, Fraction], Strict(False)], ...],
    Strict(False),
    MinLen(3),
    MaxLen(10_000),
]
"""Corners of a region: shares of the photograph's width from its left, and height from its top."""


class Photograph(NamedTuple):
    """What a surface is looked up by.

    Attributes:
        path: path of the file, as the table has it.
        time: second of a frame, as tables of verdicts have it; empty for photographs.
        sha256: digest of the file; empty if unknown.
        mask: file of the mask of rust, below the output folder.
        shape: (H, W) of the photograph.
    """

    path: str
    time: str
    sha256: str
    mask: str
    shape: tuple[int, int]


class Surface(NamedTuple):
    """A surface that a share refers to.

    Attributes:
        mask: (H, W) uint8, not 0 where there is surface; None for the whole photograph.
        name: what the column `surface` says.
    """

    mask: NDArray[np.uint8] | None
    name: str


class Surfaces(Protocol):
    """Knows the surface of each photograph of an inspection."""

    def of(self, photograph: Photograph) -> Surface:
        """The surface of a photograph.

        Raises:
            CorrosionError: the file of its mask can't be read.
        """
        ...


@dataclass(frozen=True)
class WholePhotographs:
    """All of each photograph."""

    def of(self, photograph: Photograph) -> Surface:
        """The whole photograph."""
        return Surface(None, WHOLE)


@dataclass(frozen=True)
class MarkedSurfaces:
    """Masks of surfaces; a photograph without one is measured whole.

    Attributes:
        folder: folder of masks, called as those below `masks/`.
    """

    folder: Path

    def of(self, photograph: Photograph) -> Surface:
        """The mask of a photograph's surface, in a size of its own."""
        path = self.folder.joinpath(*Path(photograph.mask).parts[1:])
        if not on_disk(path).is_file():
            return Surface(None, WHOLE)
        return Surface(read_image(path).max(axis=2), str(path))


class DrawnRegions(StoredValues):
    """What was drawn on one photograph."""

    path: Text
    """Path of the file, as in predictions.csv."""
    time: str = ""
    """Second of a frame, as "12.000"; empty for photographs."""
    sha256: str = ""
    """Digest of the file; empty if unknown."""
    regions: Annotated[tuple[Polygon, ...], Strict(False), MinLen(1), MaxLen(1000)]
    """The regions that are the surface together."""


class _Drawn(StoredValues):
    """The file that the page saves."""

    surfaces: Annotated[list[DrawnRegions], MaxLen(1_000_000)]
    """What was drawn on each photograph."""


@dataclass(frozen=True)
class DrawnSurfaces:
    """Regions drawn on the inspection page; a photograph without one is measured whole.

    Attributes:
        by_name: what was drawn, by path and second.
        by_digest: the same by the digest of the photograph, for paths that are others now.
    """

    by_name: Mapping[tuple[str, str], DrawnRegions]
    by_digest: Mapping[str, DrawnRegions]

    def of(self, photograph: Photograph) -> Surface:
        """The regions of a photograph, in its own size."""
        drawn = self.regions_of(photograph.path, photograph.time, photograph.sha256)
        if drawn is None:
            return Surface(None, WHOLE)
        return Surface(filled(drawn.regions, photograph.shape), DRAWN)

    def regions_of(self, path: str, time: str, sha256: str) -> DrawnRegions | None:
        """What was drawn on a photograph; None for nothing."""
        found = self.by_name.get((path, time))
        if found is not None and not (sha256 and found.sha256 and sha256 != found.sha256):
            return found
        return self.by_digest.get(sha256) if sha256 and not time else None


def filled(
    regions: tuple[tuple[tuple[float, float], ...], ...], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """The pixels within polygons, together.

    Args:
        regions: corners (x, y) of each polygon, as shares of width and height in [0, 1].
        shape: (H, W) of the photograph.

    Returns:
        (H, W) uint8, 1 within a polygon.

    Example:
        >>> square = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
        >>> filled((square,), (100, 100)).mean().round(2).item()
        0.51
    """
    mask = np.zeros(shape, dtype=np.uint8)
    # the middle of the first pixel is at half of it; fillPoly has it at 0, and fills the edge too
    size = np.array(shape[::-1], dtype=np.float64)
    for corners in regions:
        points = np.clip(np.floor(np.array(corners) * size), 0, size - 1).astype(np.int32)
        cv2.fillPoly(mask, [points], 1)
    return mask


def read_drawn(path: Path) -> DrawnSurfaces:
    """Read the file of surfaces that the inspection page saves.

    Raises:
        CorrosionError: it can't be read, or something in it is no region.
    """
    drawn = _Drawn.of(read_json(path, kind=dict, way_out=_WAY_OUT), path, way_out=_WAY_OUT)
    digests: dict[str, DrawnRegions] = {
        one.sha256: one for one in drawn.surfaces if one.sha256 and not one.time
    }
    return DrawnSurfaces({(one.path, one.time): one for one in drawn.surfaces}, digests)


def surfaces_of(given: Path | None) -> Surfaces:
    """The surfaces that `--surface` names.

    Args:
        given: a folder of masks, a file that the inspection page saves, or "whole"; None for whole
            photographs.

    Raises:
        CorrosionError: it is none of these, or the file can't be read.
    """
    if given is None or str(given) == "whole":
        return WholePhotographs()
    if given.is_dir():
        return MarkedSurfaces(given)
    if given.is_file():
        return read_drawn(given)
    if str(given) == "auto":
        raise CorrosionError(
            "surface=auto: nothing that was tried tells the surface from what is around it well "
            "enough to grade by (docs/results.md). Draw it on the inspection page, and give the "
            "file that it saves, or give a folder of masks."
        )
    raise CorrosionError(
        f"surface={given}: give a folder of masks, a {FILE} of the inspection page, or whole."
    )


def kept_regions(folder: Path) -> DrawnSurfaces | None:
    """The regions that an output folder was measured by; None where it was not by any.

    Raises:
        CorrosionError: the file can't be read.
    """
    path = folder / FILE
    return read_drawn(path) if path.is_file() else None


def surface_words(surface: str | None) -> str:
    """What a share refers to, in words; empty for the whole photograph.

    Example:
        >>> surface_words("drawn region"), surface_words("whole photograph")
        ('of the drawn region', '')
    """
    if surface is None or surface == WHOLE:
        return ""
    return f"of the {DRAWN}" if surface == DRAWN else "of the marked surface"
