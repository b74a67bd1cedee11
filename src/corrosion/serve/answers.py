"""What is told of a photograph: JSON with the decision, where the evidence lies, and overlays."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from corrosion.evaluation.decisions import DETECTED
from corrosion.explanation.grades import grade
from corrosion.explanation.overlay import jpeg
from corrosion.explanation.regions import Box
from corrosion.explanation.share_interval import ShareInterval
from corrosion.prediction.marking import Marked, mark
from corrosion.prediction.outputs import Output
from corrosion.serve.network import ServedNetwork


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


class Rust(_Told):
    """How much of a photograph is rust, by its mask."""

    share: float
    """Rusted share of the photograph, in [0, 1]."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end."""
    grade_iso4628_3: str
    """Grade of ISO 4628-3, as tables of `corrosion predict --masks` have it."""
    grade_astm_d610: str
    """Grade of ASTM D610, likewise."""
    grade_imo_coating: str
    """Grade of the IMO for coatings, likewise."""


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
    kind: str | None = None
    """Likeliest kind of corrosion where it is detected; null where the network tells none."""
    kind_probability: float | None = None
    """Its probability given that there is corrosion, in [0, 1]."""
    regions: tuple[Region, ...] | None = None
    """Regions of the evidence, the largest first, where corrosion is detected or an inspector shall
    look; null where the service leaves them out."""
    share: float | None = None
    """Share of the photograph that these regions cover, in [0, 1]: of evidence, not of rust."""
    rust: Rust | None = None
    """The rusted share, where the service makes masks."""
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
    rule: str
    """Threshold and band in words."""
    kinds: tuple[str, ...]
    """Names of the kinds of corrosion that it tells apart."""
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
    marked = mark(output, network.rule, network.resize, drawn=drawn)
    told = output.kind if marked.decision == DETECTED else None
    preview = None if marked.overlay is None else image.preview
    return Answer(
        file=name,
        error=marked.error or image.error,
        width=width,
        height=height,
        probability=round(probability, 6),
        decision=marked.decision,
        review=marked.review,
        unlike_training=output.unlike_training,
        kind=None if told is None else told.name,
        kind_probability=None if told is None else round(told.probability, 6),
        regions=None if marked.boxes is None else tuple(map(_region, marked.boxes)),
        share=None if marked.share is None else round(marked.share, 6),
        rust=None if network.rust is None else _rust(output, marked, network.rust),
        preview=None if preview is None else data_uri(preview),
        overlay=None if marked.overlay is None else data_uri(marked.overlay),
    )


def _rust(output: Output, marked: Marked, interval: ShareInterval) -> Rust | None:
    """The rusted share; 0 where no corrosion is detected, as tables have it."""
    share = 0.0
    if marked.decision == DETECTED:
        if output.evidence is None or output.image.photograph is None:
            return None  # the answer's error says why
        share = float(output.evidence.mask(output.image.photograph).mean())
    low, high = interval.around(share)
    return Rust(
        share=round(share, 6),
        low=round(low, 6),
        high=round(high, 6),
        grade_iso4628_3=grade("iso4628_3", low, high),
        grade_astm_d610=grade("astm_d610", low, high),
        grade_imo_coating=grade("imo_coating", low, high),
    )


def _region(box: Box) -> Region:
    return Region(
        left=box.left,
        top=box.top,
        width=box.width,
        height=box.height,
        strength=round(box.strength, 4),
    )


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Pixels (h, w, 3) uint8 RGB as a JPEG in a data URI."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(pixels)).decode()}"
