"""Explanations as plain arrays, over the network's input and over the photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrosion.data.geometry import to_photograph
from corrosion.data.resizing import Resize
from corrosion.evaluation.decisions import decide
from corrosion.evaluation.told_kinds import ToldKind

EMPTY_SHARE = 0.05
"""A map is empty if its strongest evidence for the target is below this share of the strongest
against it: what is left then is noise, and stretching it to the full scale would light it up."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why the network says what it says of one image.

    Attributes:
        logit: logit of corrosion, without temperature; in float32 even where the backbone runs in
            half precision.
        probability: probability of corrosion, in [0, 1], with the network's temperature.
        target: what the map is evidence for: "corrosion", "no_corrosion", or the name of a kind of
            corrosion.
        map: (H, W) float32 in [0, 1]; 1 is as strong as the strongest evidence for or against.
            A fine map (`corrosion.explanation.pyramid`) is the mean of several such.
        raw_scale: what 1 stands for, in the method's unit (Grad-CAM: logits a position of the
            last feature map), at least 0; comparable between images of one network. Beside a fine
            map it is that of the plain one, as `empty` is.
        empty: whether nothing in the image speaks for the target
            (`EMPTY_SHARE`).
        threshold: probability from which the image counts as corroded.
        path: path of the photograph's file; None for an image in memory.
        frame: number of the frame in its video; None for photographs.
        time: seconds from the video's start; None for photographs.
        unlike_training: distance to the nearest training photograph over the limit, to three
            decimals: above 1 the image is unlike all that the network was trained on; None for
            networks that can't tell.
        kind: what kind of corrosion the image shows, if it shows any; None for networks that tell
            none.
        target_probability: probability of the kind that is the target, given that there is
            corrosion, in [0, 1]; None where the target is no kind.
    """

    logit: float
    probability: float
    target: str
    map: NDArray[np.float32]
    raw_scale: float
    empty: bool
    threshold: float = 0.5
    path: str | None = None
    frame: int | None = None
    time: float | None = None
    unlike_training: float | None = None
    kind: ToldKind | None = None
    target_probability: float | None = None

    @property
    def decision(self) -> str:
        """What the probability means: "corrosion detected" or "no corrosion"."""
        return decide(self.probability, self.threshold)


def over_photograph(
    explanation: Explanation, resize: Resize, height: int, width: int
) -> Explanation:
    """Lay the map of an explanation over the whole photograph.

    Args:
        explanation: explanation whose map covers the network's square input, at any resolution.
        resize: how the photograph became that input.
        height: height of the photograph in pixels.
        width: width of the photograph in pixels.

    Returns:
        The same explanation with a map (height, width).
    """
    large = to_photograph(explanation.map, resize.place(height, width), height, width)
    return replace(explanation, map=large)
