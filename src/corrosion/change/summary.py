"""What has changed from one inspection to the next, all pairs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class MeanChange:
    """The mean change in rusted share over pairs of photographs.

    Attributes:
        change: mean of the changes, in [-1, 1]; NaN without pairs.
        low: lower end of its interval; NaN with fewer than two pairs.
        high: upper end of its interval, likewise.
        pairs: number of pairs.
    """

    change: float
    low: float
    high: float
    pairs: int

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0; never where there is none."""
        return self.low > 0 or self.high < 0


def mean_change(changes: Sequence[float], *, level: float = 0.95) -> MeanChange:
    """Average changes, with the interval of Student's paired t test.

    Each pair is one observation of its difference (Student, Biometrika 1908, section 9), so what
    makes places unlike each other does not widen the interval, but what makes them change unlike
    each other does, and the noise of the method too.

    Args:
        changes: change in rusted share of each pair, in [-1, 1].
        level: confidence level of the interval, in (0, 1).

    Example:
        >>> found = mean_change([0.02, 0.05, 0.03, 0.04])
        >>> round(found.change, 3), round(found.low, 3), round(found.high, 3)
        (0.035, 0.014, 0.056)
    """
    values = np.asarray(changes, dtype=np.float64)
    count = len(values)
    if count == 0:
        return MeanChange(np.nan, np.nan, np.nan, 0)
    mean = float(values.mean())
    if count == 1:
        return MeanChange(mean, np.nan, np.nan, 1)
    half = float(t.isf((1 - level) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return MeanChange(mean, max(-1.0, mean - half), min(1.0, mean + half), count)
