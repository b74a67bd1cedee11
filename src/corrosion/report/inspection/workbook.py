"""inspection.xlsx: what was found as a workbook: small pictures, filters, a sheet an asset."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from corrosion.errors import CorrosionError
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.shown import (
    counted,
    marked_jpeg,
    photograph_jpeg,
    said_of,
    verdict_word,
)
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED, UNDECIDED
from corrosion.report.inspection.workbook_assets import LONGEST_TEXT, write_maintenance
from corrosion.settings.inspection import WORKBOOK
from corrosion.system.files import replacing
from corrosion.system.progress import progress

_SIDE = 160  # pixels of the small pictures
_SHOWN = 80  # pixels at which they stand in their cells: sharp on screens of high resolution
_ALL, _SUMMARY, _MAINTENANCE = "Photographs", "Summary", "Maintenance"
_LONGEST_NAME = 31  # characters of a sheet's name
_MOST_SHEETS = 200
_FEWEST_FOR_A_BAR = 100  # photographs whose pictures take a second or more
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


@dataclass(frozen=True)
class _Column:
    title: str
    width: float
    value: Callable[[Finding], Any]
    format: str = "text"


def _said(what: str) -> Callable[[Finding], str | None]:
    return lambda one: None if one.verdict is None else getattr(one.verdict, what) or None


_COLUMNS = (
    _Column("Number", 8, lambda one: one.number + 1, "text"),
    _Column("Name", 26, lambda one: one.name),
    _Column("Asset", 18, lambda one: one.asset),
    _Column("Decision", 20, lambda one: one.decision),
    _Column("Probability", 11, lambda one: one.probability, "probability"),
    _Column("Kind", 14, lambda one: one.kind),
    _Column("Kind, probability", 11, lambda one: one.kind_probability, "probability"),
    _Column("For an inspector", 15, lambda one: "yes" if one.review else None),
    _Column("Why", 40, lambda one: " ".join(one.why_review) or None),
    _Column("Rusted share", 12, lambda one: one.share, "percent"),
    _Column("Share, low", 10, lambda one: one.share_low, "percent"),
    _Column("Share, high", 10, lambda one: one.share_high, "percent"),
    _Column("ISO 4628-3", 14, lambda one: one.grades.get("ISO 4628-3")),
    _Column("ASTM D610", 14, lambda one: one.grades.get("ASTM D610")),
    _Column("IMO", 16, lambda one: one.grades.get("IMO")),
    _Column("Verdict", 14, verdict_word),
    _Column("Note", 30, _said("note")),
    _Column("Inspector", 16, _said("inspector")),
    _Column("Taken at", 24, lambda one: one.taken_at),
    _Column("Latitude", 12, lambda one: one.latitude, "degrees"),
    _Column("Longitude", 12, lambda one: one.longitude, "degrees"),
    _Column("Altitude (m)", 11, lambda one: one.altitude, "metres"),
    _Column("Direction (°)", 11, lambda one: one.direction, "metres"),
    _Column("Gimbal pitch (°)", 13, lambda one: one.gimbal_pitch, "metres"),
    _Column("Gimbal yaw (°)", 13, lambda one: one.gimbal_yaw, "metres"),
    _Column("Camera", 20, lambda one: one.camera),
    _Column("About the file", 30, lambda one: one.note),
    _Column("Unlike training", 12, lambda one: one.unlike_training, "probability"),
    _Column("Error", 30, lambda one: one.error),
    _Column("Path", 60, lambda one: one.path),
    _Column("SHA-256", 30, lambda one: one.sha256),
)
# columns that fit on paper: the first ones, as far as the inspector's name
_PRINTED = {one.title for one in _COLUMNS[: [one.title for one in _COLUMNS].index("Taken at")]}
_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "text": {},
    "probability": {"num_format": "0.000"},
    "percent": {"num_format": "0.0%"},
    "degrees": {"num_format": "0.000000"},
    "metres": {"num_format": "0.0"},
    "wrapped": {"text_wrap": True},
    "title": {"bold": True, "font_size": 16},
    "header": {"bold": True, "bottom": 1, "bg_color": "#E8EEF0", "text_wrap": True},
    "label": {"bold": True},
    "caution": {"text_wrap": True, "bg_color": "#FFF3CD"},
    "link": {"font_color": "#00667A", "underline": 1},
}


def write_workbook(inspection: Inspection) -> Path:
    """Write a workbook: a summary, all photographs, and a sheet for each asset.

    Every table has small pictures, a filter, and a header that stays in view. Texts are written as
    texts, whatever they look like: a file called =1+1.jpg is no formula. Columns that nothing is
    known of are left out.

    Args:
        inspection: what was found.

    Returns:
        The file.

    Raises:
        CorrosionError: it can't be written.
    """
    path = inspection.folder / WORKBOOK
    columns = [
        one
        for one in _COLUMNS
        if any(one.value(found) is not None for found in inspection.findings)
    ]
    sheets = {_ALL: inspection.findings} | _by_asset(inspection)
    try:
        with replacing(path) as temporary:
            texts = {"strings_to_formulas": False, "strings_to_urls": False}
            book = xlsxwriter.Workbook(temporary, texts | {"strings_to_numbers": False})
            book.set_properties({"title": inspection.title, "author": inspection.inspector})
            formats = {
                name: book.add_format({"valign": "top", **values})
                for name, values in _FORMATS.items()
            }
            _write_summary(book.add_worksheet(_SUMMARY), formats, inspection, sheets)
            if inspection.assets:
                write_maintenance(book.add_worksheet(_MAINTENANCE), formats, inspection)
            pictures = _Pictures(inspection)
            for name, findings in sheets.items():
                _write_table(book.add_worksheet(name), formats, columns, findings, pictures)
            book.close()
    except (XlsxWriterException, OSError) as error:
        raise CorrosionError(f"{path} can't be written: {error}") from error
    return path


class _Pictures:
    """Small pictures, each made once for all sheets that show it."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection
        self._made: dict[int, tuple[bytes | None, bytes | None]] = {}

    def of(self, one: Finding) -> tuple[bytes | None, bytes | None]:
        if one.number not in self._made:
            self._made[one.number] = (
                photograph_jpeg(self._inspection, one, _SIDE),
                marked_jpeg(self._inspection, one, _SIDE),
            )
        return self._made[one.number]


def _by_asset(inspection: Inspection) -> dict[str, Sequence[Finding]]:
    """The findings of each asset, by the name of its sheet."""
    sheets: dict[str, Sequence[Finding]] = {}
    # Excel keeps "history" for itself
    taken = {_ALL.casefold(), _SUMMARY.casefold(), _MAINTENANCE.casefold(), "history"}
    for asset in inspection.assets[:_MOST_SHEETS]:
        name = sheet_name(asset, taken)
        taken.add(name.casefold())
        sheets[name] = [one for one in inspection.findings if one.asset == asset]
    return sheets


def sheet_name(text: str, taken: Iterable[str]) -> str:
    """A name that a sheet may have, like a text and unlike those that are taken.

    Args:
        text: any text.
        taken: names of other sheets, case folded.

    Example:
        >>> sheet_name("Tank 3/4: [west]", {"tank 3_4_ _west_"})
        'Tank 3_4_ _west_ (2)'
    """
    plain = _FORBIDDEN.sub("_", text).strip("' ") or "asset"
    name, number, others = plain[:_LONGEST_NAME].strip("' "), 1, set(taken)
    while name.casefold() in others:
        number += 1
        ending = f" ({number})"
        name = plain[: _LONGEST_NAME - len(ending)] + ending
    return name


def _write_table(
    sheet: Any,
    formats: Mapping[str, Any],
    columns: Sequence[_Column],
    findings: Sequence[Finding],
    pictures: _Pictures,
) -> None:
    sheet.freeze_panes(1, 4)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_row(0, 32)
    first = 2  # columns of pictures
    for number, title in enumerate(("Photograph", "Evidence, rust")):
        sheet.set_column(number, number, 12)
        sheet.write_string(0, number, title, formats["header"])
    for number, column in enumerate(columns, start=first):
        sheet.set_column(number, number, column.width)
        sheet.write_string(0, number, column.title, formats["header"])
    bar = progress(findings, f"writing {WORKBOOK}", total=len(findings), fewest=_FEWEST_FOR_A_BAR)
    for row, one in enumerate(bar, start=1):
        sheet.set_row_pixels(row, _SHOWN + 4)
        for number, picture in enumerate(pictures.of(one)):
            _insert(sheet, row, number, picture)
        for number, column in enumerate(columns, start=first):
            value = column.value(one)
            if isinstance(value, str):
                sheet.write_string(row, number, value[:LONGEST_TEXT], formats["wrapped"])
            elif value is not None:
                sheet.write_number(row, number, value, formats[column.format])
    last = max(1, len(findings))
    sheet.autofilter(0, 0, last, first + len(columns) - 1)
    printed = sum(one.title in _PRINTED for one in columns)
    sheet.print_area(0, 0, last, first + printed - 1)


def _insert(sheet: Any, row: int, column: int, picture: bytes | None) -> None:
    if picture is None:
        return
    options = {
        "image_data": io.BytesIO(picture),
        "x_scale": _SHOWN / _SIDE,
        "y_scale": _SHOWN / _SIDE,
        "x_offset": 2,
        "y_offset": 2,
        "object_position": 1,  # hidden with its row by a filter
    }
    sheet.insert_image(row, column, "picture.jpg", options)


def _write_summary(
    sheet: Any,
    formats: Mapping[str, Any],
    inspection: Inspection,
    sheets: Mapping[str, Sequence[Finding]],
) -> None:
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 6, 14)
    sheet.write_string(0, 0, inspection.title, formats["title"])
    totals = counted(inspection.findings)
    said = said_of(inspection.findings)
    facts: list[tuple[str, str | int]] = [
        ("Photographs and frames", totals["photographs"]),
        ("Corrosion detected", totals["detected"]),
        ("For an inspector", totals["review"]),
        ("Not read, or not drawn", totals["failed"]),
        ("Judged by an inspector", said[CORRODED] + said[NOT_CORRODED]),
        ("To be looked at again", said[UNDECIDED]),
        ("Network", inspection.model),
        ("Trained on", inspection.trained_on or "not known"),
        ("Threshold", inspection.rule.in_words),
        ("Finished", inspection.when),
        ("Inspector", inspection.inspector),
        ("Photographs of", ", ".join(inspection.given)),
    ]
    row = 2
    for name, value in facts:
        sheet.write_string(row, 0, name, formats["label"])
        if isinstance(value, str):
            sheet.write_string(row, 1, value[:LONGEST_TEXT], formats["text"])
        else:
            sheet.write_number(row, 1, value, formats["text"])
        row += 1
    for sentences, name in ((inspection.cautions, "caution"), (inspection.notes, "wrapped")):
        for sentence in sentences:
            sheet.merge_range(row, 0, row, 6, "", formats[name])
            sheet.write_string(row, 0, sentence, formats[name])
            sheet.set_row(row, 15 * (1 + len(sentence) // 110))
            row += 1
    _write_assets(sheet, formats, row + 1, sheets)


def _write_assets(
    sheet: Any, formats: Mapping[str, Any], row: int, sheets: Mapping[str, Sequence[Finding]]
) -> None:
    titles = ("Sheet", "Photographs", "Detected", "For an inspector", "Failed", "Largest share")
    sheet.set_row(row, 32)
    for number, title in enumerate(titles):
        sheet.write_string(row, number, title, formats["header"])
    for line, (name, findings) in enumerate(sheets.items(), start=row + 1):
        quoted = name.replace("'", "''")
        sheet.write_url(line, 0, f"internal:'{quoted}'!A1", formats["link"], string=name)
        for number, value in enumerate(counted(findings).values(), start=1):
            sheet.write_number(line, number, value, formats["text"])
        shares = [one.share for one in findings if one.detected and one.share is not None]
        if shares:
            sheet.write_number(line, 5, max(shares), formats["percent"])
