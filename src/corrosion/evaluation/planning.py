"""How many test images and seeds a comparison needs, by simulation from the predictions of a run.

Test sets are drawn in which the runs of two models score as those that were given, agree as much
and scatter as it is plausible of them, but for the difference in the metric that is to be found.
Each simulated comparison is tested as `corrosion compare` would test it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import METRICS
from corrosion.evaluation.planning_basis import Basis, least

MOST_IMAGES = 20_000
"""Test images beyond which none are searched."""

_LEAST_IMAGES = 20
_STEPS = 12


@dataclass(frozen=True)
class Need:
    """What a comparison with a number of seeds needs, and can do.

    Attributes:
        seeds: runs of each model.
        images: test images with which the difference is found; None where `MOST_IMAGES` are not
            enough.
        most: chance of finding the difference on endless images.
        detectable: difference that is found with the given number of images; None for none.
    """

    seeds: int
    images: int | None
    most: float
    detectable: float | None


def needs(
    of: Basis,
    *,
    difference: float,
    power: float,
    seeds: Sequence[int],
    images: int,
    level: float = 0.95,
    count: int = 200,
) -> list[Need]:
    """What comparisons with these numbers of seeds need.

    Args:
        of: what comparisons are simulated from.
        difference: true difference in the metric that is to be found, above 0.
        power: chance of finding it, in (0, 1).
        seeds: runs of each model; with fewer than `ENOUGH_RUNS` tests speak of checkpoints.
        images: test images for which the detectable difference is told.
        level: confidence level, in (0, 1).
        count: simulated comparisons for each number of images.

    Raises:
        CorrosionError: no network is worse by the difference.
    """
    if difference >= of.value:
        raise CorrosionError(
            f"difference={difference:g}: no network is that much worse in "
            f"{METRICS[of.metric].title}, which is {of.value:.3f}. Give a smaller difference."
        )
    search = partial(images_needed, of, difference, power=power, level=level, count=count)
    found = partial(_found, of, images=images, power=power, level=level, count=count)
    most = partial(of.most_power, difference, level=level)
    return [Need(one, search(seeds=one), most(seeds=one), found(seeds=one)) for one in seeds]


def images_needed(
    of: Basis, difference: float, *, seeds: int, power: float, level: float, count: int
) -> int | None:
    """The least number of images with this chance of a find, to 3 %, by bisection.

    Args:
        of: what comparisons are simulated from.
        difference: true difference in the metric that is to be found, above 0.
        seeds: runs of each model.
        power: chance of finding it, in (0, 1).
        level: confidence level, in (0, 1).
        count: simulated comparisons for each number of images.

    Returns:
        None where `MOST_IMAGES` are not enough.
    """
    if of.most_power(difference, seeds=seeds, level=level) < power:
        return None
    chance = partial(of.power, difference, seeds=seeds, level=level, count=count)
    low, high = _LEAST_IMAGES, _LEAST_IMAGES
    while chance(images=high) < power:
        if high >= MOST_IMAGES:
            return None
        low, high = high, min(2 * high, MOST_IMAGES)
    while high > 1.03 * low + 1:
        middle = round(np.sqrt(low * high))
        low, high = (low, middle) if chance(images=middle) >= power else (middle, high)
    return high


def _found(
    of: Basis, *, images: int, seeds: int, power: float, level: float, count: int
) -> float | None:
    """The least difference that is found with this many images, by bisection; None for none."""
    chance = partial(of.power, images=images, seeds=seeds, level=level, count=count)
    for most in (of.value / 2, of.value):  # all right against all wrong has no variance to test by
        if chance(most) >= power:
            return least(lambda difference: chance(difference) >= power, most, steps=_STEPS)
    return None
