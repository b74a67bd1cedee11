"""Small pictures for the inspection page, and larger ones with what the network sees drawn."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import Mask, shrink_to
from corrosion.data.image_reader import ImageInput
from corrosion.data.images import read_image, reason_of
from corrosion.data.resizing import Resize, whole
from corrosion.errors import RunEndingError
from corrosion.evaluation.decisions import CLEAN, DETECTED, Rule
from corrosion.explanation.explanation import Explanation, over_photograph
from corrosion.explanation.layers import (
    evidence_layer,
    outline_layer,
    with_boxes,
    write_layer,
)
from corrosion.explanation.overlay import UNLIKE_RUST, WHITE, boxed, overlay, write_image
from corrosion.explanation.regions import LEAST_SHARE, Box, find_regions
from corrosion.prediction.journal import Row
from corrosion.prediction.marking import located, scaled_box
from corrosion.prediction.mask_files import of_frame
from corrosion.prediction.mask_writer import MaskWriter, outlined
from corrosion.prediction.outputs import Output
from corrosion.report.inspection.pictures import evidence_file, rust_file
from corrosion.system.names import shortened

log = logging.getLogger(__name__)

DRAWN_SIDE = 4096
"""Longest side of the overlays and outlines of photographs in tiles, in pixels: bounds memory."""

_IN_A_FOLDER = 1000  # file managers choke on more
_LONGEST_NAME = 120  # bytes


@dataclass(frozen=True)
class Renderer:
    """Draws what the network says of images; its methods are called by threads.

    Attributes:
        out: folder that gets `thumbnails/` (photographs, and transparent layers of the same size:
            `..._evidence.webp` where there are explanations, `..._rust.webp` with masks), where
            there are explanations `overlays/`, and with masks `masks/` and `outlines/`.
        rule: how probabilities become decisions.
        resize: how photographs became the network's input.
        fine: whether the maps of explanations are fine, and lie over whole photographs.
        masks: writes masks of rust; None where they are not wanted.
        side: longest side of overlays and outlines in pixels; None for that of the photograph.
    """

    out: Path
    rule: Rule
    resize: Resize
    fine: bool = False
    masks: MaskWriter | None = None
    side: int | None = None

    def render(self, output: Output, mask_file: str = "") -> Row:
        """Draw an image; returns its row.

        Boxes are drawn only where corrosion is detected or an inspector shall look: elsewhere the
        brightest spot of a weak map would look like a finding. Masks are empty where no corrosion
        is detected, for the same reason.

        Args:
            output: what the network says of the image.
            mask_file: place of its mask below `out`, where masks are wanted.

        Returns:
            The row; what could not be drawn or written for this image alone is its error.

        Raises:
            RunEndingError: nothing can be written or read any more.
        """
        image = output.image
        row = Row(
            image.item,
            image.order,
            image.last,
            image.path,
            image.frame,
            image.time,
            error=image.error,
            height=None if image.shape is None else image.shape[0],
            width=None if image.shape is None else image.shape[1],
            facts=image.facts,
        )
        if output.probability is None or image.square is None or image.preview is None:
            return row
        decision, review = self._decided(output, output.probability)
        thumbnail = self._place("thumbnails", image)
        row = replace(
            row,
            probability=output.probability,
            decision=decision,
            unlike_training=output.unlike_training,
            review=review,
            tiles=None if output.tiles is None else output.tiles.facts,
        )
        if decision == DETECTED and output.kind is not None:
            row = replace(row, kind=output.kind.name, kind_probability=output.kind.probability)
        with _into(row, "overlay") as result:
            if output.explanation is not None:
                result.row = self._overlaid(row, output, output.explanation)
        row, mask = result.row, None
        with _into(row, "mask") as result:
            if self.masks is not None:
                result.row, mask = self._masked(row, output, self.masks, mask_file)
        row = result.row
        with _into(row, "thumbnail") as result:
            self._small(thumbnail, row, output, mask)
            result.row = replace(row, thumbnail=thumbnail)
        return result.row

    def _small(self, thumbnail: str, row: Row, output: Output, mask: Mask | None) -> None:
        """Write the small picture, and the layers that lie over it."""
        image = output.image
        assert image.preview is not None
        assert image.shape is not None
        write_image(self.out / thumbnail, image.preview)
        shape = image.preview.shape[:2]
        if output.explanation is not None:
            layer = evidence_layer(self._evidence(output, output.explanation, shape))
            layer = with_boxes(layer, row.boxes or (), image.shape)
            write_layer(self.out / evidence_file(thumbnail), layer)
        if mask is not None and mask.any():
            write_layer(self.out / rust_file(thumbnail), outline_layer(mask, shape))

    def _decided(self, output: Output, probability: float) -> tuple[str, bool]:
        """The decision, and whether an inspector shall look."""
        rule, unlike = self.rule, output.unlike_training
        if output.tiles is None:
            return rule.decide(probability), rule.needs_review(probability, unlike)
        # the band is of probabilities of whole photographs
        review = rule.needs_review(output.tiles.facts.whole_probability, unlike)
        return DETECTED if output.tiles.detected else CLEAN, review

    def _over_whole(self, output: Output) -> bool:
        """Whether the map of an explanation covers the whole photograph."""
        return self.fine or output.tiles is not None

    def _evidence(
        self, output: Output, explanation: Explanation, shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        """The map over a picture of the whole photograph, which has this shape."""
        resize = whole(self.resize) if self._over_whole(output) else self.resize
        return over_photograph(explanation, resize, *shape).map

    def _masked(
        self,
        row: Row,
        output: Output,
        masks: MaskWriter,
        mask_file: str,
    ) -> tuple[Row, Mask | None]:
        image, mask = output.image, None if output.tiles is None else output.tiles.mask
        assert image.shape is not None
        place = of_frame(mask_file, image.time)
        if row.decision != DETECTED:
            return masks.write(row, np.zeros(image.shape, dtype=bool), place), None
        if mask is None and output.evidence is None:
            return row, None  # the photograph has vanished, as the row's error says
        if mask is None:
            assert output.evidence is not None
            photograph = self._photograph(output, None)
            mask = output.evidence.mask(photograph)
            drawn = shrink_to(photograph, self.side)
            del photograph  # large, and the mask is still to be compressed
        else:
            drawn = self._drawn(output)
        row = masks.write(row, mask, place)
        file = self._place("outlines", image)
        write_image(self.out / file, outlined(drawn, mask))
        return replace(row, outline=file), mask

    def _drawn(self, output: Output) -> NDArray[np.uint8]:
        """What is drawn upon: the photograph at the size that was asked for, within bounds."""
        bound = None if output.tiles is None else DRAWN_SIDE
        return self._photograph(output, min(filter(None, (self.side, bound)), default=None))

    @staticmethod
    def _photograph(output: Output, side: int | None) -> NDArray[np.uint8]:
        """The photograph, decoded no larger than its longest side needs; None for all of it.

        Raises:
            ImageError: it has vanished.
        """
        image = output.image
        assert image.shape is not None
        pixels = image.photograph
        if pixels is None:
            enough = None if side is None else side * min(image.shape) // max(image.shape)
            pixels = read_image(image.path, min_side=None if enough is None else max(1, enough))
        return shrink_to(pixels, side)

    def _overlaid(self, row: Row, output: Output, explanation: Explanation) -> Row:
        image = output.image
        assert image.shape is not None
        photograph = self._drawn(output)
        evidence = self._evidence(output, explanation, photograph.shape[:2])
        drawn = overlay(photograph, evidence, colormap=UNLIKE_RUST)
        found: tuple[Box, ...] = ()
        if row.decision == DETECTED or row.review:
            found = self._boxes(output, explanation, evidence)
            shown = [scaled_box(box, image.shape, photograph.shape[:2]) for box in found]
            drawn = boxed(drawn, shown, colour=WHITE)
        boxes = tuple((box.left, box.top, box.width, box.height) for box in found)
        file = self._place("overlays", image)
        write_image(self.out / file, drawn)
        return replace(row, overlay=file, boxes=boxes)

    def _boxes(
        self, output: Output, explanation: Explanation, evidence: NDArray[np.float32]
    ) -> tuple[Box, ...]:
        """Boxes around the regions of the evidence, in pixels of the photograph."""
        assert output.image.shape is not None
        if not self._over_whole(output):
            return located(explanation, self.resize, output.image.shape)[0]
        least = LEAST_SHARE if output.tiles is None else output.tiles.least_share
        large = replace(explanation, map=evidence)  # as fine as it is
        regions = find_regions(large, least_share=min(least, LEAST_SHARE))
        shape = evidence.shape[0], evidence.shape[1]
        return tuple(scaled_box(box, shape, output.image.shape) for box in regions.boxes)

    @staticmethod
    def _place(kind: str, image: ImageInput) -> str:
        """A file of its own for each image, the same in every attempt."""
        name = shortened(re.sub(r"[^\w.-]", "_", Path(image.path).stem), _LONGEST_NAME)
        if image.time is not None:
            name += f"_{image.time:.3f}s"
        return f"{kind}/{image.item // _IN_A_FOLDER:03d}/{image.item:06d}_{name}.jpg"


class _Result:
    """A row as far as it has come."""

    def __init__(self, row: Row) -> None:
        self.row = row


@contextmanager
def _into(row: Row, what: str) -> Iterator[_Result]:
    """Draw something for a row; what goes wrong with this file alone becomes the row's error.

    Raises:
        RunEndingError: nothing can be written or read any more.
    """
    result = _Result(row)
    try:
        yield result
    except RunEndingError:
        raise
    except Exception as error:
        log.debug("%s: no %s", row.path, what, exc_info=True)
        reasons = filter(None, (row.error, f"no {what}: {reason_of(error)}"))
        result.row = replace(row, error="; ".join(reasons))
