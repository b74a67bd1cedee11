"""Masks of rust: where the network's evidence and the colour of rust come together.

A class activation map knows best where to look, but has cells of many pixels; the redness of a
photograph outlines rust, but also red paint. Their product is better than both, on photographs with
hand-drawn masks (docs/results.md). Each photograph then tells by itself how its rust differs from
its ground: what has the strongest evidence and what has the least teach a classifier of its own
colours. The network is asked for nothing but its map, so every checkpoint gives masks, and where
the map is empty there is no rust: a network that looks at the wrong place gets its mask there.

A network that has learnt from a user's masks (`corrosion train-masks RUN FOLDER`), or from such
outlines of many photographs (`corrosion train-masks RUN`), knows from all of them what a single one
does not tell. Both together are better than each, unless the masks say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from corrosion.data.geometry import Map
from corrosion.data.resizing import scale_to
from corrosion.explanation.pyramid import Pyramid
from corrosion.explanation.pyramid_levels import pyramid_levels
from corrosion.explanation.rust_score import CUT, SIDE, reduced, rust_score
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.evaluating import evaluating
from corrosion.models.mask_network import MaskNetwork

LEARNT_SIDE = 384
"""Longest side at which a network that has learnt from masks sees a photograph."""

LEVELS = (1.43, 2.0)
"""Scales of the network's maps: 320 and 448 pixels for a network of 224."""

_FEATURE_SCALE = 10.0  # standard deviation of the components: about that of colours in CIELAB
_COMPONENTS, _STRIDE = 6, 16
_SEEN = 0.25  # of its cut; up to here masks of the 34 photographs are the same
_SUREST = 1e-4  # no network knows more surely than this that there is rust, or none


def rust_mask(network: CorrosionClassifier, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which pixels of a photograph are rust, at the price of about 15 predictions.

    With a `mask_network` the price is about 25, or about 10 where that is asked alone.

    Whether there is any rust is for `predict` to say: ask for the mask of a photograph in which
    corrosion was detected. In others the strongest evidence is weak, and may lie anywhere.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright.

    Returns:
        (H, W) bool, True where there is rust.

    Raises:
        CorrosionError: as `corrosion.explanation.pyramid.fine_map`.
    """
    return rust_evidence(network, image).mask(image)


@dataclass(frozen=True, eq=False)
class RustEvidence:
    """The network's own part in a mask of rust.

    Attributes:
        map: (h, w) float32 in [0, 1] over the whole photograph, the map for corrosion at the scales
            of `LEVELS`, with a longest side of 512 at most.
        features: (h, w, c) float32 over the whole photograph, what the network sees at a stride of
            16 pixels, as its first principal components; c is 0 for networks that don't give it.
    """

    cut: ClassVar[float] = CUT
    """Score above which there is rust."""

    map: Map
    features: NDArray[np.float32]

    def score(self, image: NDArray[np.uint8]) -> Map:
        """The score (H, W) of the photograph (H, W, 3) uint8 RGB; above `CUT` is rust."""
        return rust_score(image, self.map, self.features)

    def mask(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where (H, W) bool there is rust in the photograph (H, W, 3) uint8 RGB."""
        return self.score(image) > self.cut


@dataclass(frozen=True, eq=False)
class LearntRust:
    """What a network that has learnt from masks says of a photograph.

    Attributes:
        map: (h, w) float32 in [0, 1] over the whole photograph, the probability of rust.
    """

    cut: ClassVar[float] = 0.5
    """Probability above which there is rust."""

    map: Map

    def score(self, image: NDArray[np.uint8]) -> Map:
        """The probability (H, W) for the pixels of the photograph (H, W, 3) uint8 RGB."""
        height, width = image.shape[:2]
        return cv2.resize(self.map, (width, height), interpolation=cv2.INTER_LINEAR)

    def mask(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where (H, W) bool rust is more probable than not."""
        return self.score(image) > self.cut


@dataclass(frozen=True, eq=False)
class JointRust:
    """What a network sees itself, and what masks or outlines of many photographs have taught.

    Attributes:
        seen: the network's own part, without which there is no rust.
        learnt: what its mask network says.
    """

    cut: ClassVar[float] = 0.5
    """Score above which there is rust."""

    seen: RustEvidence
    learnt: LearntRust

    @property
    def map(self) -> Map:
        """The network's own map (h, w) for corrosion, in [0, 1]."""
        return self.seen.map

    def score(self, image: NDArray[np.uint8]) -> Map:
        """The score (H, W) in [0, 1] of the photograph (H, W, 3) uint8 RGB.

        The score of `seen` over its cut is taken for odds and multiplied with those of `learnt`, as
        of two witnesses who know nothing of each other; the score is the probability of that.
        Where `seen` has less than a quarter of its cut it is not above the cut of both: what the
        network does not see is no rust, however sure the other is.
        """
        own = self.seen.score(image) / self.seen.cut
        other = np.clip(self.learnt.score(image), _SUREST, 1 - _SUREST)
        odds = own * other / (1 - other)
        score: Map = odds / (1 + odds)
        return np.where(own < _SEEN, np.minimum(score, self.cut), score)

    def mask(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where (H, W) bool both together speak for rust."""
        return self.score(image) > self.cut


Evidence = RustEvidence | LearntRust | JointRust
"""What a network contributes to a mask, with `map`, `score` and `mask`."""


def rust_evidence(
    network: CorrosionClassifier, image: NDArray[np.uint8], pyramid: Pyramid | None = None
) -> Evidence:
    """What a network contributes to the mask of a photograph.

    Args:
        network: as `rust_mask` takes it.
        image: as `rust_mask` takes it, or shrunk to a longest side of 1,024 or more.
        pyramid: the same photograph as the network sees it for corrosion by Grad-CAM, of which
            levels that were looked at are not looked at again; None for a new one.

    Raises:
        CorrosionError: as `corrosion.explanation.pyramid.fine_map`.
    """
    masks = network.mask_network
    if masks is not None and masks.alone:
        return LearntRust(learnt_probability(masks, image))
    found = (pyramid or Pyramid(network, image)).map(LEVELS, side=SIDE)
    seen = RustEvidence(found, _components(network, reduced(image)))
    if masks is None:
        return seen
    return JointRust(seen, LearntRust(learnt_probability(masks, image)))


@torch.inference_mode()
def learnt_probability(network: MaskNetwork, image: NDArray[np.uint8]) -> Map:
    """Probability of rust by what masks have taught, the mean of the photograph and its mirror.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright.

    Returns:
        (h, w) float32 in [0, 1] over the whole photograph, with a longest side of `LEARNT_SIDE`.
    """
    height, width = image.shape[:2]
    scale = LEARNT_SIDE / max(height, width)
    small = scale_to(image, max(32, round(height * scale)), max(32, round(width * scale)))
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].to(network.mean.device)
    with evaluating(network):
        seen = network(pixels).sigmoid() + network(pixels.flip(3)).sigmoid().flip(2)
    return (seen[0] / 2).float().cpu().numpy()


@torch.inference_mode()
def _components(network: CorrosionClassifier, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """First principal components (h, w, c) of a photograph's features at a stride of 16."""
    backbone, nothing = network.backbone, np.zeros((1, 1, 0), dtype=np.float32)
    level = pyramid_levels(network, *image.shape[:2], factors=LEVELS[-1:])[0]
    strides = [stage["reduction"] for stage in getattr(backbone, "feature_info", None) or ()]
    gives = _STRIDE in strides and hasattr(backbone, "forward_intermediates")
    if not gives or len(level.views) > 1:  # several views: a network of one size
        return nothing
    pixels = torch.from_numpy(scale_to(image, level.height, level.width)).permute(2, 0, 1)[None]
    with evaluating(network):
        [found] = backbone.forward_intermediates(
            network.normalise(pixels.to(network.mean.device)),
            indices=[strides.index(_STRIDE)],
            stop_early=True,
            intermediates_only=True,
        )
    features = found[0].float().flatten(1).T.cpu().numpy()
    features = features - features.mean(axis=0)
    _, _, directions = np.linalg.svd(features, full_matrices=False)
    projected = features @ directions[:_COMPONENTS].T
    projected *= _FEATURE_SCALE / max(float(projected.std()), float(np.finfo(np.float32).tiny))
    return projected.reshape(*found.shape[2:], -1)
