"""From the rusted share of a surface to the grades of ASTM D610, ISO 4628-3 and the IMO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from corrosion.errors import CorrosionError

GRADE_NOTE = (
    "A photograph shows which share of a surface is rusted, not how much of the section is lost; "
    "a grade refers to the surface it was measured on, not to the structure."
)
"""The sentence that belongs beside every grade in documents and outputs."""

UNCLEAR = "unclear"
"""The grade of an interval that spans more than two grades: its ends would tell nothing."""


@dataclass(frozen=True)
class GradeStep:
    """One grade of a scale.

    Attributes:
        label: the grade as it is written, as "Ri 3".
        limit: largest share of the grade, in [0, 1].
        inclusive: whether the limit itself has this grade, or the next one.
    """

    label: str
    limit: float
    inclusive: bool = True


@dataclass(frozen=True)
class GradeScale:
    """A scale of grades.

    Attributes:
        title: name of the standard with its edition.
        steps: its grades, from no rust to the most; the last one ends at 1.
    """

    title: str
    steps: tuple[GradeStep, ...]

    def step(self, share: float) -> GradeStep:
        """The grade of a share in [0, 1]."""
        return next(
            step
            for step in self.steps
            if share < step.limit or (step.inclusive and share == step.limit)
        )


ASTM_D610 = GradeScale(
    "ASTM D610-08 (2019)",
    (
        GradeStep("grade 10", 0.0001),
        GradeStep("grade 9", 0.0003),
        GradeStep("grade 8", 0.001),
        GradeStep("grade 7", 0.003),
        GradeStep("grade 6", 0.01),
        GradeStep("grade 5", 0.03),
        GradeStep("grade 4", 0.1),
        GradeStep("grade 3", 0.16),
        GradeStep("grade 2", 0.33),
        GradeStep("grade 1", 0.5),
        GradeStep("grade 0", 1.0),
    ),
)
"""Standard Practice for Evaluating Degree of Rusting on Painted Steel Surfaces, Table 1.

Each grade is "greater than" the limit before it "and up to" its own. The table was read in the
edition D610-08 (2012); that of 2019 is a reapproval of the same D610-08.
"""

ISO_4628_3 = GradeScale(
    "ISO 4628-3:2016",
    (
        GradeStep("Ri 0", 0.0),
        GradeStep("Ri 1", 0.0005),
        GradeStep("Ri 2", 0.005),
        GradeStep("Ri 3", 0.01),
        GradeStep("Ri 4", 0.08),
        GradeStep("Ri 5", 1.0),
    ),
)
"""Paints and varnishes, Evaluation of degradation of coatings, Part 3: degree of rusting.

The standard compares a surface with pictures, of which it states the rusted area: 0, 0.05, 0.5, 1,
8 and 40 to 50 %. What holds between these is a rule of this project: a share between two of them
has the worse grade, so that a grade never says less than was measured, and every share above 8 %
is Ri 5, above 50 % too. An inspector who compares pictures may choose the better neighbour, above
all between 8 and 40 %. The areas were read in a table of the coatings trade that cites the
standard, not in its text. The edition of 2024 corrects the area of one picture and adds an
assessment by an estimate in percent, as DIN reports; this project has not seen it.
"""

IMO_COATING = GradeScale(
    "IMO MSC.1/Circ.1330",
    (
        GradeStep("GOOD", 0.03, inclusive=False),
        GradeStep("FAIR", 0.2),
        GradeStep("POOR", 1.0),
    ),
)
"""Guidelines for maintenance and repair of protective coatings (2009, Rev.1 2024), 4.1.3, table 1.

The row "Breakdown of coating or area rusted": less than 3 %, 3 to 20 %, more than 20 %, for ballast
tanks. IACS Recommendation 87 grades them with the same words; its table was not at hand. For cargo
tanks (MSC.1/Circ.1399) GOOD ends at 5 %. Of the criteria only this one is used: a condition may be
worse by rust on edges and welds (20 and 50 % of their length), by hard scale (10 % of the area), or
by coating that fails without rust; it can't be better.
"""

SCALES: Mapping[str, GradeScale] = MappingProxyType(
    {"astm_d610": ASTM_D610, "iso4628_3": ISO_4628_3, "imo_coating": IMO_COATING}
)
"""The scales by the names that `grade` takes."""


def grade(scale: str, low: float, high: float | None = None) -> str:
    """Give the grade of a rusted share, or of an interval of shares.

    Args:
        scale: name of the scale, one of `SCALES`.
        low: rusted share of the surface, in [0, 1], or the lower end of its interval.
        high: upper end of the interval, in [low, 1]; `low` by default.

    Returns:
        The grade, as "Ri 3"; if the ends have neighbouring grades, both, with that of the lower
        share first, as "Ri 3 to Ri 4"; if a grade lies between them, `UNCLEAR`. `GRADE_NOTE` says
        what a grade does not say.

    Raises:
        CorrosionError: the scale is unknown, a share is not in [0, 1], or the ends are swapped.

    Example:
        >>> grade("iso4628_3", 0.008, 0.021)
        'Ri 3 to Ri 4'
        >>> grade("astm_d610", 0.008, 0.021)
        'grade 6 to grade 5'
        >>> grade("imo_coating", 0.008, 0.021)
        'GOOD'
        >>> grade("iso4628_3", 0.0, 0.6)
        'unclear'
    """
    if scale not in SCALES:
        raise CorrosionError(f"scale={scale}: give one of {', '.join(SCALES)}.")
    high = low if high is None else high
    for name, share in (("low", low), ("high", high)):
        if not 0 <= share <= 1:
            raise CorrosionError(f"{name}={share}: give a share in [0, 1], as 0.03 for 3 %.")
    if low > high:
        raise CorrosionError(f"low={low}: it is above high={high}; give the lower end first.")
    steps = SCALES[scale].steps
    first, last = (steps.index(SCALES[scale].step(share)) for share in (low, high))
    if last > first + 1:
        return UNCLEAR
    return " to ".join(step.label for step in steps[first : last + 1])
