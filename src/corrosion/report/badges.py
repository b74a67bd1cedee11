"""Badges: what a figure rests on, in a few words each, with a whole sentence behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Badge:
    """A few words at the top of a page.

    Attributes:
        text: the words.
        kind: whether they speak for the figures, must be known, or speak against them.
        title: the whole sentence; empty where the words say all.
        anchor: where the page says more; empty for nowhere.
    """

    text: str
    kind: Literal["good", "note", "bad"] = "note"
    title: str = ""
    anchor: str = ""


CAUTIONS = {
    "chance": "not told from guessing",
    "few": "too few to tell from guessing",
    "sample": "generated pictures",
}
"""Words of badges for those of `corrosion.evaluation.competence.Competence.cautions`."""


def weights_badge(weights: Mapping[str, Any] | None) -> Badge | None:
    """What a network's training started from; None where that is not known.

    Args:
        weights: as a run's facts hold them: used, and requested and detail where they are known.

    Example:
        >>> weights_badge({"used": "imagenet"})
        Badge(text='ImageNet weights', kind='good', title='', anchor='')
        >>> weights_badge({"used": "random", "requested": "auto", "detail": "no network."}).kind
        'bad'
    """
    used = (weights or {}).get("used")
    if not used:
        return None
    detail = str((weights or {}).get("detail") or "")
    if used == "random":
        asked = (weights or {}).get("requested") is not None
        return Badge("random weights", "bad" if asked else "note", detail)
    return Badge("ImageNet weights" if used == "imagenet" else f"{used} weights", "good", detail)
