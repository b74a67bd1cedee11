"""All that can be made of the results of an inspection, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from corrosion.report.inspection.findings import Inspection, read_inspection
from corrosion.report.inspection.page import write_inspection_page
from corrosion.settings.inspection import report_names

WRITERS: Mapping[str, Callable[[Inspection], Path]] = MappingProxyType(
    {"html": write_inspection_page}
)
"""What writes each report into the inspection's folder, and returns its file; the names are those
of `corrosion.settings.inspection.REPORTS`."""


def write_reports(folder: Path, reports: str) -> tuple[Path, ...]:
    """Write reports into an output folder of `corrosion predict`, over those of before.

    Args:
        folder: folder of a finished run.
        reports: names, with commas between several.

    Returns:
        Their files.

    Raises:
        CorrosionError: the folder can't be read, or not be written.
    """
    inspection = read_inspection(folder)
    return tuple(WRITERS[name](inspection) for name in report_names(reports))
