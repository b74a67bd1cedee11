"""`corrosion average`: several runs in, one network of all of them out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import add_out, existing, name_of, own_folder
from corrosion.runs import find_runs
from corrosion.settings.inference import AverageSettings
from corrosion.system.processors import share_processors


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="directories of runs that differ in fold or seed alone, or of a multirun",
    )
    add_out(parser, "average-RUN")
    add_options(parser, AverageSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(AverageSettings, options)
    paths = existing(options.runs, "the directory of a finished run, or of a multirun")
    runs = find_runs(paths)
    share_processors()  # before numpy and torch are imported
    from corrosion.training.members import Members

    members = Members.of(runs)
    out = own_folder(options, f"average-{name_of(paths[0])}")
    from corrosion.models.device import choose_device
    from corrosion.report.tables import print_sentences
    from corrosion.training.average import average_runs

    choose_device(settings.device)
    average = average_runs(members, out, settings)
    accuracy = average.unseen.metrics["accuracy"]
    sentences = (
        f"The mean of the weights of {len(average.members)} networks. By themselves they get "
        f"{accuracy.value:.3f} ({accuracy.low:.3f}-{accuracy.high:.3f}) right of "
        f"{len(average.unseen.predictions)} photographs that they have not seen; temperature, "
        f"thresholds and band come from there.",
        f"Of the photographs that they have learnt from the average gets {average.learnt:.3f} "
        f"right, which is no test of it.",
    )
    print_sentences(sentences)
    sys.stdout.write(
        f"Test it on other photographs:\n    corrosion evaluate {out} OTHER_PHOTOS\n{out}\n"
    )


COMMANDS = {
    "average": Command(
        _add_arguments,
        _run,
        "Average the weights of runs that began with the same ones: a model soup. It costs no more "
        "than one of them, has learnt from the photographs of all, and is often more accurate on "
        "photographs from elsewhere.",
    )
}
