"""`corrosion audit` and `corrosion sample`: folders of photographs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import FOLDER_NAMES, add_out, folder, own_folder
from corrosion.settings.data import CurationSettings
from corrosion.settings.folders import AuditSettings, SampleSettings
from corrosion.system.place_names import refuse_address


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "roots",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="folder with a folder of photographs per class; subfolders are searched",
    )
    add_out(parser, "audit")
    add_options(
        parser,
        AuditSettings,
        metavar={"near_duplicates": "BITS", **FOLDER_NAMES},
    )


def _audit(options: argparse.Namespace) -> int:
    settings = read_options(AuditSettings, options)
    wanted = "one with a folder of photographs per class"
    roots = [folder(root, wanted, elsewhere=True) for root in options.roots]
    out = own_folder(options, "audit", elsewhere=True)
    from corrosion.data.curation.audit import audit_folders
    from corrosion.report.audit_report import print_audit, write_audit

    policy = CurationSettings(
        near_duplicates=settings.near_duplicates, cropped_duplicates=settings.cropped_duplicates
    )
    audit = audit_folders(roots, classes=settings.classes, policy=policy)
    write_audit(out, audit)
    print_audit(audit, out=str(options.out))
    return int(settings.strict and audit.failed)


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="new or empty folder to write to")
    add_options(parser, SampleSettings, metavar={"shortcut": "SHARE"})


def _sample(options: argparse.Namespace) -> None:
    refuse_address(options.out, option="OUT")
    settings = read_options(SampleSettings, options)
    given = {name: getattr(settings, name) for name in settings.model_fields_set - {"inspection"}}
    if settings.inspection:
        from corrosion.data.sample.inspection import make_inspection

        made = make_inspection(options.out, **given)
    else:
        from corrosion.data.sample import make_sample

        made = make_sample(options.out, **given)
    sys.stdout.write(f"{made}\n")


COMMANDS = {"audit": Command(_add_audit, _audit), "sample": Command(_add_sample, _sample)}
