"""`corrosion update`: a trained network learns from what inspectors have judged."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from rich.console import Console

from corrosion.cli.command import Command, begin_again
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import add_out, folder, name_of, new_folder
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.settings.update import UpdateSettings
from corrosion.system.processors import share_processors


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="the directory of a finished run")
    parser.add_argument(
        "--verdicts",
        type=Path,
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="folders that corrosion verdicts --labelled has written",
    )
    add_out(parser, "updated-RUN")
    add_options(parser, UpdateSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(UpdateSettings, options)
    run = RunDirectory.of(options.run)
    labelled = [_labelled(one) for one in options.verdicts]
    options._own = out = new_folder(options.out or Path(f"updated-{name_of(run.path)}"))
    share_processors()  # before numpy and torch are imported
    from corrosion.training.update import updated_settings

    updated = updated_settings(run, labelled, settings)
    from corrosion.evaluation.comparison import compare_runs
    from corrosion.report.comparison_report import write_comparison
    from corrosion.report.comparison_sentences import conclusions
    from corrosion.report.comparison_tables import kinds_table, narrow_tests_tables
    from corrosion.report.tables import print_sentences
    from corrosion.training.run import train

    train(updated, out)
    comparison = compare_runs([run.path, out])
    write_comparison(out / "comparison", comparison)
    console = Console(soft_wrap=True)
    for table in filter(None, (kinds_table(comparison), *narrow_tests_tables(comparison))):
        table.print(console)
    print_sentences(conclusions(comparison))
    sys.stdout.write(f"{out / 'comparison' / 'compare.html'}\n{out}\n")


def _interrupted(options: argparse.Namespace) -> str:
    """What an interrupted update has left, and how to go on."""
    out = getattr(options, "_own", None)
    if out is None:
        return begin_again(options)
    compared = shlex.join(["corrosion", "compare", str(options.run), str(out)])
    if RunDirectory(out).is_finished:
        return f"The training is finished: {compared} compares it with the run before."
    if RunDirectory(out).last.is_file():
        resumed = shlex.join(["corrosion", "train", f"resume={out}"])
        return f"The last checkpoint is kept: {resumed} goes on, and then {compared} compares."
    return begin_again(options)


def _labelled(path: Path) -> Path:
    if (path / "run.json").is_file():
        raise CorrosionError(
            f"{path} is an inspection: make a folder to train on of it, by corrosion verdicts "
            f"{path} verdicts.csv --labelled FOLDER, and give that."
        )
    return folder(path, "one that corrosion verdicts --labelled has written")


COMMANDS = {
    "update": Command(
        _add_arguments,
        _run,
        "Go on from the best epoch of a run with its images and those that inspectors have judged, "
        "at a low learning rate, and say by tests on the same test images whether it got better.",
        _interrupted,
    )
}
