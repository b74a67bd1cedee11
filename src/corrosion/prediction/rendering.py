"""Small pictures for the contact sheet, and overlays at the photograph's own resolution."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrosion.data.images import ImageError, read_image
from corrosion.data.transforms import Resize
from corrosion.explanation.explanation import Explanation, fit, over_photograph
from corrosion.explanation.overlay import boxed, overlay, write_image
from corrosion.explanation.regions import find_regions
from corrosion.prediction.decisions import DETECTED, Rule
from corrosion.prediction.journal import Row
from corrosion.prediction.network import Seen
from corrosion.prediction.reading import Shot

THUMBNAIL = 224
"""Longest side of a small picture, in pixels."""

_IN_A_FOLDER = 1000  # file managers choke on more
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Artist:
    """Draws what the network has seen; its methods are called by threads.

    Attributes:
        out: gets `thumbnails/` and, where there are explanations, `overlays/`.
        rule: of the decisions.
        resize: how photographs became the network's input.
    """

    out: Path
    rule: Rule
    resize: Resize

    def finish(self, seen: Seen) -> Row:
        """Draw a shot; returns its row.

        Boxes are drawn only where corrosion is detected or an inspector shall look: elsewhere the
        brightest spot of a weak map would look like a finding.

        Raises:
            CorrosionError: a picture can't be written.
        """
        shot = seen.shot
        row = Row(
            shot.item, shot.order, shot.last, shot.path, shot.frame, shot.time, error=shot.error
        )
        if seen.probability is None or shot.square is None or shot.inner is None:
            return row
        row = replace(
            row,
            probability=seen.probability,
            decision=self.rule.decide(seen.probability),
            review=self.rule.needs_review(seen.probability),
            thumbnail=self._place("thumbnails", shot),
        )
        small = fit(shot.inner.cut(shot.square), THUMBNAIL)
        if seen.explanation is not None:
            row = self._overlaid(row, shot, seen.explanation)
            evidence = over_photograph(seen.explanation, self.resize, *small.shape[:2]).map
            small = overlay(small, evidence)
        self._write(row.thumbnail, small)
        return row

    def _overlaid(self, row: Row, shot: Shot, explanation: Explanation) -> Row:
        try:
            photograph = read_image(shot.path) if shot.photograph is None else shot.photograph
        except ImageError as error:  # it has vanished, or only its reduced scale can be decoded
            return replace(row, error=f"no overlay: {error.reason}")
        explanation = over_photograph(explanation, self.resize, *photograph.shape[:2])
        drawn = overlay(photograph, explanation.map)
        boxes: tuple[tuple[int, int, int, int], ...] = ()
        if row.decision == DETECTED or row.review:
            regions = find_regions(explanation)
            drawn = boxed(drawn, regions)
            boxes = tuple((box.left, box.top, box.width, box.height) for box in regions.boxes)
        file = self._place("overlays", shot)
        self._write(file, drawn)
        return replace(row, overlay=file, boxes=boxes)

    def _write(self, file: str | None, pixels: NDArray[np.uint8]) -> None:
        if file is not None:
            write_image(self.out / file, pixels)

    @staticmethod
    def _place(kind: str, shot: Shot) -> str:
        """A file of its own for each shot, the same in every attempt."""
        name = re.sub(r"[^\w.-]", "_", Path(shot.path).stem)[:_LONGEST_NAME]
        if shot.time is not None:
            name += f"_{shot.time:.3f}s"
        return f"{kind}/{shot.item // _IN_A_FOLDER:03d}/{shot.item:06d}_{name}.jpg"
