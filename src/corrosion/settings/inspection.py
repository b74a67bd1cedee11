"""What `corrosion inspection-report` can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from corrosion.settings.base import Settings
from corrosion.settings.types import AnyPath

REPORTS = ("html", "xlsx", "pdf", "geojson", "coco", "labelstudio")
"""What can be made of the results of an inspection."""

PDF = "inspection.pdf"
"""The file of the report pdf."""

WORKBOOK = "inspection.xlsx"
"""The file of the report xlsx."""


def _reports(text: str) -> str:
    names = report_names(text)
    unknown = [name for name in names if name not in REPORTS]
    if unknown or not names:
        raise ValueError(f"choose among {', '.join(REPORTS)}, with commas between several.")
    return ",".join(names)


def report_names(text: str) -> tuple[str, ...]:
    """The reports that a text names, each once.

    Example:
        >>> report_names("html, html")
        ('html',)
    """
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


Reports = Annotated[str, AfterValidator(_reports)]
"""Names of reports, with commas between several."""


class ReportSettings(Settings):
    """What is made of the results of an inspection."""

    report: Reports = "html"
    """What is made of the table, with commas between several: html (the page on which an inspector
    looks, sorts and judges), xlsx, pdf, geojson, coco, labelstudio."""
    title: str | None = None
    """What the reports are called, by default Corrosion inspection; kept with the results."""
    inspector: str | None = None
    """Who signs them; kept with the results."""
    consequence: AnyPath | None = None
    """A CSV file with the columns asset and consequence (a number from 0 on), by which the list for
    maintenance ranks assets: risk = worst share x consequence. Kept with the results."""
    surface: AnyPath | None = None
    """Measure the masks of the results again, on other surfaces: a file that the inspection page
    has saved (Save surfaces), a folder of masks of the surface, or whole for whole photographs.
    Nothing is predicted."""
