"""Photographs with masks: read once, divided without near-duplicates on both sides, cut out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from corrosion.data.curation.pictures import find_same_pictures
from corrosion.data.curation.screening import screen
from corrosion.data.images import read_image
from corrosion.data.transforms import A
from corrosion.errors import CorrosionError
from corrosion.explanation.ground_truth import Annotated
from corrosion.explanation.rust_mask import rust_mask
from corrosion.explanation.rust_score import SIDE, reduced
from corrosion.models.classifier import CorrosionClassifier

_NEAR = 10  # bits of the hash in which near-duplicates may differ


@dataclass(frozen=True, eq=False)
class MaskedPhotograph:
    """A photograph and its rust, kept in memory: some 0.8 MB.

    Attributes:
        path: path of the photograph.
        image: (H, W, 3) uint8 RGB, with a longest side of 512 at most.
        mask: (H, W) uint8, 1 where there is rust.
    """

    path: Path
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def read_marked(annotated: Annotated) -> MaskedPhotograph:
    """Read a photograph and its mask.

    Raises:
        CorrosionError: a file can't be read, or their sizes differ.
    """
    image = reduced(read_image(annotated.path, min_side=SIDE))
    mask = annotated.mask().astype(np.float32)
    mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    return MaskedPhotograph(annotated.path, image, (mask > 0.5).astype(np.uint8))


def read_sound(path: Path) -> MaskedPhotograph:
    """Read a photograph that shows no rust.

    Raises:
        CorrosionError: the file can't be read.
    """
    image = reduced(read_image(path, min_side=SIDE))
    return MaskedPhotograph(path, image, np.zeros(image.shape[:2], dtype=np.uint8))


def read_outlined(network: CorrosionClassifier, path: Path) -> MaskedPhotograph:
    """Read a corroded photograph without a mask, outlined by the network that learnt from it.

    Args:
        network: classifier in any mode.
        path: path of the photograph.

    Raises:
        CorrosionError: the file can't be read.
    """
    bare = read_sound(path)
    return replace(bare, mask=rust_mask(network, bare.image).astype(np.uint8))


def divide(
    annotated: Sequence[Annotated], *, validation: float, seed: int
) -> tuple[list[Annotated], list[Annotated]]:
    """Keep some photographs for validation; near-duplicates stay on one side.

    Args:
        annotated: the photographs with masks.
        validation: share of them for validation, in (0, 1).
        seed: seed of the draw.

    Returns:
        Those for training and those for validation, in the order that they were given in.

    Raises:
        CorrosionError: there are fewer than two that are no near-duplicates.
    """
    records = screen(pd.DataFrame({"path": [str(one.path) for one in annotated]})).records
    group = find_same_pictures(records, near_duplicates=_NEAR).group
    order = np.random.default_rng(seed).permutation(np.unique(group))
    if len(order) < 2:
        raise CorrosionError(
            f"{len(annotated)} photographs with masks, {len(order)} of them no near-duplicates: "
            f"masks are learnt from two at least, and dozens make sense."
        )
    sizes = np.bincount(group)[order].cumsum()
    kept = order[
        : int(np.clip(np.searchsorted(sizes, validation * len(group)) + 1, 1, len(order) - 1))
    ]
    chosen = set(records["path"][np.isin(group, kept)])
    parts: tuple[list[Annotated], list[Annotated]] = [], []
    for one in annotated:
        parts[str(one.path) in chosen].append(one)
    return parts


class MaskCrops(Dataset[tuple[Tensor, Tensor]]):
    """Random crops of photographs, changed at random: uint8 (3, S, S) and mask float32 (S, S).

    Args:
        photographs: at least one.
        crop: side S of the crops in pixels.
        seed: seed of the crops, which follow each other as they are asked for.
    """

    def __init__(self, photographs: Sequence[MaskedPhotograph], *, crop: int, seed: int) -> None:
        self._photographs = photographs
        self._augment = A.Compose(
            [
                A.RandomResizedCrop((crop, crop), scale=(0.3, 1.0), ratio=(0.75, 4 / 3)),
                A.HorizontalFlip(p=0.5),
                A.VerticalFlip(p=0.2),
                A.Affine(rotate=(-20, 20), p=0.5, border_mode=cv2.BORDER_REFLECT_101),
                # hardly any hue: rust is told by it
                A.ColorJitter(brightness=0.25, contrast=0.25, saturation=0.2, hue=0.02, p=0.7),
                A.GaussianBlur(p=0.15),
                A.ImageCompression(quality_range=(50, 95), p=0.2),
            ],
            seed=seed,
        )

    def __len__(self) -> int:
        """Number of photographs."""
        return len(self._photographs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A crop of a photograph, another one each time."""
        one = self._photographs[index]
        cut = self._augment(image=one.image, mask=one.mask)
        image = torch.from_numpy(np.ascontiguousarray(cut["image"])).permute(2, 0, 1)
        return image, torch.from_numpy(np.ascontiguousarray(cut["mask"])).float()
