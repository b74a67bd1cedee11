"""What is shown of one photograph at once: the decision, regions of the evidence, an overlay."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrosion.data.image_reader import PREVIEW
from corrosion.data.images import reason_of
from corrosion.data.resizing import Resize
from corrosion.evaluation.decisions import DETECTED, Rule
from corrosion.explanation.explanation import Explanation, over_photograph
from corrosion.explanation.overlay import UNLIKE_RUST, WHITE, boxed, overlay
from corrosion.explanation.regions import Box, find_regions
from corrosion.prediction.outputs import Output

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Marked:
    """What is told of a photograph.

    Attributes:
        decision: "corrosion detected" or "no corrosion".
        review: whether an inspector shall look at it.
        boxes: boxes around the regions of the evidence, in pixels of the photograph, the largest
            first; none where nobody shall look: the brightest spot of a weak map would look like a
            finding. None without an explanation.
        share: share of the photograph in these regions, in [0, 1]; None without an explanation.
        overlay: (h, w, 3) uint8 RGB, the preview with the map and the boxes over it, if wanted.
        error: why there are no regions; None if there are, or need be none.
    """

    decision: str
    review: bool
    boxes: tuple[Box, ...] | None = None
    share: float | None = None
    overlay: NDArray[np.uint8] | None = None
    error: str | None = None


def mark(output: Output, rule: Rule, resize: Resize, *, drawn: bool) -> Marked:
    """Decide on a photograph, and mark where the evidence lies.

    Args:
        output: what the network says of an input that it could read.
        rule: how probabilities become decisions.
        resize: how the photograph became the network's input.
        drawn: whether the overlay is wanted, for which the input needs its preview.
    """
    probability, unlike = output.probability, output.unlike_training
    assert probability is not None
    told = Marked(rule.decide(probability), rule.needs_review(probability, unlike))
    if output.explanation is None:
        return told
    looked_at = told.decision == DETECTED or told.review
    try:
        return _marked(told, output, output.explanation, resize, looked_at=looked_at, drawn=drawn)
    except Exception as error:  # the decision stands without its picture
        log.debug("%s: no regions", output.image.path, exc_info=True)
        return replace(told, error=f"no regions: {reason_of(error)}")


def _marked(
    told: Marked,
    output: Output,
    explanation: Explanation,
    resize: Resize,
    *,
    looked_at: bool,
    drawn: bool,
) -> Marked:
    image = output.image
    assert image.shape is not None
    boxes, share = located(explanation, resize, image.shape) if looked_at else ((), 0.0)
    picture = None
    if drawn and image.preview is not None:
        shape = image.preview.shape[:2]
        evidence = over_photograph(explanation, resize, *shape).map
        picture = overlay(image.preview, evidence, colormap=UNLIKE_RUST)
        shown = [scaled_box(box, image.shape, shape) for box in boxes]
        picture = boxed(picture, shown, colour=WHITE)
    return replace(told, boxes=boxes, share=share, overlay=picture)


def located(
    explanation: Explanation, resize: Resize, shape: tuple[int, int]
) -> tuple[tuple[Box, ...], float]:
    """Where the evidence lies in a photograph: the same boxes wherever they are told.

    Regions are those of the map over the photograph at `PREVIEW` pixels, so that photographs of any
    size cost alike: a cell of the map has many times their pixels.

    Args:
        explanation: with a map over the network's square input.
        resize: how the photograph became that input.
        shape: (height, width) of the photograph.

    Returns:
        Boxes in pixels of the photograph, the largest first, and the share of the photograph in the
        regions, in [0, 1].
    """
    small = _small(*shape)
    regions = find_regions(over_photograph(explanation, resize, *small))
    return tuple(scaled_box(box, small, shape) for box in regions.boxes), regions.share


def _small(height: int, width: int) -> tuple[int, int]:
    """The size of a preview."""
    scale = min(1.0, PREVIEW / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def scaled_box(box: Box, small: tuple[int, int], shape: tuple[int, int]) -> Box:
    """A box of an image (height, width) in pixels of the same one at another size."""
    rows, columns = shape[0] / small[0], shape[1] / small[1]
    left, top = round(box.left * columns), round(box.top * rows)
    right = min(shape[1], round((box.left + box.width) * columns))
    bottom = min(shape[0], round((box.top + box.height) * rows))
    return replace(
        box,
        left=left,
        top=top,
        width=max(1, right - left),
        height=max(1, bottom - top),
        area=round(box.area * rows * columns),
        outline=tuple((round(x * columns), round(y * rows)) for x, y in box.outline),
    )
