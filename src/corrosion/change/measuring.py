"""How much of a photograph is rusted, and how well that repeats.

A share of rust that changes when the same photograph is a little darker is no measure of what has
happened to the metal. So each photograph is measured in several versions that show the same, and
the spread of their shares is the noise of the method on this photograph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t

from corrosion.data.geometry import Pixels
from corrosion.data.images import read_image
from corrosion.data.resizing import build_resize, scale_to
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule, is_corroded
from corrosion.explanation.rust import measure_rust
from corrosion.explanation.rust_mask import rust_mask
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.evaluating import evaluating

Region = NDArray[np.bool_]

SIDE = 1024
"""Longest side at which photographs are compared; masks of rust are no finer."""

_EXPOSURE = 0.15  # by which versions are brighter and darker
_WARMTH = 0.04  # by which red is stronger and blue weaker in the warm version, and so in the cool
_CROP = 0.95  # share of each side that the cropped version keeps, in the middle
_TILT = 0.06  # share of a side by which the nearer edge of a tilted version grows
_JPEG = 75  # quality of the version that is compressed again


@dataclass(frozen=True, eq=False)
class RustShare:
    """The rusted share of a photograph, and how well it repeats.

    Attributes:
        share: share of the region that is rusted, in [0, 1]; 0 where no corrosion is detected.
        noise: standard deviation of the shares of all versions of the photograph, at least 0.
        versions: number of these versions, at least 2.
        probability: probability of corrosion of the photograph, calibrated, in [0, 1].
        mask: (H, W) bool, the rust in the whole photograph; empty where none is detected.
    """

    share: float
    noise: float
    versions: int
    probability: float
    mask: Region


@dataclass(frozen=True)
class ShareChange:
    """The change from one rusted share to another, and what noise alone would give.

    Attributes:
        change: new share less old share, in [-1, 1].
        low: lower end of its 95 % interval, in [-1, change].
        high: upper end of its 95 % interval, in [change, 1].
    """

    change: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0: whether the change is more than the noise."""
        return self.low > 0 or self.high < 0


def comparable_pixels(path: str) -> Pixels:
    """Read a photograph as it is compared: upright, its longest side `SIDE` pixels at the most.

    Args:
        path: path of an image file.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: as `corrosion.data.images.read_image`.
    """
    image = read_image(path, min_side=SIDE)
    scale = SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return scale_to(image, *(max(1, round(side * scale)) for side in image.shape[:2]))


def versions(image: Pixels, region: Region) -> Iterator[tuple[Pixels, Region]]:
    """Make versions of a photograph that show the same as it does, the photograph itself first.

    It is mirrored, 15 % brighter and darker, in warmer and cooler light, cropped to the middle 95 %
    of both sides, seen from the left and from above, and compressed to a JPEG of quality 75.

    Args:
        image: (H, W, 3) uint8 RGB.
        region: (H, W) bool, a part of it.

    Yields:
        Each version with the pixels of it that show the region.
    """
    yield image, region
    yield image[:, ::-1].copy(), region[:, ::-1].copy()  # one column counts as contiguous
    for factor in (1 + _EXPOSURE, 1 - _EXPOSURE):
        yield cv2.convertScaleAbs(image, alpha=factor).astype(np.uint8, copy=False), region
    for warmth in (_WARMTH, -_WARMTH):
        light = np.array([1 + warmth, 1, 1 - warmth], dtype=np.float32)
        yield (image * light).clip(0, 255).astype(np.uint8), region
    top, left = (round((1 - _CROP) / 2 * side) for side in region.shape)
    inner = (slice(top, region.shape[0] - top), slice(left, region.shape[1] - left))
    if region[inner].any():
        yield np.ascontiguousarray(image[inner]), np.ascontiguousarray(region[inner])
    for tilted in _tilted(image, region):
        if tilted[1].any():
            yield tilted
    _, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG])
    compressed = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    yield compressed, region


def _tilted(image: Pixels, region: Region) -> Iterator[tuple[Pixels, Region]]:
    """A photograph as seen from the left and from above; its edges leave the picture."""
    height, width = region.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    across, down = _TILT * width, _TILT * height
    left = np.array([[0, -down], [0, 0], [0, 0], [0, down]], dtype=np.float32)
    above = np.array([[-across, 0], [across, 0], [0, 0], [0, 0]], dtype=np.float32)
    for moved in (left, above):
        matrix = cv2.getPerspectiveTransform(corners, corners + moved)
        seen = cv2.warpPerspective(image, matrix, (width, height))
        part = cv2.warpPerspective(
            region.astype(np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST
        )
        yield seen.astype(np.uint8, copy=False), part.astype(bool)


def measure_share(
    network: CorrosionClassifier, image: Pixels, rule: Rule, region: Region | None = None
) -> RustShare:
    """Measure the rusted share of a photograph, and how well it repeats.

    Each of the `versions` is decided and outlined by itself, so the noise has all of the method: a
    photograph whose probability is near the threshold, some versions of which have no corrosion at
    all, has much of it. Masks are those of `corrosion.explanation.rust_mask`. The price is about
    150 predictions where corrosion is detected.

    Args:
        network: network in any mode, on any device.
        image: (H, W, 3) uint8 RGB, upright.
        rule: decides whether there is corrosion.
        region: (H, W) bool with at least one pixel, the part that counts; by default all of it.

    Raises:
        CorrosionError: the network gives NaN; or as `rust_mask`.
    """
    whole = np.ones(image.shape[:2], dtype=bool) if region is None else region
    shown = list(versions(image, whole))
    probabilities = _probabilities(network, [pixels for pixels, _ in shown])
    shares, first = [], np.zeros_like(whole)
    for number, ((pixels, part), probability) in enumerate(zip(shown, probabilities, strict=True)):
        if not is_corroded(probability, rule.threshold):
            shares.append(0.0)
            continue
        mask = rust_mask(network, pixels)
        shares.append(measure_rust(mask, part).share)
        if number == 0:
            first = mask
    noise = float(np.std(shares, ddof=1))
    return RustShare(shares[0], noise, len(shares), probabilities[0], first)


def share_change(old: RustShare, new: RustShare, *, level: float = 0.95) -> ShareChange:
    """Compare two rusted shares by what repeats.

    The noise of both photographs is taken as normal and independent, so that of the change is the
    root of the sum of its squares. It was estimated from a few versions of each, so the interval is
    Welch's (Biometrika 1947), with the degrees of freedom of his equation 28. It says how well the
    method repeats, not how near it is to the truth.

    Args:
        old: share in the old photograph.
        new: share in the new photograph.
        level: confidence level of the interval, in (0, 1).

    Example:
        >>> empty = np.zeros((1, 1), dtype=bool)
        >>> old, new = (RustShare(share, 0.01, 10, 0.9, empty) for share in (0.10, 0.15))
        >>> found = share_change(old, new)
        >>> round(found.low, 3), round(found.high, 3), found.significant
        (0.02, 0.08, True)
    """
    change = new.share - old.share
    variance = old.noise**2 + new.noise**2
    spread = sum(one.noise**4 / (one.versions - 1) for one in (old, new))
    # without any noise every quantile gives the same
    freedom = variance**2 / spread if spread > 0 else 1.0
    half = float(t.isf((1 - level) / 2, freedom)) * float(np.sqrt(variance))
    low, high = max(-1.0, change - half), min(1.0, change + half)
    return ShareChange(change, low, high)


@torch.inference_mode()
def _probabilities(network: CorrosionClassifier, images: list[Pixels]) -> list[float]:
    resize = build_resize(network.image_size, network.resize)
    with evaluating(network):
        found = network.predict_proba(np.stack([resize(image) for image in images])).cpu()
    if not found.isfinite().all():
        raise CorrosionError("The network gives NaN: its weights are damaged.")
    return [float(one) for one in found]
