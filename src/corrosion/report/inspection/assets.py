"""assets.csv: the assets of an inspection as a list for maintenance, the greatest risk first."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corrosion.evaluation.asset_probability import RULE_NOTE, asset_probability
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.shown import counted
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED
from corrosion.system.files import write_text
from corrosion.system.names import table_path, table_text

FILE = "assets.csv"
"""Name of the file in its folder."""

_COLUMNS = (
    "rank", "asset", "photographs", "detected", "to_review", "failed", "probability",
    "worst_share", "photograph", "frame", "time", "consequence", "risk", "risk_basis", "note",
)  # fmt: skip


@dataclass(frozen=True)
class AssetRow:
    """What is known of an asset.

    Attributes:
        rank: its place in the list, from 1.
        name: name of the asset.
        photographs: number of its photographs and frames, those that can't be read too.
        detected: number of those with corrosion.
        review: number of those for an inspector.
        failed: number of those that could not be read or drawn.
        probability: that it has corrosion, by `asset_probability`; None where nothing can be read.
        worst_share: largest rusted share, in [0, 1]; None without masks.
        worst: the photograph of that share, or, without rust, of the highest probability.
        consequence: what its failure would cost; None where that was not said.
        severity: worst share, or the probability without masks; None where it is not known.
        risk: by which it is ranked; None where it is not known.
        note: what must be said of it; empty for nothing.
    """

    rank: int
    name: str
    photographs: int
    detected: int
    review: int
    failed: int
    probability: float | None
    worst_share: float | None
    worst: Finding | None
    consequence: float | None
    severity: float | None
    risk: float | None
    note: str


@dataclass(frozen=True)
class Maintenance:
    """The assets of an inspection, the greatest risk first.

    An asset that nothing is known of, because none of its photographs could be read or the rust on
    them not be outlined, stands before all others: somebody has to look. One whose consequence is
    not given stands behind them. Equal risks come by probability x consequence, then by name.

    Attributes:
        rows: the assets; empty where none is known.
        basis: what the risk is, as "worst share x consequence".
        notes: sentences that belong beside the list.
    """

    rows: tuple[AssetRow, ...]
    basis: str
    notes: tuple[str, ...]


def maintenance_of(inspection: Inspection) -> Maintenance:
    """Rank the assets of an inspection by risk = worst share x consequence.

    Without masks the probability stands for the share, and without consequences the share or the
    probability alone is the risk; `basis` says so. What an inspector said comes before the network:
    a photograph that was judged corroded counts as certain, one judged not corroded as sound.

    Args:
        inspection: what was found.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)  # not the findings, which are large
    shares = False
    for place, one in enumerate(inspection.findings):
        shares |= one.share is not None
        if one.asset:
            places[one.asset].append(place)
    told = inspection.consequences
    basis = ("worst share" if shares else "probability") + (" x consequence" if told else "")
    rows = [
        _row(name, [inspection.findings[place] for place in own], inspection, shares=shares)
        for name, own in places.items()
    ]
    rows.sort(key=_order)
    ranked = tuple(_ranked(row, rank) for rank, row in enumerate(rows, start=1))
    return Maintenance(ranked, basis, tuple(_notes(inspection, ranked, basis, shares=shares)))


def write_assets(inspection: Inspection) -> Path | None:
    """Write the list beside the table of the photographs, over one of before that differs.

    Args:
        inspection: what was found.

    Returns:
        The file; None where no asset is known, and nothing is written.

    Raises:
        CorrosionError: it can't be written.
    """
    maintenance = maintenance_of(inspection)
    path = inspection.folder / FILE
    if not maintenance.rows:
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_cells(row, maintenance.basis) for row in maintenance.rows)
    # its time tells which reports are of before (`outdated_reports`)
    if not path.is_file() or path.read_bytes() != text.getvalue().encode():
        write_text(path, text.getvalue())
    return path


def _row(name: str, own: Sequence[Finding], inspection: Inspection, *, shares: bool) -> AssetRow:
    known = [chance for one in own if (chance := _chance(one, inspection.threshold)) is not None]
    probability = asset_probability(known) if known else None
    worst = max(own, key=_weight, default=None)
    measured = [_share(one) for one in own if one.share is not None]
    share = max(measured) if measured else None
    outlined = share != 0 or not any(_corroded(one) for one in own)
    told = inspection.consequences
    consequence = told.get(name) if told else None
    severity = (share if outlined else None) if shares else probability
    factor = consequence if told else 1.0
    count = counted(own)
    return AssetRow(
        rank=0,
        name=name,
        photographs=count["photographs"],
        detected=count["detected"],
        review=count["review"],
        failed=count["failed"],
        probability=probability,
        worst_share=share,
        worst=worst if worst is not None and worst.probability is not None else None,
        consequence=consequence,
        severity=severity,
        risk=None if severity is None or factor is None else severity * factor,
        note="; ".join(_said_of(own, consequence, told=bool(told), outlined=outlined)),
    )


def _said_of(
    own: Sequence[Finding], consequence: float | None, *, told: bool, outlined: bool
) -> list[str]:
    said = []
    if told and consequence is None:
        said.append("no consequence is given")
    unread = sum(one.probability is None for one in own)
    if unread:
        said.append(f"{unread} of {len(own)} not read")
    if not outlined:
        said.append("corrosion, but no rust could be outlined")
    return said


def _corroded(one: Finding) -> bool:
    """Whether corrosion was found, by an inspector where one has judged."""
    judged = None if one.verdict is None else one.verdict.verdict
    return judged == CORRODED or (one.detected and judged != NOT_CORRODED)


def _chance(one: Finding, threshold: float) -> float | None:
    """The probability that a photograph shows corrosion; None where it can't be read."""
    judged = None if one.verdict is None else one.verdict.verdict
    if judged == CORRODED:
        return 1.0
    if judged == NOT_CORRODED:
        return 0.0
    if one.whole_probability is None:
        return one.probability
    # that of a tile is the highest of many: only the whole one is calibrated
    return max(one.whole_probability, threshold) if one.detected else one.whole_probability


def _share(one: Finding) -> float:
    return (one.share or 0.0) if _corroded(one) else 0.0


def _weight(one: Finding) -> tuple[float, float, int]:
    chance = -1.0 if one.probability is None else one.probability
    return _share(one), chance, -one.number


def _order(row: AssetRow) -> tuple[int, float, float, str]:
    place = 1 if row.risk is not None else (0 if row.severity is None else 2)
    chance = 1.0 if row.probability is None else row.probability
    weight = 1.0 if row.consequence is None else row.consequence
    return place, -(row.risk or 0.0), -chance * weight, row.name


def _ranked(row: AssetRow, rank: int) -> AssetRow:
    return AssetRow(**{**vars(row), "rank": rank})


def _notes(
    inspection: Inspection, rows: Sequence[AssetRow], basis: str, *, shares: bool
) -> list[str]:
    if not rows:
        return []
    notes = [f"The risk of an asset is its {basis}."]
    if any(row.severity is None for row in rows):
        notes.append(
            "Assets at the top whose risk is not known: nothing could be read, or no rust be "
            "outlined. Look at them first."
        )
    if not shares:
        notes[0] += " Shares need masks: corrosion predict --masks."
    notes.append(RULE_NOTE)
    told = inspection.consequences
    if told:
        missing = [row.name for row in rows if row.consequence is None]
        unknown = sorted(set(told) - {row.name for row in rows})
        if missing:
            notes.append(
                f"No consequence is given for {', '.join(missing)}: their risk is not known."
            )
        if unknown:
            notes.append(f"Consequences of assets without photographs: {', '.join(unknown)}.")
    without = sum(one.asset is None for one in inspection.findings)
    if without:
        notes.append(f"{without} photographs have no asset, and are not in the list of assets.")
    return notes


def _cells(row: AssetRow, basis: str) -> list[object]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.6f}"

    worst = row.worst
    photograph = ("", "", "")
    if worst is not None:
        time = "" if worst.time is None else f"{worst.time:.3f}"  # as predictions.csv has it
        photograph = (table_path(worst.path), "" if worst.frame is None else str(worst.frame), time)
    return [
        row.rank, table_text(row.name), row.photographs, row.detected, row.review, row.failed,
        number(row.probability), number(row.worst_share), *photograph,
        "" if row.consequence is None else f"{row.consequence:.12g}",
        *(("", "") if row.risk is None else (f"{row.risk:.9g}", basis)), row.note,
    ]  # fmt: skip
