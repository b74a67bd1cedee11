"""Small pictures for the contact sheet, and overlays at the photograph's own resolution."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import Window
from corrosion.data.image_reader import ImageInput
from corrosion.data.images import ImageError, read_image
from corrosion.data.resizing import Resize, whole
from corrosion.evaluation.decisions import CLEAN, DETECTED, Rule
from corrosion.explanation.explanation import Explanation, over_photograph, shrink_to
from corrosion.explanation.overlay import boxed, overlay, write_image
from corrosion.explanation.regions import LEAST_SHARE, Box, find_regions
from corrosion.prediction.journal import Row
from corrosion.prediction.mask_files import of_frame
from corrosion.prediction.mask_writer import Mask, MaskWriter, outlined
from corrosion.prediction.outputs import Output

THUMBNAIL = 224
"""Longest side of a small picture, in pixels."""

DRAWN_SIDE = 4096
"""Longest side of the overlays and outlines of photographs in tiles, in pixels: bounds memory."""

_IN_A_FOLDER = 1000  # file managers choke on more
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Renderer:
    """Draws what the network says of images; its methods are called by threads.

    Attributes:
        out: folder that gets `thumbnails/`, where there are explanations `overlays/`, and with
            masks `masks/` and `outlines/`.
        rule: how probabilities become decisions.
        resize: how photographs became the network's input.
        fine: whether the maps of explanations are fine, and lie over whole photographs.
        masks: writes masks of rust; None where they are not wanted.
    """

    out: Path
    rule: Rule
    resize: Resize
    fine: bool = False
    masks: MaskWriter | None = None

    def render(self, output: Output, mask_file: str = "") -> Row:
        """Draw an image; returns its row.

        Boxes are drawn only where corrosion is detected or an inspector shall look: elsewhere the
        brightest spot of a weak map would look like a finding. Masks are empty where no corrosion
        is detected, for the same reason.

        Args:
            output: what the network says of the image.
            mask_file: place of its mask below `out`, where masks are wanted.

        Raises:
            CorrosionError: a picture can't be written.
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
        )
        if output.probability is None or image.square is None or image.inner is None:
            return row
        decision, review = self._decided(output, output.probability)
        row = replace(
            row,
            probability=output.probability,
            decision=decision,
            unlike_training=output.unlike_training,
            review=review,
            tiles=None if output.tiles is None else output.tiles.facts,
            thumbnail=self._place("thumbnails", image),
        )
        small = shrink_to(image.inner.cut(image.square), THUMBNAIL)
        if output.explanation is not None:
            row = self._overlaid(row, output, output.explanation)
            small = overlay(small, self._evidence(output, output.explanation, small.shape[:2]))
        if self.masks is not None:
            row, mask = self._masked(row, output, self.masks, mask_file)
            if mask is not None and mask.any():
                small = outlined(small, self._shown(mask, image, small.shape[:2]))
        self._write(row.thumbnail, small)
        return row

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
        """The map over a small picture of `shape`, which shows what the network's input does."""
        image = output.image
        if not self._over_whole(output):
            return over_photograph(explanation, self.resize, *shape).map
        height, width, window = self._part(image, shape)
        large = over_photograph(explanation, whole(self.resize), height, width).map
        return window.cut(large)

    def _shown(self, mask: Mask, image: ImageInput, shape: tuple[int, int]) -> Mask:
        """The part of a mask over the photograph that a small picture of `shape` shows."""
        height, width, window = self._part(image, shape)
        large = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
        return window.cut(large).astype(bool)

    def _part(self, image: ImageInput, shape: tuple[int, int]) -> tuple[int, int, Window]:
        """The photograph's size at the scale of a small picture, and the part that it shows."""
        assert image.shape is not None
        source = self.resize.place(*image.shape).source
        rows, columns = shape[0] / source.height, shape[1] / source.width
        height, width = round(image.shape[0] * rows), round(image.shape[1] * columns)
        top = min(round(source.top * rows), height - shape[0])
        left = min(round(source.left * columns), width - shape[1])
        return height, width, Window(top, left, *shape)

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
        try:
            photograph = self._photograph(output)
        except ImageError as error:
            return replace(row, error=f"no mask: {error.reason}"), None
        if mask is None:
            assert output.evidence is not None
            mask = output.evidence.mask(photograph)
        row = masks.write(row, mask, place)
        file = self._place("outlines", image)
        self._write(file, outlined(photograph, mask))
        return replace(row, outline=file), mask

    @staticmethod
    def _photograph(output: Output) -> NDArray[np.uint8]:
        """What is drawn upon: the photograph, of one in tiles no more than is looked at.

        Raises:
            ImageError: it has vanished, or only its reduced scale can be decoded.
        """
        image = output.image
        assert image.shape is not None
        if output.tiles is None:
            return read_image(image.path) if image.photograph is None else image.photograph
        pixels = image.photograph
        if pixels is None:
            enough = DRAWN_SIDE * min(image.shape) // max(image.shape)
            pixels = read_image(image.path, min_side=max(1, enough))
        return shrink_to(pixels, DRAWN_SIDE)

    def _overlaid(self, row: Row, output: Output, explanation: Explanation) -> Row:
        image = output.image
        assert image.shape is not None
        try:
            photograph = self._photograph(output)
        except ImageError as error:
            return replace(row, error=f"no overlay: {error.reason}")
        resize = whole(self.resize) if self._over_whole(output) else self.resize
        explanation = over_photograph(explanation, resize, *photograph.shape[:2])
        drawn = overlay(photograph, explanation.map)
        boxes: tuple[tuple[int, int, int, int], ...] = ()
        if row.decision == DETECTED or row.review:
            least = LEAST_SHARE if output.tiles is None else output.tiles.least_share
            regions = find_regions(explanation, least_share=min(least, LEAST_SHARE))
            drawn = boxed(drawn, regions)
            boxes = tuple(_enlarged(box, drawn.shape, image.shape) for box in regions.boxes)
        file = self._place("overlays", image)
        self._write(file, drawn)
        return replace(row, overlay=file, boxes=boxes)

    def _write(self, file: str | None, pixels: NDArray[np.uint8]) -> None:
        if file is not None:
            write_image(self.out / file, pixels)

    @staticmethod
    def _place(kind: str, image: ImageInput) -> str:
        """A file of its own for each image, the same in every attempt."""
        name = re.sub(r"[^\w.-]", "_", Path(image.path).stem)[:_LONGEST_NAME]
        if image.time is not None:
            name += f"_{image.time:.3f}s"
        return f"{kind}/{image.item // _IN_A_FOLDER:03d}/{image.item:06d}_{name}.jpg"


def _enlarged(
    box: Box, drawn: tuple[int, ...], shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """A box (left, top, width, height) of what was drawn, in pixels of the photograph."""
    rows, columns = shape[0] / drawn[0], shape[1] / drawn[1]
    left, top = round(box.left * columns), round(box.top * rows)
    right, bottom = round((box.left + box.width) * columns), round((box.top + box.height) * rows)
    return left, top, right - left, bottom - top
