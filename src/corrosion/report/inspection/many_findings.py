"""Very many findings in little memory."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import overload

from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.verdict_history import Verdict

_values = attrgetter(*(field.name for field in fields(Finding)))


class ManyFindings(Sequence[Finding]):
    """A sequence of findings, each of which is made when it is looked at.

    What is kept of one is a string of bytes with its values, about a third of what the object
    takes; to go through all of them takes some microseconds each.

    Args:
        findings: the findings, which are not kept. Their grades are a dict.

    Example:
        >>> many = ManyFindings([Finding(0, "a.jpg", probability=0.25), Finding(1, "b.jpg")])
        >>> len(many), many[0].probability, [one.name for one in many]
        (2, 0.25, ['a.jpg', 'b.jpg'])
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._verdicts: dict[int, Verdict] = {}
        self._kept: list[bytes] = []
        for place, one in enumerate(findings):
            if one.verdict is not None:
                self._verdicts[place] = one.verdict
                one = replace(one, verdict=None)
            self._kept.append(marshal.dumps(_values(one)))

    def __len__(self) -> int:
        """Number of findings."""
        return len(self._kept)

    @overload
    def __getitem__(self, place: int) -> Finding: ...

    @overload
    def __getitem__(self, place: slice) -> list[Finding]: ...

    def __getitem__(self, place: int | slice) -> Finding | list[Finding]:
        """A finding by its place, or a list of some."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        return self._made(range(len(self))[place])

    def __iter__(self) -> Iterator[Finding]:
        """The findings in their order."""
        return map(self._made, range(len(self)))

    def _made(self, place: int) -> Finding:
        found = Finding(*marshal.loads(self._kept[place]))  # bytes of this process alone
        verdict = self._verdicts.get(place)
        return found if verdict is None else replace(found, verdict=verdict)
