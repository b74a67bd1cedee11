"""What an inspection found, read from an output folder of `corrosion predict`, and its page."""

from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection, Verdict, read_inspection

__all__ = ["Finding", "Inspection", "Verdict", "read_inspection"]
