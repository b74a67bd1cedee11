"""`corrosion export`: a checkpoint in, one portable file and its comparison out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, option_name, read_options
from corrosion.cli.paths import CHECKPOINT, folder
from corrosion.export.target import (
    SUFFIXES,
    check_format,
    check_quantiser,
    check_target,
    format_of,
)
from corrosion.runs import RunDirectory, checkpoint_of
from corrosion.settings.export import ExportSettings
from corrosion.system.files import check_place
from corrosion.system.processors import share_processors

if TYPE_CHECKING:
    from corrosion.evaluation.intervals import Estimate
    from corrosion.export.parity import Parity
    from corrosion.export.quantising import Cost


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=CHECKPOINT)
    parser.add_argument(
        "--out",
        type=Path,
        help="new file, by default the name of the run or the checkpoint with .onnx, .xml, .pt2 or "
        ".html; what is there already is never overwritten",
    )
    add_options(parser, ExportSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(ExportSettings, options)
    checkpoint = checkpoint_of(options.checkpoint)
    for name in ("photographs", "calibration"):
        if (given := getattr(settings, name)) is not None:
            folder(given, f"one with photographs (--{name})")
    if options.out is not None:
        check_place(options.out.parent, option="--out")
    name = format_of(settings.format, options.out)
    # what does not go with it, in the words of the command
    settings = ExportSettings.read({**dict(settings), "format": name}, name=option_name)
    check_format(name)
    run = RunDirectory.holding(checkpoint)
    stem = checkpoint.stem if run is None else run.path.resolve().name
    out = options.out or Path(f"{stem}{SUFFIXES[name]}")
    check_target(out, name)
    if settings.int8:
        check_quantiser()
    share_processors()  # before numpy and torch are imported
    from corrosion.export.export_checkpoint import ParityError, export_checkpoint

    try:
        export = export_checkpoint(checkpoint, out, settings)
    except ParityError as error:
        sys.stdout.write(_table(error.parity, error.photographs))
        raise
    sys.stdout.write(_table(export.parity, export.photographs))
    if export.cost is not None:
        sys.stdout.write(_costs(export.cost, export.metadata.precision))
    sys.stdout.write(_use(out, name))


def _use(out: Path, name: str) -> str:
    if name == "html":
        size = out.stat().st_size / 1e6
        return (
            f"Copy this file ({size:.1f} MB) to a telephone, and open it in its browser:\n{out}\n"
        )
    return (
        f"Photographs: corrosion predict {out} PHOTOS\n"
        f"In Python: corrosion.runtime.load({str(out)!r})\n{out}\n"
    )


def _table(parity: Parity, photographs: str) -> str:
    lines = [
        f"Compared with the checkpoint on {photographs}:",
        f"{'output':<16} {'largest difference':>19} {'mean difference':>16}",
        *(
            f"{name:<16} {difference.largest:>19.2e} {difference.mean:>16.2e}"
            for name, difference in parity.outputs.items()
        ),
        f"Decisions changed: {parity.decisions} of {parity.images}; asked of an inspector by one "
        f"alone: {parity.reviews}.",
    ]
    return "\n".join(lines) + "\n"


def _costs(cost: Cost, precision: str) -> str:
    lines = [
        f"Precision: {precision}. On {cost.images} validation photographs (95 % intervals):",
        f"{'':<16} {'checkpoint':>24} {'8 bits':>24}",
        *(
            f"{name:<16} {_interval(cost.before[key]):>24} {_interval(cost.after[key]):>24}"
            for name, key in (("accuracy", "accuracy"), ("ROC-AUC", "auroc"))
        ),
    ]
    return "\n".join(lines) + "\n"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} ({estimate.low:.3f} to {estimate.high:.3f})"


COMMANDS = {
    "export": Command(
        _add_arguments,
        _run,
        "Write a checkpoint as one file that needs no PyTorch: preprocessing, probability and "
        "explanation in one graph. The file is compared with the checkpoint; exit code 1 says that "
        "it answers otherwise, and leaves no file.",
    )
}
