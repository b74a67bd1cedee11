"""An output folder of `corrosion predict`, as one object that every report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from corrosion.data.kind_names import OTHER
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.report.inspection.cells import (
    boxes,
    read_run,
    real,
    reasons_for_review,
    text,
    whole,
    whole_rows,
)
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.many_findings import ManyFindings
from corrosion.report.inspection.pictures import evidence_file, outline_file, rust_file
from corrosion.report.inspection.verdict_history import (
    Verdict,
    latest_verdicts,
    read_history,
    time_cell,
)
from corrosion.settings.types import Measured

TABLES = ("predictions.csv", "predictions.parquet")
"""The tables of a folder, by their format."""

TITLE = "Corrosion inspection"
"""What reports are called, where nobody has said otherwise."""

_CONSEQUENCES = TypeAdapter(dict[str, Measured])

GRADES = {
    "grade_iso4628_3": "ISO 4628-3",
    "grade_astm_d610": "ASTM D610",
    "grade_imo_coating": "IMO",
}
"""Columns of grades, and the names of their standards."""


@dataclass(frozen=True)
class Inspection:
    """All that a folder holds.

    Attributes:
        folder: path of the folder.
        model: name of the checkpoint; the beginning of its digest in folders of earlier versions.
        threshold: probability from which corrosion counts as detected.
        band: probabilities strictly between these go to an inspector; None for no such band, and in
            folders of earlier versions.
        cautions: sentences without which no decision should be read.
        notes: sentences that belong beside the figures.
        when: when the run was finished, as ISO 8601 in UTC.
        given: files, folders and patterns that were predicted, as they were given.
        working_directory: the folder that relative paths start from; empty if unknown.
        every: seconds between frames of videos, 0 for all of them.
        findings: a finding for every row of the table, in its order, failed ones too.
        trained_on: the photographs that the network was trained on; empty if unknown.
        title: what the reports are called.
        inspector: who signs them; empty if unknown.
        consequences: what the failure of each asset would cost; None where nobody has said.
        known_kinds: names of the kinds of corrosion that the network tells apart; empty where it
            tells none, and in folders of earlier versions.
    """

    folder: Path
    model: str
    threshold: float
    band: tuple[float, float] | None
    cautions: tuple[str, ...]
    notes: tuple[str, ...]
    when: str
    given: tuple[str, ...]
    working_directory: str
    every: float
    findings: Sequence[Finding]
    trained_on: str = ""
    title: str = TITLE
    inspector: str = ""
    consequences: Mapping[str, float] | None = None
    known_kinds: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule:
        """How probabilities became decisions."""
        return Rule(self.threshold, self.band)

    @property
    def detected(self) -> int:
        """Number of findings in which corrosion was detected."""
        return sum(one.detected for one in self.findings)

    @property
    def to_review(self) -> int:
        """Number of findings that an inspector shall look at."""
        return sum(one.review for one in self.findings)

    @property
    def failed(self) -> int:
        """Number of findings that could not be read, or not be drawn."""
        return sum(one.error is not None for one in self.findings)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds of corrosion that the network knows, has told or inspectors have said,
        sorted."""
        told = {one.kind for one in self.findings if one.kind is not None}
        said = {one.verdict.kind for one in self.findings if one.verdict is not None}
        return tuple(sorted({*self.known_kinds, *told, *said} - {"", OTHER}))

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, sorted; empty where none is known."""
        return tuple(sorted({one.asset for one in self.findings if one.asset}))


def read_inspection(folder: Path) -> Inspection:
    """Read an output folder of `corrosion predict`, with verdicts that were merged into it.

    Args:
        folder: folder of a finished run.

    Raises:
        CorrosionError: it is no such folder, the run is not finished, or a file can't be read.
    """
    run = read_run(folder)
    asked = run["asked"]
    table = table_of(folder)
    band = run.get("band")
    band = None if band is None else (float(band[0]), float(band[1]))
    verdicts = latest_verdicts(read_history(folder))
    finished = datetime.fromtimestamp(table.stat().st_mtime, UTC).isoformat(timespec="seconds")
    try:
        findings = ManyFindings(
            _with_pictures(folder, _finding(number, row, band, verdicts))
            for number, row in enumerate(whole_rows(table, run))
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorrosionError(
            f"{table} is no table of corrosion predict ({error!r}): run corrosion predict again."
        ) from error
    return Inspection(
        folder=folder,
        model=run.get("model") or str(asked.get("checkpoint", ""))[:12],
        threshold=float(asked.get("threshold", 0.5)),
        band=band,
        cautions=tuple(run.get("cautions", ())),
        notes=tuple(run.get("notes", ())),
        when=run.get("when") or finished,
        given=tuple(asked.get("paths", ())),
        working_directory=asked.get("working directory", ""),
        every=float(asked.get("every", 1.0)),
        findings=findings,
        trained_on=run.get("trained_on") or "",
        title=str(run.get("title") or TITLE),
        inspector=str(run.get("inspector") or ""),
        consequences=_consequences(folder, run.get("consequences")),
        known_kinds=tuple(map(str, run.get("kinds") or ())),
    )


def table_of(folder: Path) -> Path:
    """The table of a finished run.

    Raises:
        CorrosionError: there is none.
    """
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is None:
        raise CorrosionError(
            f"{folder} holds no {TABLES[0]}: finish the run by the same corrosion predict "
            f"... --resume, or give another folder."
        )
    return table


def _consequences(folder: Path, kept: object) -> Mapping[str, float] | None:
    if kept is None:
        return None
    try:
        return _CONSEQUENCES.validate_python(kept)
    except ValidationError as error:
        raise CorrosionError(
            f"{folder / 'run.json'}: consequences are no numbers by asset: give them again "
            f"(corrosion inspection-report --consequence)."
        ) from error


def _finding(
    number: int,
    row: Mapping[str, Any],
    band: tuple[float, float] | None,
    verdicts: Mapping[tuple[str, str], Verdict],
) -> Finding:
    path, time = str(row["path"]), real(row, "time")
    probability, unlike = real(row, "probability"), real(row, "unlike_training")
    review = bool(text(row, "review"))
    seen_whole = real(row, "whole_probability")
    reasons = reasons_for_review(probability, unlike, band, seen_whole=seen_whole)
    return Finding(
        number=number,
        path=path,
        frame=whole(row, "frame"),
        time=time,
        probability=probability,
        decision=text(row, "decision"),
        review=review,
        why_review=reasons if review else (),
        whole_probability=seen_whole,
        unlike_training=unlike,
        share=real(row, "rusted_share"),
        share_low=real(row, "rusted_share_low"),
        share_high=real(row, "rusted_share_high"),
        surface=text(row, "surface"),
        grades={name: value for column, name in GRADES.items() if (value := text(row, column))},
        overlay=text(row, "overlay"),
        mask=text(row, "mask"),
        thumbnail=text(row, "thumbnail"),
        boxes=boxes(row, "boxes"),
        tiles=whole(row, "tiles"),
        corroded_tiles=whole(row, "corroded_tiles"),
        worst_tile=next(iter(boxes(row, "worst_tile")), None),
        error=text(row, "error"),
        asset=text(row, "asset"),
        latitude=real(row, "latitude"),
        longitude=real(row, "longitude"),
        altitude=real(row, "altitude"),
        direction=real(row, "direction"),
        taken_at=text(row, "taken_at"),
        camera=text(row, "camera"),
        sha256=text(row, "sha256"),
        width=whole(row, "width"),
        height=whole(row, "height"),
        gimbal_pitch=real(row, "gimbal_pitch"),
        gimbal_yaw=real(row, "gimbal_yaw"),
        note=text(row, "note"),
        verdict=verdicts.get((path, time_cell(time))),
        kind=text(row, "kind"),
        kind_probability=real(row, "kind_probability"),
    )


def _with_pictures(folder: Path, found: Finding) -> Finding:
    """A finding with those of its pictures that are there and that the table does not name."""
    if found.thumbnail is None:
        return found
    files = (
        evidence_file(found.thumbnail),
        rust_file(found.thumbnail),
        outline_file(found.thumbnail),
    )
    evidence, rust, outline = (file if (folder / file).is_file() else None for file in files)
    return replace(found, evidence=evidence, rust=rust, outline=outline)
