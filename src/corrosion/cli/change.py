"""`corrosion change`: two inspections in; a table, a page and outlined pictures out."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import CHECKPOINT, add_out, existing, folder, name_of, own_folder
from corrosion.errors import CorrosionError
from corrosion.runs import checkpoint_of
from corrosion.settings.change import ChangeSettings
from corrosion.system.processors import share_processors
from corrosion.system.shown_paths import beside_each_other

if TYPE_CHECKING:  # it imports pandas
    from corrosion.change.output_folder import ComparedInspections

_SOME_FAILED = 3
_LIST = "a CSV file with the columns old and new"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=CHECKPOINT)
    parser.add_argument("old", type=Path, metavar="OLD", help="folder of the earlier inspection")
    parser.add_argument("new", type=Path, metavar="NEW", help="folder of the later inspection")
    add_out(parser, "change-NEW")
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE", help=f"{_LIST}: which photographs belong together"
    )
    add_options(parser, ChangeSettings)


def _run(options: argparse.Namespace) -> int:
    settings = read_options(ChangeSettings, options)
    if options.pairs is not None and options.pair_by is not None:
        raise CorrosionError(
            f"--pairs={options.pairs} says which photographs belong together: leave "
            f"--pair-by={options.pair_by} out, or the list."
        )
    checkpoint = checkpoint_of(options.checkpoint)
    old = folder(options.old, "one with the photographs of the earlier inspection")
    new = folder(options.new, "one with the photographs of the later inspection")
    if options.pairs is not None:
        existing([options.pairs], _LIST)
    out = own_folder(options, f"change-{name_of(new)}")
    share_processors()  # before numpy and torch are imported
    from corrosion.change.pairing import pair_inspections

    pairing = pair_inspections(old, new, settings, pairs=options.pairs)
    from corrosion.change.compare_inspections import compare_pairs, complete_pairing
    from corrosion.change.output_folder import write_comparison
    from corrosion.models.checkpoint import load_model
    from corrosion.system.progress import progress

    network = load_model(checkpoint, device=settings.device)
    pairing = complete_pairing(network, pairing, settings)
    changes = progress(
        compare_pairs(network, pairing, settings), "comparing", total=len(pairing.pairs)
    )
    title = " and ".join(beside_each_other([Path(old), Path(new)]))
    found = write_comparison(out, changes, pairing, title=title)
    sys.stdout.write(f"{_told(found)}\n{out}\n")
    return _SOME_FAILED if found.failed else 0


def _told(found: ComparedInspections) -> str:
    mean = found.mean
    said = (
        f"{found.pairs} pairs, {found.aligned} of them aligned; {found.significant} changed by "
        f"more than the method's noise; {found.alone} photographs without a partner, "
        f"{found.failed} failed."
    )
    if math.isnan(mean.change):
        return said
    interval = (
        ""
        if math.isnan(mean.low)
        else f" (95 % interval {100 * mean.low:+.2f} to {100 * mean.high:+.2f})"
    )
    return (
        f"{said}\nMean change in the rusted share: {100 * mean.change:+.2f} percentage "
        f"points{interval}. Intervals say how well the method repeats, not how near it is to the "
        f"truth."
    )


COMMANDS = {
    "change": Command(
        _add_arguments,
        _run,
        "Compare the rusted share in the photographs of two inspections. Exit code 3 says that "
        "some files could not be read; their rows say why.",
    )
}
