"""What reports on paper and in spreadsheets show of a finding: words, and small pictures."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image

from corrosion.data.kind_names import OTHER
from corrosion.explanation.grades import UNCLEAR
from corrosion.explanation.share_interval import LEVEL
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED, UNDECIDED, VERDICTS

VERDICT_WORDS = {CORRODED: "corroded", NOT_CORRODED: "not corroded", UNDECIDED: "look again"}
"""Verdicts in words."""


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """Photographs, detected, to review and failed of some findings."""
    count = dict.fromkeys(("photographs", "detected", "review", "failed"), 0)
    for one in findings:
        count["photographs"] += 1
        count["detected"] += one.detected
        count["review"] += one.review
        count["failed"] += one.error is not None
    return count


def said_of(findings: Iterable[Finding]) -> Mapping[str, int]:
    """How many of some findings have each verdict that an inspector can give."""
    said = Counter(one.verdict.verdict for one in findings if one.verdict is not None)
    return {verdict: said[verdict] for verdict in VERDICTS}


def verdict_word(one: Finding) -> str | None:
    """What an inspector said last, in words, with the kind if one was said; None where nobody has.

    Example:
        >>> from corrosion.report.inspection.verdict_history import Verdict
        >>> said = Verdict("a.jpg", verdict="corroded", kind="pitting")
        >>> verdict_word(Finding(0, "a.jpg", verdict=said))
        'corroded: pitting'
    """
    if one.verdict is None or not one.verdict.verdict:
        return None
    word = VERDICT_WORDS.get(one.verdict.verdict, one.verdict.verdict)
    kind = "another kind" if one.verdict.kind == OTHER else one.verdict.kind
    return f"{word}: {kind}" if kind else word


def verdict_of(one: Finding) -> str:
    """What an inspector said last, with who; empty where nobody has."""
    word = verdict_word(one)
    if one.verdict is None or word is None:
        return ""
    return f"{word} ({one.verdict.inspector})" if one.verdict.inspector else word


def place_of(one: Finding) -> str:
    """Where it was taken, as text; empty where that is not known."""
    if one.latitude is None or one.longitude is None:
        return ""
    return f"{one.latitude:.6f}, {one.longitude:.6f}"


def chance_of(probability: float | None) -> str:
    """A probability as text; nothing is shown as certain that rounding makes so.

    Example:
        >>> chance_of(0.9996), chance_of(0.5), chance_of(0.0), chance_of(None)
        ('>0.999', '0.500', '<0.001', '')
    """
    if probability is None:
        return ""
    text = f"{probability:.3f}"
    return {"1.000": ">0.999", "0.000": "<0.001"}.get(text, text)


def share_of(one: Finding) -> str:
    """The rusted share with its interval, as text; empty where there is none."""
    if one.share is None:
        return ""
    if one.share_low is None or one.share_high is None:
        return f"{one.share:.1%}"
    return f"{one.share:.1%} ({LEVEL:.0%} between {one.share_low:.1%} and {one.share_high:.1%})"


def grades_of(one: Finding) -> tuple[str, ...]:
    """The grades, each as text; those that the interval of the share leaves unclear together.

    Example:
        >>> grades_of(Finding(0, "a.jpg", grades={"ISO 4628-3": "Ri 3 to Ri 4", "IMO": "GOOD"}))
        ('ISO 4628-3 Ri 3 to Ri 4', 'IMO GOOD')
        >>> wide = {"ISO 4628-3": "unclear", "IMO": "unclear"}
        >>> grades_of(Finding(0, "a.jpg", share=0.03, share_low=0, share_high=0.6, grades=wide))
        ('grade unclear',)
    """
    clear = tuple(f"{name} {grade}" for name, grade in one.grades.items() if grade != UNCLEAR)
    unclear = [name for name, grade in one.grades.items() if grade == UNCLEAR]
    if not unclear:
        return clear
    return (*clear, f"{', '.join(unclear)}: grade unclear" if clear else "grade unclear")


def kind_of(one: Finding, *, guessed: bool = False) -> str:
    """The kind of corrosion with its probability, as text; empty where it is not told.

    Args:
        one: the finding.
        guessed: whether the network's kinds are guesses: see `is_guessed`.

    Example:
        >>> kind_of(Finding(0, "a.jpg", kind="pitting", kind_probability=0.9312))
        'pitting (0.931)'
    """
    if one.kind is None:
        return ""
    chance = chance_of(one.kind_probability)
    return (f"{one.kind} ({chance})" if chance else one.kind) + (", a guess" if guessed else "")


def photograph_jpeg(inspection: Inspection, one: Finding, side: int) -> bytes | None:
    """The photograph as a small JPEG without metadata; None where there is no picture of it.

    Args:
        inspection: what was found.
        one: the finding.
        side: longest side in pixels.
    """
    picture = _picture(inspection.folder, one.thumbnail)
    return None if picture is None else _encoded(picture, side)


def marked_jpeg(inspection: Inspection, one: Finding, side: int) -> bytes | None:
    """The same with what is drawn upon it, evidence and outline of rust; None where nothing is."""
    picture = _picture(inspection.folder, one.thumbnail)
    layers = [_picture(inspection.folder, file) for file in (one.evidence, one.rust)]
    drawn = [layer for layer in layers if layer is not None]
    if picture is not None and drawn:
        whole = picture.convert("RGBA")
        for layer in drawn:
            layer = layer.convert("RGBA")
            whole.alpha_composite(layer if layer.size == whole.size else layer.resize(whole.size))
        return _encoded(whole, side)
    large = _picture(inspection.folder, one.outline or one.overlay, side=side)
    return None if large is None else _encoded(large, side)


def _picture(folder: Path, file: str | None, *, side: int | None = None) -> Image.Image | None:
    if file is None:
        return None
    try:
        with Image.open(folder / file, formats=("JPEG", "PNG", "WEBP")) as image:
            if side is not None:
                image.draft("RGB", (side, side))
            image.load()
            return image.copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # a report shows what there is


def _encoded(picture: Image.Image, side: int) -> bytes:
    picture = picture.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return file.getvalue()
