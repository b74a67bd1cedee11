"""All that can be made of the results of an inspection, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from corrosion.report.inspection.coco import write_coco
from corrosion.report.inspection.findings import Inspection, read_inspection
from corrosion.report.inspection.geojson import write_geojson
from corrosion.report.inspection.label_studio import write_label_studio
from corrosion.report.inspection.page import write_inspection_page
from corrosion.report.inspection.pdf import write_pdf
from corrosion.report.inspection.workbook import write_workbook
from corrosion.settings.inspection import report_names

WRITERS: Mapping[str, Callable[[Inspection], Path]] = MappingProxyType(
    {
        "html": write_inspection_page,
        "xlsx": write_workbook,
        "pdf": write_pdf,
        "geojson": write_geojson,
        "coco": write_coco,
        "labelstudio": write_label_studio,
    }
)
"""What writes each report into the inspection's folder, and returns its file; the names are those
of `corrosion.settings.inspection.REPORTS`."""


def write_reports(
    folder: Path, reports: str, *, title: str | None = None, inspector: str | None = None
) -> tuple[Path, ...]:
    """Write reports into an output folder of `corrosion predict`, over those of before.

    Args:
        folder: folder of a finished run.
        reports: names, with commas between several.
        title: what they are called; by default "Corrosion inspection".
        inspector: who signs them.

    Returns:
        Their files.

    Raises:
        CorrosionError: the folder can't be read, or not be written.
    """
    inspection = read_inspection(folder)
    inspection = replace(inspection, title=title or inspection.title, inspector=inspector or "")
    return tuple(WRITERS[name](inspection) for name in report_names(reports))
