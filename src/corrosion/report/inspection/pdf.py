"""inspection.pdf: a report on paper, to be read and signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm

from corrosion.errors import CorrosionError
from corrosion.report.inspection.assets import maintenance_of
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.pdf_block import BLOCK_HEIGHT, draw_finding
from corrosion.report.inspection.pdf_file import SpooledCanvas
from corrosion.report.inspection.pdf_fonts import BOLD, REGULAR, register_fonts, wrapped
from corrosion.report.inspection.pdf_sheet import BLACK, BOTTOM, GREY, INNER, LINE, MARGIN, Sheet
from corrosion.report.inspection.shown import chance_of, counted, said_of
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED, UNDECIDED
from corrosion.settings.inspection import PDF
from corrosion.system.files import replacing
from corrosion.system.progress import progress

_CAUTION = HexColor("#FFF3CD")
_FEWEST_FOR_A_BAR = 100  # findings that take a second or more


def write_pdf(inspection: Inspection) -> Path:
    """Write a report: cover, figures by asset, a block for each finding, and the rest as a list.

    A finding gets a block where corrosion was detected, an inspector shall look or has judged, or
    something went wrong after it was read; sound photographs, and those that can't be read, stand
    in lists. Blocks come by asset, the highest probability first.

    Args:
        inspection: what was found.

    Returns:
        The file.

    Raises:
        CorrosionError: it can't be written.
    """
    path = inspection.folder / PDF
    register_fonts()
    rl_config.useA85 = 0  # pages as bytes: as text they are a quarter larger
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            sheet = Sheet(SpooledCanvas(file), inspection.title)
            sheet.canvas.setTitle(inspection.title)
            sheet.canvas.setAuthor(inspection.inspector)
            _write(sheet, inspection)
            sheet.save()
    except OSError as error:
        raise CorrosionError(f"{path} can't be written: {error}") from error
    return path


def _write(sheet: Sheet, inspection: Inspection) -> None:
    _cover(sheet, inspection)
    shown = [one for one in inspection.findings if _has_block(one)]
    shown.sort(key=lambda one: (one.asset or "\uffff", -(one.probability or 0), one.number))
    sheet.new_page()
    _assets(sheet, inspection)
    _maintenance(sheet, inspection)
    if shown:
        sheet.need(BLOCK_HEIGHT + 30 * mm)
        sheet.y -= 8 * mm
        sheet.heading(f"Findings ({len(shown)})")
    for one in progress(shown, f"writing {PDF}", total=len(shown), fewest=_FEWEST_FOR_A_BAR):
        draw_finding(sheet, inspection, one)
    clean = [one for one in inspection.findings if not _has_block(one) and one.decision is not None]
    failed = [one for one in inspection.findings if one.decision is None]
    if failed:
        reasons = [(one.name, one.asset or "", one.error or "") for one in failed]
        sheet.table(f"Not read ({len(failed)})", ("Name", "Asset", "Why"), reasons, (55, 35, 88))
    if clean:
        rows = [
            (one.name, one.asset or "", chance_of(one.probability), one.taken_at or "")
            for one in clean
        ]
        sheet.table(
            f"No corrosion detected ({len(clean)})",
            ("Name", "Asset", "Probability", "Taken at"),
            rows,
            (70, 40, 23, 45),
        )


def _has_block(one: Finding) -> bool:
    judged = one.verdict is not None and bool(one.verdict.verdict)
    return one.decision is not None and (one.detected or one.review or judged)


def _cover(sheet: Sheet, inspection: Inspection) -> None:
    sheet.y -= 16 * mm
    sheet.text(inspection.title, size=24, font=BOLD, most=3)
    sheet.y -= 3 * mm
    totals = counted(inspection.findings)
    assets = inspection.assets
    sheet.text(
        f"{totals['photographs']} photographs and frames; corrosion detected in "
        f"{totals['detected']}, {totals['review']} for an inspector, {totals['failed']} not read",
        size=11,
        colour=GREY,
    )
    sheet.y -= 7 * mm
    dates = sorted(one.taken_at[:10] for one in inspection.findings if one.taken_at)
    taken = "" if not dates else dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    facts = (
        ("Taken", taken or "not known"),
        ("Predicted", inspection.when),
        ("Assets", ", ".join(assets) or "not known"),
        ("Photographs of", ", ".join(inspection.given)),
        ("Network", inspection.model),
        ("Trained on", inspection.trained_on or "not known"),
        ("Threshold", inspection.rule.in_words),
    )
    for name, value in facts:
        _fact(sheet, name, value)
    sheet.y -= 4 * mm
    for caution in inspection.cautions:
        _boxed(sheet, caution)
    for note in inspection.notes:
        sheet.text(note, size=8, colour=GREY)
        sheet.y -= 1.5 * mm
    _signature(sheet, inspection)


def _fact(sheet: Sheet, name: str, value: str) -> None:
    lines = wrapped(value, INNER - 38 * mm, 10, most=6) or [""]
    sheet.need(len(lines) * 10 * LINE)
    for number, line in enumerate(lines):
        sheet.y -= 10 * LINE
        if number == 0:
            sheet.canvas.setFillColor(GREY)
            sheet.canvas.setFont(REGULAR, 10)
            sheet.canvas.drawString(MARGIN, sheet.y, name)
        sheet.canvas.setFillColor(BLACK)
        sheet.canvas.setFont(REGULAR, 10)
        sheet.canvas.drawString(MARGIN + 38 * mm, sheet.y, line)
    sheet.y -= 1 * mm


def _boxed(sheet: Sheet, text: str) -> None:
    lines = wrapped(text, INNER - 8 * mm, 9, most=8)
    height = len(lines) * 9 * LINE + 4 * mm
    sheet.need(height + 2 * mm)
    sheet.canvas.setFillColor(_CAUTION)
    sheet.canvas.rect(MARGIN, sheet.y - height, INNER, height, stroke=0, fill=1)
    below = sheet.y - height
    sheet.y -= 1 * mm
    sheet.text(text, left=MARGIN + 4 * mm, width=INNER - 8 * mm, most=8)
    sheet.y = below - 2 * mm


def _signature(sheet: Sheet, inspection: Inspection) -> None:
    """Lines for place and date, name and signature, at the foot of the cover."""
    sheet.need(32 * mm)
    sheet.y = BOTTOM + 16 * mm
    canvas = sheet.canvas
    width = (INNER - 10 * mm) / 3
    canvas.setStrokeColor(BLACK)
    canvas.setLineWidth(0.5)
    filled = ("", inspection.inspector, "")
    names = ("Place and date", "Inspector", "Signature")
    for number, (name, value) in enumerate(zip(names, filled, strict=True)):
        left = MARGIN + number * (width + 5 * mm)
        canvas.line(left, sheet.y, left + width, sheet.y)
        canvas.setFillColor(BLACK)
        canvas.setFont(REGULAR, 10)
        [text, *_] = wrapped(value, width, 10, most=1) or [""]
        canvas.drawString(left, sheet.y + 1.5 * mm, text)
        canvas.setFillColor(GREY)
        canvas.setFont(REGULAR, 8)
        canvas.drawString(left, sheet.y - 4 * mm, name)


def _assets(sheet: Sheet, inspection: Inspection) -> None:
    groups: list[tuple[str, Sequence[Finding]]] = [("All", inspection.findings)]
    groups += [
        (name, [one for one in inspection.findings if one.asset == name])
        for name in inspection.assets
    ]
    unknown = [one for one in inspection.findings if one.asset is None]
    if inspection.assets and unknown:
        groups.append(("no asset", unknown))
    rows = []
    for name, findings in groups:
        shares = [one.share for one in findings if one.detected and one.share is not None]
        said = said_of(findings)
        judged = said[CORRODED] + said[NOT_CORRODED]
        rows.append(
            (
                name,
                *(str(value) for value in counted(findings).values()),
                f"{max(shares):.1%}" if shares else "",
                f"{said[CORRODED]} of {judged}" if judged else "",
                str(said[UNDECIDED] or ""),
            )
        )
    head = (
        "Asset", "Photo- graphs", "Corrosion detected", "For an inspector", "Not read",
        "Largest share", "Judged corroded", "To look at again",
    )  # fmt: skip
    sheet.table("Summary", head, rows, (46, 18, 22, 20, 16, 19, 19, 18))


def _maintenance(sheet: Sheet, inspection: Inspection) -> None:
    """The assets, the greatest risk first, and what risk is."""
    maintenance = maintenance_of(inspection)
    if not maintenance.rows:
        return
    rows = [
        (
            str(row.rank),
            row.name,
            str(row.photographs),
            str(row.detected),
            chance_of(row.probability),
            "" if row.worst_share is None else f"{row.worst_share:.1%}",
            "" if row.worst is None else f"{row.worst.number + 1} · {row.worst.name}",
            "" if row.consequence is None else f"{row.consequence:.6g}",
            "?" if row.risk is None else f"{row.risk:.3g}",
        )
        for row in maintenance.rows
    ]
    head = (
        "Rank", "Asset", "Photo- graphs", "Detected", "Probability", "Worst share",
        "Worst photograph", "Conse- quence", "Risk",
    )  # fmt: skip
    sheet.table("For maintenance", head, rows, (11, 38, 15, 17, 20, 15, 30, 16, 16))
    sheet.y -= 2 * mm
    of_assets = [f"{row.name}: {row.note}." for row in maintenance.rows if row.note]
    for note in (*of_assets, *maintenance.notes):
        sheet.text(note, size=8, colour=GREY)
