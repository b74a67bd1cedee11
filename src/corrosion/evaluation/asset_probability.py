"""The probability that an asset has corrosion, from those of its photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RULE = "mean of the odds"
"""What the rule is called."""

RULE_NOTE = (
    "An asset's odds of corrosion are the mean of the odds p / (1 - p) of its photographs: the "
    "highest probability alone would rise with the number of photographs, corrosion or none."
)
"""The sentence that belongs beside the probabilities of assets."""

_SUREST = 1 - 1e-6  # no network is surer than its table can say


def asset_probability(probabilities: Sequence[float]) -> float:
    """The probability that at least one photograph of an asset shows corrosion.

    The odds of the asset are the mean of the odds p / (1 - p) of its n photographs. By Bayes' rule
    that is what follows where an asset is as often corroded as a photograph of the training, one of
    its photographs then shows the corrosion, each with the same chance of 1 / n, and photographs
    depend on nothing else: the prior odds times the mean of the n likelihood ratios. So one
    photograph has its own probability, and a copy of all photographs changes nothing, while the
    maximum of n sound photographs rises with n, and the noisy-or 1 - (1 - p1)(1 - p2)... faster
    still. docs/results.md has both measured.

    Args:
        probabilities: calibrated probabilities of the photographs, in [0, 1], at least one.

    Returns:
        A probability in [0, 1].

    Example:
        >>> round(asset_probability([0.9]), 3), round(asset_probability([0.9, 0.9, 0.9]), 3)
        (0.9, 0.9)
        >>> round(asset_probability([0.9] + 49 * [0.02]), 3)
        0.167
    """
    bounded = np.minimum(np.asarray(probabilities, dtype=np.float64), _SUREST)
    odds = float((bounded / (1 - bounded)).mean())
    return odds / (1 + odds)
