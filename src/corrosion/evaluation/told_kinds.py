"""What kind of corrosion a network tells of a photograph, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ToldKind(NamedTuple):
    """What kind of corrosion a photograph shows, if it shows any.

    Attributes:
        name: the likeliest kind.
        probability: its probability given that there is corrosion, in [0, 1].
    """

    name: str
    probability: float


def told_kinds(
    names: Sequence[str], probabilities: NDArray[np.floating] | None, count: int
) -> list[ToldKind | None]:
    """The likeliest kind of each of N images.

    Args:
        names: names of K kinds.
        probabilities: (N, K) float in [0, 1], of each kind given that there is corrosion; None
            where no kinds were learnt.
        count: N.

    Example:
        >>> told_kinds(("pitting", "uniform"), np.array([[0.5, 0.5], [0.25, 0.75]]), 2)
        [ToldKind(name='pitting', probability=0.5), ToldKind(name='uniform', probability=0.75)]
    """
    if probabilities is None:
        return [None] * count
    numbers = probabilities.argmax(axis=1)
    chances = probabilities[np.arange(count), numbers]
    pairs = zip(numbers.tolist(), chances.tolist(), strict=True)
    return [ToldKind(names[number], chance) for number, chance in pairs]
