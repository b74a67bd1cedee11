"""The sheet of assets in the workbook of an inspection: a list for maintenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from corrosion.report.inspection.assets import AssetRow, maintenance_of
from corrosion.report.inspection.findings import Inspection

LONGEST_TEXT = 32_000
"""Characters of a cell."""

_COLUMNS: Sequence[tuple[str, float, str, Callable[[AssetRow], Any]]] = (
    ("Rank", 7, "text", lambda row: row.rank),
    ("Asset", 24, "text", lambda row: row.name),
    ("Photographs", 12, "text", lambda row: row.photographs),
    ("Detected", 10, "text", lambda row: row.detected),
    ("For an inspector", 12, "text", lambda row: row.review),
    ("Failed", 8, "text", lambda row: row.failed),
    ("Probability", 11, "probability", lambda row: row.probability),
    ("Worst share", 10, "percent", lambda row: row.worst_share),
    ("Worst photograph", 30, "text", lambda row: None if row.worst is None else row.worst.name),
    ("Consequence", 13, "text", lambda row: row.consequence),
    ("Risk", 10, "text", lambda row: row.risk),
    ("Note", 40, "text", lambda row: row.note or None),
)


def write_maintenance(sheet: Any, formats: Mapping[str, Any], inspection: Inspection) -> None:
    """Write the assets, the greatest risk first, below the sentences that say what risk is.

    Args:
        sheet: an empty sheet of XlsxWriter's.
        formats: those of the workbook, by name.
        inspection: what was found.
    """
    maintenance = maintenance_of(inspection)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    last = len(_COLUMNS) - 1
    for line, note in enumerate(maintenance.notes):
        sheet.merge_range(line, 0, line, last, "", formats["wrapped"])
        sheet.write_string(line, 0, note[:LONGEST_TEXT], formats["wrapped"])
        sheet.set_row(line, 15 * (1 + len(note) // 160))
    head = len(maintenance.notes)
    sheet.freeze_panes(head + 1, 2)
    sheet.set_row(head, 32)
    for number, (title, width, _, _) in enumerate(_COLUMNS):
        sheet.set_column(number, number, width)
        sheet.write_string(head, number, title, formats["header"])
    for line, row in enumerate(maintenance.rows, start=head + 1):
        for number, (_, _, name, value_of) in enumerate(_COLUMNS):
            value = value_of(row)
            if isinstance(value, str):
                sheet.write_string(line, number, value[:LONGEST_TEXT], formats["wrapped"])
            elif value is not None:
                sheet.write_number(line, number, value, formats[name])
    sheet.autofilter(head, 0, head + len(maintenance.rows), last)
