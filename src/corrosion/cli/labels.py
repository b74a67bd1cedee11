"""`corrosion labels`: which labels a cross-validation contradicts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import add_out, existing, name_of, own_folder
from corrosion.errors import CorrosionError
from corrosion.runs import find_runs
from corrosion.settings.labels import LabelSettings

_RUNS = "directories of the runs of a cross-validation, or of their multirun"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help=_RUNS)
    add_out(parser, "labels-RUN")
    add_options(parser, LabelSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(LabelSettings, options)
    runs = existing(options.runs, _RUNS)
    out = own_folder(options, f"labels-{name_of(runs[0])}")
    from corrosion.evaluation.label_errors import rank_label_errors
    from corrosion.evaluation.pooling import pool
    from corrosion.report.label_errors_page import write_label_errors

    pooled = pool(find_runs(runs))
    if len(pooled) > 1:
        names = ", ".join(one.name for one in pooled)
        raise CorrosionError(f"These are runs of several models ({names}): give those of one.")
    [model] = pooled
    table = rank_label_errors(model.tables)
    write_label_errors(out, table, count=settings.count, title=model.name)
    if len(model.runs) == 1:
        sys.stdout.write(
            f"One run: only its {len(table)} test images are looked at. A cross-validation looks "
            f"at all: python train.py -m ... data.folds=5 data.fold=0,1,2,3,4\n"
        )
    sys.stdout.write(
        f"{int(table['suspicious'].sum())} of {len(table)} labels are likely wrong; nothing has "
        f"been changed. Look at them: {out / 'labels.html'}\n{out}\n"
    )


COMMANDS = {"labels": Command(_add_arguments, _run)}
