"""Kinds of values that several settings take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Strict

Count = Annotated[int, Ge(1)]
"""A whole number from 1."""

WholeNumber = Annotated[int, Ge(0)]
"""A whole number from 0."""

Share = Annotated[float, Ge(0), Le(1)]
"""A share of a whole, 0 and 1 included."""

ShareBelowOne = Annotated[float, Ge(0), Lt(1)]
"""A share of a whole that leaves something."""

Probability = Annotated[float, Gt(0), Lt(1)]
"""A probability that decides: 0 and 1 would decide alike for all images."""

Positive = Annotated[float, Gt(0)]
"""A number above 0."""

NotNegative = Annotated[float, Ge(0)]
"""A number from 0."""

Seed = Annotated[int, Ge(0), Lt(2**32)]
"""A seed of random numbers, as NumPy and Lightning take it."""

AnyPath = Annotated[Path, Strict(False)]
"""A path, given as such or as text."""

Names = Annotated[tuple[str, ...], Strict(False)]
"""Names, as a list or a tuple."""
