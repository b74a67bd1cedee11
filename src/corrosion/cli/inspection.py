"""`corrosion inspection-report` and `corrosion verdicts`: what an inspector makes of a prediction."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.settings.inspection import ReportSettings

_FOLDER = "output folder of corrosion predict"


def _add_report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=_FOLDER)
    add_options(parser, ReportSettings)


def _report(options: argparse.Namespace) -> None:
    settings = read_options(ReportSettings, options)
    from corrosion.report.inspection.reports import write_reports

    for file in write_reports(options.folder, settings.report):
        sys.stdout.write(f"{file}\n")


COMMANDS = {
    "inspection-report": Command(
        _add_report_arguments,
        _report,
        "Write the pages of an inspection again, as after corrosion verdicts, over those of before.",
    ),
}
