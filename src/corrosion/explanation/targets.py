"""What a map is evidence for.

The network has one logit z: evidence for corrosion is what raises z, evidence for sound metal
(`no_corrosion`) is what raises -z. A map for one is not the map for the other turned upside down,
since both keep only what speaks for them. Where the network tells kinds of corrosion, evidence for
a kind is what raises its logit over the mean of all kinds' logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import is_corroded
from corrosion.settings.explanation import Target

TARGETS = get_args(Target)
"""Names of what a map can be evidence for; "none" is short for "no_corrosion"."""


@dataclass(frozen=True)
class Evidence:
    """A target as pytorch-grad-cam calls it: the score of one image, explicit about its sign.

    The score is 1 for the image as it is and changes as the logit does: Ablation-CAM divides by
    it, which would turn the maps of negative logits upside down. Gradients don't see the shift.

    Attributes:
        sign: 1 for corrosion or a kind of it, -1 for no corrosion.
        logit: logit of the image as it is.
    """

    sign: float
    logit: float

    def __call__(self, logit: Tensor) -> Tensor:
        """The score of a logit, both ()."""
        return self.sign * (logit - self.logit) + 1


def target_signs(probability: Tensor, target: str, *, threshold: float) -> Tensor:
    """The factor by which the logit becomes the score that a map explains.

    Args:
        probability: (N,) float, probabilities of corrosion.
        target: "corrosion", "no_corrosion" (or "none"), or "predicted": what the decision says of
            each image.
        threshold: probability from which an image counts as corroded; used for "predicted".

    Returns:
        (N,) of the same dtype: 1 for corrosion, -1 for no corrosion.

    Raises:
        CorrosionError: the target is unknown.
    """
    check_target(target)
    if target == "predicted":
        corroded = is_corroded(probability, threshold)
    else:
        corroded = torch.full_like(probability, target == CLASSES[1], dtype=torch.bool)
    return torch.where(corroded, 1.0, -1.0).to(probability)


def target_names(signs: Tensor) -> Sequence[str]:
    """The class that each map is evidence for, from `target_signs`."""
    return [CLASSES[int(sign > 0)] for sign in signs.tolist()]


def check_target(target: str, kinds: Sequence[str] = ()) -> None:
    """Make sure that a target is known.

    Args:
        target: name of the target.
        kinds: kinds of corrosion that the network tells, each of which is a target too.

    Raises:
        CorrosionError: it is not.
    """
    if target not in TARGETS and target not in kinds:
        if kinds:
            more = f", or a kind of corrosion: {', '.join(kinds)}"
        else:
            more = "; this network tells no kinds of corrosion"
        raise CorrosionError(f"target={target}: choose {', '.join(TARGETS)}{more}.")
