"""All that can be made of the results of an inspection, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from corrosion.report.inspection.assets import FILE as ASSETS
from corrosion.report.inspection.assets import write_assets
from corrosion.report.inspection.cells import keep_in_run, read_run
from corrosion.report.inspection.coco import FILE as COCO
from corrosion.report.inspection.coco import write_coco
from corrosion.report.inspection.consequences import check_consequences, read_consequences
from corrosion.report.inspection.findings import TABLES, Inspection, read_inspection
from corrosion.report.inspection.geojson import FILE as GEOJSON
from corrosion.report.inspection.geojson import write_geojson
from corrosion.report.inspection.label_studio import FILE as LABEL_STUDIO
from corrosion.report.inspection.label_studio import write_label_studio
from corrosion.report.inspection.page import PAGE, write_inspection_page
from corrosion.report.inspection.verdict_history import HISTORY
from corrosion.settings.inspection import PDF, WORKBOOK, report_names
from corrosion.system.extras import require_package


def _write_workbook(inspection: Inspection) -> Path:
    from corrosion.report.inspection.workbook import write_workbook  # imports xlsxwriter

    return write_workbook(inspection)


def _write_pdf(inspection: Inspection) -> Path:
    from corrosion.report.inspection.pdf import write_pdf  # imports reportlab

    return write_pdf(inspection)


WRITERS: Mapping[str, Callable[[Inspection], Path]] = MappingProxyType(
    {
        "html": write_inspection_page,
        "xlsx": _write_workbook,
        "pdf": _write_pdf,
        "geojson": write_geojson,
        "coco": write_coco,
        "labelstudio": write_label_studio,
    }
)
"""What writes each report into the inspection's folder, and returns its file; the names are those
of `corrosion.settings.inspection.REPORTS`."""


_FILES = {
    "html": PAGE,
    "xlsx": WORKBOOK,
    "pdf": PDF,
    "geojson": GEOJSON,
    "coco": COCO,
    "labelstudio": LABEL_STUDIO,
}
_PACKAGES = {"xlsx": "xlsxwriter", "pdf": "reportlab"}
_WITH_VERDICTS = ("html", "xlsx", "pdf", "geojson")  # those that say what inspectors have said


def check_reports(reports: str) -> None:
    """Make sure that the packages are installed that reports need.

    Args:
        reports: names, with commas between several.

    Raises:
        CorrosionError: one is missing; the message has the command that installs it.
    """
    for name in report_names(reports):
        if name in _PACKAGES:
            require_package(_PACKAGES[name], f"report={name}", instead="html")


def outdated_reports(folder: Path) -> Mapping[str, str]:
    """The reports of a folder that were written before its last verdicts, or before its list of
    assets has changed: file by name.
    """
    return {
        name: _FILES[name]
        for name in _WITH_VERDICTS
        if 0 < _time(folder / _FILES[name]) < _newest_verdict(folder, name)
    }


def _newest_verdict(folder: Path, name: str) -> int:
    """When what inspectors have said in a report was changed; 0 where it says nothing of it."""
    if name not in _WITH_VERDICTS:
        return 0
    judged, ranked = (_time(folder / file) for file in (HISTORY, ASSETS))
    return judged if name == "geojson" else max(judged, ranked)  # it has no list of assets


def _time(file: Path) -> int:
    """When a file was changed; 0 where there is none."""
    return file.stat().st_mtime_ns if file.is_file() else 0


def write_reports(
    folder: Path,
    reports: str,
    *,
    title: str | None = None,
    inspector: str | None = None,
    consequence: Path | None = None,
    outdated_only: bool = False,
) -> tuple[Path, ...]:
    """Write reports into an output folder of `corrosion predict`, over those of before.

    Where assets are known, their list for maintenance (assets.csv) is written with any of them.

    Args:
        folder: folder of a finished run.
        reports: names, with commas between several.
        title: what they are called, kept for reports that are written later; None for what was said
            before, and empty for "Corrosion inspection".
        inspector: who signs them, kept likewise.
        consequence: file for `read_consequences`, whose numbers are kept likewise.
        outdated_only: write those alone that are missing, or older than what they tell of.

    Returns:
        Their files.

    Raises:
        CorrosionError: a package is missing; the folder can't be read, or not be written; as
            `read_consequences` and `check_consequences`.
    """
    check_reports(reports)
    _keep(folder, title, inspector, consequence)
    names = report_names(reports)
    if outdated_only:
        names = tuple(name for name in names if _is_outdated(folder, name))
        if not names:
            return ()
    inspection = read_inspection(folder)
    files = [write_assets(inspection), *(WRITERS[name](inspection) for name in names)]
    return tuple(file for file in files if file is not None)


def _is_outdated(folder: Path, name: str) -> bool:
    """Whether a report is missing, or older than the results and what inspectors have said."""
    results = max(_time(folder / file) for file in ("run.json", *TABLES))
    return _time(folder / _FILES[name]) < max(results, _newest_verdict(folder, name))


def _keep(folder: Path, title: str | None, inspector: str | None, consequence: Path | None) -> None:
    """Keep in a folder what its reports are told."""
    told = None if consequence is None else read_consequences(consequence)
    if told is not None and told != read_run(folder).get("consequences"):
        assets = read_inspection(folder).assets
        check_consequences(told, assets, name=f"consequence={consequence}")
    keep_in_run(folder, {"title": title, "inspector": inspector, "consequences": told})
