"""What a training has seen its network tell of kinds, and what must be said where it is a guess.

A checkpoint keeps it as plain values, beside the head of the kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

_ADVICE = "Take a kind as a guess."
_UNKNOWN = "How well the network tells kinds of corrosion is not known"


@dataclass(frozen=True)
class KindCompetence:
    """How often a network tells the kind, beside always saying the most frequent one.

    Attributes:
        accuracy: share of the corroded test photographs of known kind whose kind it told; NaN
            without any.
        low: lower end of its interval; NaN likewise.
        high: upper end, likewise.
        level: confidence level of the interval, in (0, 1).
        images: number of these photographs.
        frequent: the most frequent kind among them; empty without any.
        share: share of it, which always saying it gets right; NaN likewise.
        p_value: McNemar's mid-p, two-sided, of the difference of the two; NaN likewise.
    """

    accuracy: float
    low: float
    high: float
    level: float
    images: int
    frequent: str
    share: float
    p_value: float

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> KindCompetence:
        """From the values of `plain`; what a later version has added is left out."""
        return cls(**{field.name: plain[field.name] for field in fields(cls)})

    def plain(self) -> dict[str, Any]:
        """Plain values, as a checkpoint holds them."""
        return asdict(self)

    @property
    def caution(self) -> str | None:
        """What must be said beside every kind that is told; None if nothing.

        Example:
            >>> print(KindCompetence(0.5, 0.2, 0.8, 0.95, 8, "pitting", 0.5, 1.0).caution)
            Kinds of corrosion can't be told from guessing: accuracy 0.500 (95% interval 0.200 to \
0.800) on 8 test photographs, of which always saying pitting gets 0.500 right. Take a kind as a \
guess.
            >>> KindCompetence(0.9, 0.8, 0.95, 0.95, 60, "pitting", 0.5, 0.001).caution
        """
        if not self.images:
            return f"{_UNKNOWN}: the kind of no corroded test photograph was. {_ADVICE}"
        if self.accuracy > self.share and self.p_value < 1 - self.level:
            return None
        return (
            f"Kinds of corrosion can't be told from guessing: accuracy {self.accuracy:.3f} "
            f"({self.level:.0%} interval {self.low:.3f} to {self.high:.3f}) on {self.images} test "
            f"photographs, of which always saying {self.frequent} gets {self.share:.3f} right. "
            f"{_ADVICE}"
        )


def kinds_caution(stored: Mapping[str, Any] | None) -> str | None:
    """What must be said beside every kind of a checkpoint; None if nothing.

    Args:
        stored: `KindCompetence.plain` as the checkpoint has it; None where an earlier version wrote
            the checkpoint.
    """
    if stored is None:
        return f"{_UNKNOWN}: an earlier version wrote the checkpoint. Train again. {_ADVICE}"
    return KindCompetence.read(stored).caution


def is_guessed(cautions: Iterable[str]) -> bool:
    """Whether the kinds are guesses, by what is said of a network.

    Args:
        cautions: sentences of `corrosion.evaluation.competence.cautions`.
    """
    return any(one.endswith(_ADVICE) for one in cautions)
