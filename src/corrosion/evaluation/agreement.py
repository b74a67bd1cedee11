"""Cohen's kappa in words."""

from __future__ import annotations

import math

# Table 7 of the paper; bands meet at their upper bound
_AGREEMENT = (
    (0.20, "slight"),
    (0.40, "fair"),
    (0.60, "moderate"),
    (0.80, "strong"),
    (1.00, "almost perfect"),
)


def agreement(kappa: float) -> str:
    """Level of agreement that a value of Cohen's kappa stands for (paper, Table 7).

    Args:
        kappa: value of Cohen's kappa, in [-1, 1].

    Returns:
        poor, slight, fair, moderate, strong, almost perfect; "undefined" for NaN.

    Raises:
        ValueError: outside [-1, 1].

    Example:
        >>> agreement(0.93), agreement(0.204), agreement(-0.1)
        ('almost perfect', 'slight', 'poor')
    """
    if math.isnan(kappa):
        return "undefined"
    if not -1 <= kappa <= 1:
        raise ValueError(f"Cohen's kappa lies in [-1, 1], not {kappa}")
    if kappa < 0:
        return "poor"
    # figures are given to two digits, so 0.204 is still "slight"
    return next(level for bound, level in _AGREEMENT if round(kappa, 2) <= bound)
