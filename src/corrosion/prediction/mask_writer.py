"""From the network's evidence to what an inspector gets: mask, rusted share, interval, grades."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from corrosion.data.geometry import Mask
from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.explanation.distribution import rust_distribution
from corrosion.explanation.grades import grade
from corrosion.explanation.rust import measure_rust
from corrosion.explanation.share_interval import (
    FROM_OTHERS,
    ShareInterval,
    conformal_interval,
)
from corrosion.prediction.journal import Row, RustFacts
from corrosion.report.inspection.surfaces import Photograph, Surfaces, WholePhotographs
from corrosion.report.inspection.verdict_history import time_cell
from corrosion.system.files import replacing
from corrosion.system.names import table_path
from corrosion.system.progress import progress

if TYPE_CHECKING:  # torch and pandas
    from corrosion.explanation.ground_truth import Annotated
    from corrosion.models.classifier import CorrosionClassifier


MEASURED = 25_000_000
"""Pixels of a mask that are measured: larger ones are shrunk, or regions would take gigabytes."""


@dataclass(frozen=True)
class MaskWriter:
    """Writes masks of rust and measures them; its methods are called by threads.

    Attributes:
        out: folder that gets `masks/`.
        interval: gives shares their intervals.
        surfaces: the surfaces that shares refer to.
    """

    out: Path
    interval: ShareInterval
    surfaces: Surfaces = field(default_factory=WholePhotographs)

    def write(self, row: Row, mask: Mask, file: str) -> Row:
        """Write a mask, and measure it.

        Args:
            row: what is known of the photograph.
            mask: (H, W), where there is rust.
            file: place of the mask's file below `out`.

        Returns:
            The row with what was measured, or with an error that says why it was not.

        Raises:
            CorrosionError: the file can't be written.
        """
        with replacing(self.out / file) as temporary:
            Image.fromarray(mask.astype(np.uint8) * 255).save(temporary, compress_level=1)
        digest = None if row.facts is None else row.facts.sha256
        height, width = mask.shape
        photograph = Photograph(
            table_path(row.path), time_cell(row.time), digest or "", file, (height, width)
        )
        try:
            facts = rust_facts(mask, photograph, self.surfaces, self.interval)
        except CorrosionError as error:
            return replace(row, rust=RustFacts(mask=file), error=f"not measured: {error}")
        return replace(row, rust=facts)


def rust_facts(
    mask: NDArray[Any], photograph: Photograph, surfaces: Surfaces, interval: ShareInterval
) -> RustFacts:
    """Measure a mask of rust on the surface of its photograph.

    Args:
        mask: (H, W), not 0 where there is rust.
        photograph: what its surface is looked up by.
        surfaces: knows it.
        interval: gives the share its interval.

    Raises:
        CorrosionError: the surface can't be read, is empty, or has another size.
    """
    surface, name = surfaces.of(photograph)
    if surface is None:
        rust = measure_rust(_measurable(mask))
    elif surface.shape == mask.shape:
        rust = measure_rust(_measurable(mask), _measurable(surface))
    else:
        rust = measure_rust(mask, surface)  # says what is wrong
    low, high = interval.around(rust.share)
    largest = rust.largest
    return RustFacts(
        mask=photograph.mask,
        rusted_share=rust.share,
        rusted_share_low=low,
        rusted_share_high=high,
        grade_iso4628_3=grade("iso4628_3", low, high),
        grade_astm_d610=grade("astm_d610", low, high),
        grade_imo_coating=grade("imo_coating", low, high),
        distribution=rust_distribution(rust),
        regions=len(rust.regions),
        largest_region=0.0 if largest is None else largest.share,
        surface=name,
    )


def _measurable(mask: NDArray[Any]) -> NDArray[np.uint8]:
    """A mask as uint8 with about `MEASURED` pixels at most."""
    levels = (mask != 0).astype(np.uint8)
    shrink = math.sqrt(levels.size / MEASURED)
    if shrink <= 1:
        return levels
    levels *= 255
    height, width = (max(1, round(side / shrink)) for side in levels.shape)
    shrunk = cv2.resize(levels, (width, height), interpolation=cv2.INTER_AREA)
    return (shrunk > 127).astype(np.uint8)


def outlined(image: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """An image (H, W, 3) uint8 RGB with the outline of a mask of any size, in a colour unlike rust.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (h, w) bool over the whole image.
    """
    height, width = image.shape[:2]
    scaled = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(scaled, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    drawn = image.copy()
    thickness = max(1, round(min(height, width) / 250))
    cv2.drawContours(drawn, contours, -1, (0, 255, 255), thickness)
    return drawn


def share_interval(
    network: CorrosionClassifier,
    marked: Sequence[Annotated] | None,
    mask_of: Callable[[CorrosionClassifier, NDArray[np.uint8]], Mask],
) -> ShareInterval:
    """The interval of shares: from photographs with masks, or what there is without.

    Args:
        network: the network whose masks are measured.
        marked: at least one photograph, from `corrosion.explanation.ground_truth.find_marked`;
            None for those that the network's masks were validated on, else for those of others.
        mask_of: makes the mask (H, W) of a photograph (H, W, 3), as it will be measured.

    Raises:
        CorrosionError: as `mask_of`.
    """
    if marked is None:
        learnt = network.mask_network
        if learnt is None or learnt.taught_by == "labels":
            return FROM_OTHERS
        return ShareInterval(learnt.share_scale, learnt.validated, own=True)
    found, true = [], []
    for one in progress(marked, "measuring masks", total=len(marked)):
        found.append(float(mask_of(network, read_image(one.path)).mean()))
        true.append(float(one.mask().mean()))
    return conformal_interval(found, true)
