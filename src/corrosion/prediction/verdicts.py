"""What inspectors say, put together: merged into the folder, and compared with the network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.evaluation.decision_intervals import decision_estimates
from corrosion.evaluation.intervals import Estimate, proportion, proportions
from corrosion.evaluation.metrics import decision_metrics
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.verdict_history import (
    CORRODED,
    NOT_CORRODED,
    Verdict,
    latest_verdicts,
    read_history,
    time_cell,
    write_history,
)

_NAMED = 4  # seconds that a message names

Key = tuple[str, str]
"""Path and time of a finding."""


@dataclass(frozen=True)
class Merged:
    """What came of merging a file of verdicts.

    Attributes:
        new: number of photographs that had no verdict before.
        changed: number of verdicts that replace another one, notes too.
        known: number of rows that the folder had already.
    """

    new: int
    changed: int
    known: int


@dataclass(frozen=True)
class Agreement:
    """How far an inspector and the network agree, where both have decided.

    Attributes:
        both: number of photographs that both call corroded.
        neither: number that neither does.
        missed: number that the inspector calls corroded, and the network does not.
        false_alarms: number that the network calls corroded, and the inspector does not.
        accuracy: share in which the network is right, taking the inspector's word.
        kappa: Cohen's kappa; undefined where the inspector has called all alike, and without an
            interval in an installation without SciPy, which gives it.
        kinds: share of photographs whose kind of corrosion the network tells as the inspector
            does, of those of which both say one; None where there are none.
    """

    both: int
    neither: int
    missed: int
    false_alarms: int
    accuracy: Estimate
    kappa: Estimate
    kinds: Estimate | None = None

    @property
    def images(self) -> int:
        """Number of photographs that both have decided."""
        return self.both + self.neither + self.missed + self.false_alarms


def merge_verdicts(
    inspection: Inspection, given: Sequence[Verdict], *, source: Path, inspector: str = ""
) -> Merged:
    """Add verdicts to the history of an inspection's folder; the latest of each photograph holds.

    Nothing that was said before is lost: the history keeps every verdict with the one that it
    replaces. A file that is merged twice changes nothing.

    Args:
        inspection: what the verdicts are about.
        given: what `read_verdicts` read.
        source: the file, for messages.
        inspector: who gave those that name nobody.

    Raises:
        CorrosionError: a verdict is about a photograph that the folder does not hold, or about
            another file of the same name; a time can't be read; the history can't be written.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    known = {(one.path, time_cell(one.time)): one for one in inspection.findings}
    same = _by_digest(inspection.findings)
    placed, strangers = [], []
    for one in given:
        key = (one.path, one.time) if (one.path, one.time) in known else same.get(one.sha256)
        if key is None:
            strangers.append(one)
            continue
        finding = known[key]
        if one.sha256 and finding.sha256 and one.sha256 != finding.sha256:
            raise CorrosionError(
                f"{source}: the verdict on {one.path} was given on another file of this name (its "
                f"sha256 differs): predict the photographs of the verdicts, or leave it out."
            )
        placed.append(
            replace(
                one,
                path=key[0],
                time=key[1],
                sha256=finding.sha256 or one.sha256,
                inspector=one.inspector or inspector,
                when=_utc(one.when, source) if one.when else "",
            )
        )
    if strangers:
        raise CorrosionError(
            f"{source}: {len(strangers)} of {len(given)} verdicts are on photographs that "
            f"{inspection.folder} does not hold, {_stranger(strangers[0], known)}"
        )
    before = read_history(inspection.folder)
    history, counts = _merged(before, placed, now=now)
    if history != list(before):
        write_history(inspection.folder, history)
    return counts


def _stranger(one: Verdict, known: Mapping[Key, Finding]) -> str:
    """A verdict on nothing that is known, and what to do about it."""
    times = [time for path, time in known if path == one.path]
    if not times:
        return f"{one.path} the first: give the file that the page of this folder saved."
    which = f"{one.path} at time {one.time}" if one.time else f"{one.path} without a time"
    if times == [""]:
        return f"{which} the first: it has no frames, so leave its time empty."
    some = ", ".join(times[:_NAMED]) + (" ..." if len(times) > _NAMED else "")
    return f"{which} the first: write a second that it has in the column time ({some})."


def _merged(
    before: Sequence[Verdict], placed: Iterable[Verdict], *, now: str
) -> tuple[list[Verdict], Merged]:
    """The history with what is added, in the order of time, and what that means.

    What is given without a time is said now, or is known already where it is what holds.
    """
    there = {_said(one) for one in before}
    there |= {replace(_said(one), when="") for one in latest_verdicts(before).values()}
    judged = {(one.path, one.time) for one in before}
    new = changed = repeated = 0
    added = []
    for one in placed:
        if _said(one) in there:
            repeated += 1
            continue
        there.add(_said(one))
        added.append(one if one.when else replace(one, when=now))
        if (one.path, one.time) in judged:
            changed += 1
        else:
            judged.add((one.path, one.time))
            new += 1
    history, latest = [], dict[Key, str]()
    for one in sorted([*before, *added], key=lambda verdict: verdict.when):
        key = one.path, one.time
        history.append(replace(one, before=latest.get(key, "")))
        latest[key] = one.verdict
    return history, Merged(new, changed, repeated)


def _said(one: Verdict) -> Verdict:
    return replace(one, before="", sha256="")


def _by_digest(findings: Iterable[Finding]) -> Mapping[str, Key]:
    """Photographs by their digest, those that are there twice left out."""
    found: dict[str, Key | None] = {}
    for one in findings:
        if one.sha256 and one.time is None:
            found[one.sha256] = None if one.sha256 in found else (one.path, "")
    return {digest: key for digest, key in found.items() if key is not None}


def _utc(when: str, source: Path) -> str:
    """A time in UTC; one without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError as error:
        raise CorrosionError(
            f"{source}: the time {when!r} can't be read: write it as 2026-11-28T14:30:00Z, or "
            f"leave it empty."
        ) from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def agreement_of(findings: Sequence[Finding], *, level: float = 0.95) -> Agreement | None:
    """How far inspectors' verdicts and the network's decisions agree.

    Intervals are those of a test set whose labels are the verdicts
    (`corrosion.evaluation.decision_intervals`); frames of one video count as fewer. They hold for
    photographs that are drawn as those with a verdict were: who judges only what is uncertain
    measures the network on that.

    Args:
        findings: findings with verdicts.
        level: confidence level of the intervals, in (0, 1).

    Returns:
        None where no finding has both a verdict (corroded or not) and a decision.
    """
    pairs = [
        (int(one.verdict.verdict == CORRODED), int(one.detected), one.path)
        for one in findings
        if one.verdict is not None
        and one.verdict.verdict in (CORRODED, NOT_CORRODED)
        and one.decision is not None
    ]
    if not pairs:
        return None
    said, decided, paths = map(list, zip(*pairs, strict=True))
    count = dict.fromkeys(((1, 1), (0, 0), (1, 0), (0, 1)), 0)
    for truth, decision, _ in pairs:
        count[truth, decision] += 1
    shares = proportions(said, decided, group=paths, level=level)
    return Agreement(
        both=count[1, 1],
        neither=count[0, 0],
        missed=count[1, 0],
        false_alarms=count[0, 1],
        accuracy=shares["accuracy"],
        kappa=_kappa(said, decided, paths, count, level=level),
        kinds=_kinds_agreement(findings, level=level),
    )


def _kappa(
    said: list[int],
    decided: list[int],
    paths: list[str],
    count: Mapping[tuple[int, int], int],
    *,
    level: float,
) -> Estimate:
    try:
        return decision_estimates(said, decided, group=paths, level=level)["kappa"]
    except ModuleNotFoundError:  # SciPy, which an installation of runtime/ leaves out
        pass
    value = decision_metrics(tp=count[1, 1], fn=count[1, 0], tn=count[0, 0], fp=count[0, 1])[
        "kappa"
    ]
    return Estimate(float(value), math.nan, math.nan, "undefined")


def _kinds_agreement(findings: Iterable[Finding], *, level: float) -> Estimate | None:
    pairs = [
        (one.verdict.kind == one.kind, one.path)
        for one in findings
        if one.verdict is not None and one.verdict.kind and one.kind is not None
    ]
    if not pairs:
        return None
    same, paths = map(list, zip(*pairs, strict=True))
    return proportion(same, group=paths, level=level)
