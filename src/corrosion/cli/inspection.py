"""`corrosion inspection-report` and `corrosion verdicts`: an inspection after its prediction."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import new_folder
from corrosion.settings.inspection import ReportSettings
from corrosion.system.extras import install_command

_NAMED = 5  # photographs that a message names
_FOLDER = "output folder of corrosion predict"


def _add_report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=_FOLDER)
    add_options(parser, ReportSettings)


def _report(options: argparse.Namespace) -> None:
    settings = read_options(ReportSettings, options)
    from corrosion.report.inspection.reports import outdated_reports, write_reports

    if settings.surface is not None:
        from corrosion.prediction.measure_again import measure_again

        again = measure_again(options.folder, settings.surface)
        sys.stdout.write(
            f"{again.photographs} masks measured again, {again.on_surface} of them on a surface "
            f"that was marked or drawn, {again.failed} failed\n"
        )
    files = write_reports(
        options.folder,
        settings.report,
        title=settings.title,
        inspector=settings.inspector,
        consequence=settings.consequence,
    )
    for file in files:
        sys.stdout.write(f"{file}\n")
    sys.stdout.write(_outdated(outdated_reports(options.folder), options.folder))


def _outdated(files: Mapping[str, str], folder: Path) -> str:
    """A line on reports that tell of before; empty where there are none."""
    if not files:
        return ""
    return (
        f"{', '.join(files.values())}: of before this; renew by corrosion inspection-report "
        f"{shlex.quote(str(folder))} --report {','.join(files)}\n"
    )


def _add_verdict_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=_FOLDER)
    parser.add_argument(
        "verdicts", type=Path, metavar="VERDICTS", help="file that the inspection page has saved"
    )
    parser.add_argument(
        "--inspector", default="", metavar="NAME", help="who gave the verdicts that name nobody"
    )
    parser.add_argument(
        "--labelled",
        type=Path,
        metavar="OUT",
        help="new or empty folder for copies of what was judged, a folder a class and kind, to "
        "train on",
    )


def _verdicts(options: argparse.Namespace) -> None:
    if options.labelled is not None:
        new_folder(options.labelled, option="--labelled")
    from corrosion.evaluation.metric_table import agreement, few_images
    from corrosion.prediction.verdict_folder import write_labelled_folder
    from corrosion.prediction.verdicts import agreement_of, merge_verdicts
    from corrosion.report.inspection.findings import read_inspection
    from corrosion.report.inspection.page import PAGE
    from corrosion.report.inspection.reports import outdated_reports, write_reports
    from corrosion.report.inspection.shown import said_of
    from corrosion.report.inspection.verdict_history import (
        CORRODED,
        NOT_CORRODED,
        UNDECIDED,
        read_verdicts,
    )
    from corrosion.report.tables import with_interval
    from corrosion.system.locks import sole_writer

    given = read_verdicts(options.verdicts)
    inspection = read_inspection(options.folder)
    with sole_writer(options.folder, name="FOLDER"):
        merged = merge_verdicts(
            inspection, given, source=options.verdicts, inspector=options.inspector
        )
        inspection = read_inspection(options.folder)
        # the list of assets goes with any of them, and with none
        write_reports(options.folder, "html" if (options.folder / PAGE).is_file() else "")
    said = said_of(inspection.findings)
    say = sys.stdout.write
    say(
        f"{len(given)} verdicts: {merged.new} new, {merged.changed} changed, {merged.known} known "
        f"already; {said[CORRODED] + said[NOT_CORRODED]} of {len(inspection.findings)} photographs "
        f"are judged now, {said[UNDECIDED]} to be looked at again\n"
    )
    if (both := agreement_of(inspection.findings)) is None:
        say("nobody has said corroded or not of a photograph that the network decides\n")
    else:
        level = agreement(both.kappa.value)
        alone = both.kappa.method == "undefined" and not math.isnan(both.kappa.value)
        without = f"; that of kappa needs SciPy: {install_command('scipy')}" if alone else ""
        say(
            f"inspector and network, on the {both.images} photographs that both decide:\n"
            f"  both say corroded {both.both}, both say not {both.neither}, the network missed "
            f"{both.missed}, false alarms {both.false_alarms}\n"
            f"  accuracy {with_interval(both.accuracy)}, Cohen's kappa "
            f"{with_interval(both.kappa)}: {level} agreement (intervals of 95 %"
            f"{without})\n"
            f"  this holds for photographs chosen as these were; judge a random part of all to "
            f"know it of all\n"
        )
        if both.kinds is not None:
            say(f"  kind as the inspector says, where both say one: {with_interval(both.kinds)}\n")
        if (few := few_images(both.images, kind="judged", more="judge")) is not None:
            say(f"  CAUTION: {few}\n")
    say(_outdated(outdated_reports(options.folder), options.folder))
    if options.labelled is not None:
        done = write_labelled_folder(inspection, options.labelled)
        say(
            f"{options.labelled}: {done.corroded} corroded, {done.sound} not; train on it by "
            f"python train.py data=folder data.root={options.labelled}"
            f"{' data.kinds=subfolders' if done.kinds else ''}\n"
        )
        if done.kinds:
            kinds = ", ".join(f"{name} {count}" for name, count in done.kinds.items())
            say(f"  kinds of corrosion: {kinds}\n")
        if done.gone:
            say(
                f"  left out, because they are not there any more or can't be read: "
                f"{', '.join(done.gone[:_NAMED])}{' ...' if len(done.gone) > _NAMED else ''}\n"
            )


COMMANDS = {
    "inspection-report": Command(
        _add_report_arguments,
        _report,
        "Write what is made of the results of an inspection again, over what was there.",
    ),
    "verdicts": Command(
        _add_verdict_arguments,
        _verdicts,
        "Merge what an inspector has said on the inspection page into its folder, where the "
        "history of all verdicts stays; print how far inspector and network agree.",
    ),
}
