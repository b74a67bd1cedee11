"""Test-time augmentation: an image mirrored and turned, in which corrosion is corrosion still.

Predictions averaged over several views of a photograph are steadier than that of one (Krizhevsky
et al., NeurIPS 2012, section 4.1, average over crops and mirror images).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor


@dataclass(frozen=True)
class View:
    """A symmetry of the square.

    Attributes:
        mirrored: whether left and right change places, which comes first.
        turns: number of quarter turns counter-clockwise, 0 to 3.

    Example:
        >>> image = torch.tensor([[1, 2], [3, 4]])
        >>> view = View(mirrored=True, turns=1)
        >>> view.apply(image)
        tensor([[1, 3],
                [2, 4]])
        >>> view.undo(view.apply(image)).equal(image)
        True
    """

    mirrored: bool = False
    turns: int = 0

    def apply(self, images: Tensor) -> Tensor:
        """Mirror and turn images (..., H, W); (..., W, H) after an odd number of turns."""
        shown = images.flip(-1) if self.mirrored else images
        return torch.rot90(shown, self.turns, (-2, -1)) if self.turns else shown

    def undo(self, shown: Tensor) -> Tensor:
        """Turn and mirror images (..., H, W) back to what they were before `apply`."""
        images = torch.rot90(shown, -self.turns, (-2, -1)) if self.turns else shown
        return images.flip(-1) if self.mirrored else images


AS_IT_IS = View()
"""The view that changes nothing."""

VIEWS: Mapping[str, tuple[View, ...]] = MappingProxyType(
    {
        "none": (AS_IT_IS,),
        "hflip": (AS_IT_IS, View(mirrored=True)),
        "flips": tuple(View(mirrored, turns) for turns in (0, 2) for mirrored in (False, True)),
        "dihedral": tuple(
            View(mirrored, turns) for turns in range(4) for mirrored in (False, True)
        ),
    }
)
"""The views of each kind of test-time augmentation: the image as it is, its mirror image too, all
that flips make of it, and quarter turns as well."""
