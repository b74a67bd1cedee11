"""What is told of a photograph: JSON with the decision, where the evidence lies, and overlays."""

from __future__ import annotations

import base64
import io
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict

from corrosion.data.image_reader import PREVIEW
from corrosion.data.images import reason_of
from corrosion.evaluation.decisions import DETECTED, Rule
from corrosion.explanation.explanation import Explanation, over_photograph
from corrosion.explanation.overlay import UNLIKE_RUST, WHITE, boxed, overlay
from corrosion.explanation.regions import Regions, find_regions
from corrosion.prediction.outputs import Output
from corrosion.serve.network import ServedNetwork

log = logging.getLogger(__name__)

_QUALITY = 85


class _Told(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class Region(_Told):
    """Where evidence for corrosion lies, in pixels of the photograph as it is displayed."""

    left: int
    """First column."""
    top: int
    """First row."""
    width: int
    """Number of columns."""
    height: int
    """Number of rows."""
    strength: float
    """Mean of the class activation map in the region, in (0, 1]."""


class Answer(_Told):
    """What the network says of one file, or why it says nothing."""

    file: str
    """Its name, as it was sent."""
    status: int = 200
    """200, or the status that the file would have alone."""
    error: str | None = None
    """Why there is no answer."""
    width: int | None = None
    """Width of the photograph in pixels, as it is displayed."""
    height: int | None = None
    """Its height."""
    probability: float | None = None
    """Probability of corrosion, calibrated, in [0, 1]."""
    decision: str | None = None
    """"corrosion detected" or "no corrosion"."""
    review: bool | None = None
    """Whether an inspector shall look at it: in the band, or unlike the training photographs."""
    unlike_training: float | None = None
    """Distance to the nearest training photograph over the limit: above 1 it is unlike all of them;
    null where the network can't tell."""
    regions: tuple[Region, ...] | None = None
    """Regions of the evidence, the largest first, where corrosion is detected or an inspector shall
    look; null where the service leaves them out."""
    share: float | None = None
    """Share of the photograph that these regions cover, in [0, 1]: of evidence, not of rust."""
    preview: str | None = None
    """With explain=1: the photograph with a longest side of 640 pixels, as a data URI (JPEG)."""
    overlay: str | None = None
    """With explain=1: the same with the map and the regions over it."""


class Answers(_Told):
    """What the network says of the files of a request."""

    model: str
    """Name of the network's file."""
    threshold: float
    """Probability from which corrosion counts as detected."""
    band: tuple[float, float] | None
    """Probabilities strictly between these go to an inspector."""
    cautions: tuple[str, ...]
    """Sentences without which no decision should be read."""
    results: tuple[Answer, ...]
    """One a file, in their order."""


class Refusal(_Told):
    """Why a request has no answer."""

    error: str
    """The reason, and the way out."""


def answer(name: str, output: Output, network: ServedNetwork, *, drawn: bool) -> Answer:
    """What is told of a photograph.

    Regions are those of the map over the photograph at 640 pixels, so that a photograph of any size
    costs alike; a cell of the map has many times their pixels.

    Args:
        name: name of the file.
        output: what the network says of it, which it could read.
        network: whose rule decides.
        drawn: whether the overlay is wanted; the input has a preview then.
    """
    image, probability = output.image, output.probability
    assert probability is not None
    assert image.shape is not None
    height, width = image.shape
    decision, review = _decided(network.rule, probability, output.unlike_training)
    found: dict[str, Any] = {}
    if output.explanation is not None:
        looked_at = decision == DETECTED or review
        try:
            found = _evidence(output, output.explanation, network, looked_at=looked_at, drawn=drawn)
        except Exception as error:  # the decision stands without its picture
            log.debug("%s: no regions", name, exc_info=True)
            found = {"error": f"no regions: {reason_of(error)}"}
    return Answer(
        file=name,
        width=width,
        height=height,
        probability=round(probability, 6),
        decision=decision,
        review=review,
        unlike_training=output.unlike_training,
        **found,
    )


def _decided(rule: Rule, probability: float, unlike: float | None) -> tuple[str, bool]:
    return rule.decide(probability), rule.needs_review(probability, unlike)


def _evidence(
    output: Output,
    explanation: Explanation,
    network: ServedNetwork,
    *,
    looked_at: bool,
    drawn: bool,
) -> dict[str, Any]:
    """Regions, their share, and the pictures; without regions where nobody shall look.

    The brightest spot of a weak map would look like a finding.
    """
    image = output.image
    assert image.shape is not None
    if not (looked_at or drawn):
        return {"regions": (), "share": 0.0}
    small = _small(*image.shape) if image.preview is None else image.preview.shape[:2]
    whole = over_photograph(explanation, network.resize, *small)
    regions = find_regions(whole) if looked_at else None
    found: dict[str, Any] = {"regions": (), "share": 0.0}
    if regions is not None:
        found = {"regions": _enlarged(regions, image.shape), "share": round(regions.share, 6)}
    if drawn and image.preview is not None:
        picture = overlay(image.preview, whole.map, colormap=UNLIKE_RUST)
        if regions is not None:
            picture = boxed(picture, regions, colour=WHITE)
        found |= {"preview": data_uri(image.preview), "overlay": data_uri(picture)}
    return found


def _small(height: int, width: int) -> tuple[int, int]:
    """The size of a preview."""
    scale = min(1.0, PREVIEW / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _enlarged(regions: Regions, shape: tuple[int, int]) -> tuple[Region, ...]:
    """Regions in pixels of the photograph."""
    height, width = shape
    rows, columns = height / regions.mask.shape[0], width / regions.mask.shape[1]
    found = []
    for box in regions.boxes:
        left, top = round(box.left * columns), round(box.top * rows)
        right = min(width, round((box.left + box.width) * columns))
        bottom = min(height, round((box.top + box.height) * rows))
        found.append(
            Region(
                left=left,
                top=top,
                width=max(1, right - left),
                height=max(1, bottom - top),
                strength=round(box.strength, 4),
            )
        )
    return tuple(found)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels (h, w, 3) uint8 RGB as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Pixels (h, w, 3) uint8 RGB as a JPEG in a data URI."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(pixels)).decode()}"
