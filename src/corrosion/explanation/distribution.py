"""Whether rust lies in spots, in pinpoints or all over: the distribution types of ASTM D610."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from corrosion.explanation.grades import ASTM_D610
from corrosion.explanation.rust import RustMeasure

DISTRIBUTIONS: Mapping[str, str] = MappingProxyType(
    {"S": "spot rusting", "G": "general rusting", "P": "pinpoint rusting", "H": "hybrid rusting"}
)
"""The distribution types by their letters."""

PINPOINT_SHARE = 1e-4
"""A region that covers at most this share of the surface is a pinpoint: a hundredth of its side."""

BULK = 0.75
"""What counts as the bulk: of the rust, or of the surface."""

FEW = 3
"""What counts as a few regions."""


def rust_distribution(rust: RustMeasure) -> str | None:
    """Tell the type of a rust's distribution.

    ASTM D610-08 (2019), Table 1, defines the types in words: spot rusting is concentrated in a few
    localised areas, general rusting has spots of various sizes all over the surface, pinpoint
    rusting consists of very small specks all over it, and hybrid rusting is a mixture. It gives no
    numbers. The rule here is of this project; the first line that holds decides:

    - S: the three largest regions hold at least three quarters of the rust, and their bounding
      boxes together at most three quarters of the surface.
    - P: pinpoints hold at least three quarters of the rust.
    - H: pinpoints hold at least a quarter of it, beside larger regions.
    - G: all else.

    Pinpoints smaller than a pixel are not seen: a photograph needs 10 000 pixels of surface for
    one of a single pixel. Pinpoints that crowd in a corner are pinpoints still.

    Args:
        rust: rust as `corrosion.explanation.measure_rust` measures it.

    Returns:
        "S", "G", "P" or "H" (`DISTRIBUTIONS` has their names); None for the grades 10 and 0, for
        which the table has no types.

    Example:
        >>> import numpy as np
        >>> from corrosion.explanation.rust import measure_rust
        >>> mask = np.zeros((200, 200), dtype=bool)
        >>> mask[::20, ::20] = True
        >>> rust_distribution(measure_rust(mask))
        'P'
    """
    if ASTM_D610.step(rust.share) in (ASTM_D610.steps[0], ASTM_D610.steps[-1]):
        return None
    few = rust.regions[:FEW]
    if (
        sum(region.share for region in few) >= BULK * rust.share
        and sum(region.box_share for region in few) <= BULK
    ):
        return "S"
    pinpoints = rust.speck_share + sum(
        region.share for region in rust.regions if region.share <= PINPOINT_SHARE
    )
    if pinpoints >= BULK * rust.share:
        return "P"
    return "H" if pinpoints >= (1 - BULK) * rust.share else "G"
