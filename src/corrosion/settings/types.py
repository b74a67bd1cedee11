"""Kinds of values that several settings take.

Every number has a limit at both ends: a slip of the keyboard is told at once, not by a full memory
or after hours. The limits lie far beyond what makes sense.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt, Predicate
from pydantic import BeforeValidator, Strict

from corrosion.errors import CorrosionError
from corrosion.system.place_names import address_of

Count = Annotated[int, Ge(1), Le(10**6)]
"""A whole number from 1."""

WholeNumber = Annotated[int, Ge(0), Le(10**6)]
"""A whole number from 0."""

Tally = Annotated[int, Ge(0)]
"""What a file says was counted: a whole number from 0, however large."""

Measured = Annotated[float, Ge(0)]
"""What a file says was measured: a number from 0, however large."""

Epochs = Annotated[int, Ge(1), Le(100_000)]
"""Number of epochs."""

BatchSize = Annotated[int, Ge(1), Le(65_536)]
"""Number of images in a batch."""

Workers = Annotated[int, Ge(0), Le(512)]
"""Number of processes that read images; 0 for none beside the own."""

Devices = Annotated[int, Ge(1), Le(1024)]
"""Number of devices, or of machines."""

ImageSize = Annotated[int, Ge(32), Le(4096)]
"""Side of a network's input in pixels."""

Share = Annotated[float, Ge(0), Le(1)]
"""A share of a whole, 0 and 1 included."""

ShareBelowOne = Annotated[float, Ge(0), Lt(1)]
"""A share of a whole that leaves something."""

Probability = Annotated[float, Gt(0), Lt(1)]
"""A probability that decides: 0 and 1 would decide alike for all images."""

LearningRate = Annotated[float, Gt(0), Le(10)]
"""A learning rate."""

Positive = Annotated[float, Gt(0), Le(10**6)]
"""A number above 0."""

NotNegative = Annotated[float, Ge(0), Le(10**6)]
"""A number from 0."""

Seed = Annotated[int, Ge(0), Lt(2**32)]
"""A seed of random numbers, as NumPy and Lightning take it."""


def _is_written(text: str) -> bool:
    return bool(text.strip())


Text = Annotated[str, Predicate(_is_written)]
"""Text that is not empty."""


def _usable(path: object) -> object:
    if isinstance(path, str) and not path.strip():
        raise ValueError("give a path, not an empty text.")
    if isinstance(path, (str, Path)):
        try:
            address_of(path)
        except CorrosionError as error:
            raise ValueError(str(error)) from error
    return path


AnyPath = Annotated[Path, Strict(False), BeforeValidator(_usable)]
"""A path, given as such or as text."""

Names = Annotated[tuple[Text, ...], Strict(False)]
"""Names, as a list or a tuple."""
