"""`corrosion evaluate`, `corrosion compare` and `corrosion report`: how far to trust a network."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from corrosion.cli.command import Command, Gone
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import (
    FOLDER_NAMES,
    add_out,
    existing,
    folder,
    name_of,
    new_folder,
    own_folder,
)
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory, checkpoint_of
from corrosion.settings.evaluation import ComparisonSettings, EvaluationSettings
from corrosion.settings.folders import FolderNameSettings
from corrosion.settings.inference import InferenceSettings
from corrosion.system.locks import sole_writer

_METAVAR: Mapping[str, str | tuple[str, ...]] = {
    "costs": ("FN", "FP"),
    "max_risk": "SHARE",
    "prevalence": "SHARE",
    "by": "COLUMN",
}
_RUN = "the directory of a finished run"
_ON_A_FOLDER = (
    "A checkpoint, or an average of runs, is judged on a labelled folder: corrosion evaluate "
    "CHECKPOINT PATH."
)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "judged",
        type=Path,
        metavar="CHECKPOINT_OR_RUN",
        help="a checkpoint, or the directory of a run, which stands for its best with PATH",
    )
    parser.add_argument(
        "root",
        type=Path,
        nargs="?",
        metavar="PATH",
        help="folder with a folder of photographs per class, to be judged on, subfolders too; by "
        "default the run's own test predictions are",
    )
    add_out(
        parser, "evaluation-PATH; without PATH the run's files are renewed, its report.html too"
    )
    add_options(parser, EvaluationSettings, metavar=_METAVAR, repeated=["by"])
    add_options(parser, InferenceSettings)
    add_options(parser, FolderNameSettings, metavar=FOLDER_NAMES)
    parser.add_argument(
        "--data",
        action=Gone,
        const="the folder stands behind the checkpoint: corrosion evaluate CHECKPOINT PATH.",
    )


def _evaluate(options: argparse.Namespace) -> None:
    settings = read_options(EvaluationSettings, options)
    inference = read_options(InferenceSettings, options)
    names = read_options(FolderNameSettings, options)
    existing([options.judged], "a checkpoint, or the directory of a run")
    if options.root is None:
        if options.out is not None:
            raise CorrosionError("--out goes with PATH: a run's evaluation stays in its directory.")
        if inference != InferenceSettings():
            raise CorrosionError(
                "--device, --batch-size and --num-workers go with PATH: a run's predictions are "
                "there already."
            )
        if names != FolderNameSettings():
            raise CorrosionError(
                "--corrosion, --no-corrosion and --ignore go with PATH: they tell the classes of "
                "its folders."
            )
        from corrosion.evaluation.evaluation import evaluate_run

        try:
            run = RunDirectory.of(options.judged)
            run.check_finished()
        except CorrosionError as error:
            raise CorrosionError(f"{error} {_ON_A_FOLDER}") from error
        options._held.enter_context(sole_writer(run.path, name="RUN"))
        evaluation = evaluate_run(run.path, settings)
    else:
        checkpoint = checkpoint_of(options.judged)
        root = folder(options.root, "one with a folder of photographs per class", elsewhere=True)
        run = RunDirectory(own_folder(options, f"evaluation-{name_of(root)}"))
        from corrosion.prediction.labelled_folder import evaluate_folder

        evaluation = evaluate_folder(
            checkpoint,
            root,
            run.path,
            settings=settings,
            classes=names.classes,
            **dict(inference),
        )
    from corrosion.report.evaluation_report import print_evaluation, write_evaluation

    write_evaluation(run, evaluation)
    if run.report_file.is_file():  # it would go on to show the figures of before
        from corrosion.report.run_report import write_report

        write_report(run.path, evaluation)
    print_evaluation(evaluation, run_dir=run.path)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="directories of runs, or of a multirun"
    )
    add_out(parser, "comparison in the multirun, else in this directory")
    add_options(parser, ComparisonSettings)


def _compare(options: argparse.Namespace) -> None:
    settings = read_options(ComparisonSettings, options)
    first, *others = existing(options.runs, f"{_RUN}, or of a multirun")
    place = Path() if others or RunDirectory(first).is_finished else first
    out = own_folder(options, place / "comparison")
    from corrosion.evaluation.comparison import compare_runs
    from corrosion.report.comparison_report import print_comparison, write_comparison

    comparison = compare_runs(
        options.runs,
        threshold=settings.threshold,
        level=settings.level,
        count=settings.resamples,
        seed=settings.seed,
        device=settings.device,
    )
    write_comparison(out, comparison, paper=settings.paper, latex=settings.latex)
    print_comparison(comparison, paper=settings.paper)
    sys.stdout.write(f"{out / 'compare.html'}\n")


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", type=Path, metavar="RUN", help=_RUN)
    parser.add_argument(
        "--out",
        type=Path,
        help="new file of the page, by default RUN/report.html, which is renewed; what is there "
        "already is never overwritten",
    )
    add_options(parser, EvaluationSettings, metavar=_METAVAR, repeated=["by"])


def _report(options: argparse.Namespace) -> None:
    settings = read_options(EvaluationSettings, options)
    existing([options.run_dir], _RUN)
    if options.out is not None:
        new_folder(options.out)
    from corrosion.evaluation.evaluation import evaluate_run
    from corrosion.report.run_report import write_report

    if options.out is None:
        options._held.enter_context(sole_writer(options.run_dir, name="RUN"))
    evaluation = evaluate_run(options.run_dir, settings)
    path = write_report(options.run_dir, evaluation, path=options.out)
    sys.stdout.write(f"{path}\n")


COMMANDS = {
    "evaluate": Command(_add_evaluate, _evaluate),
    "compare": Command(_add_compare, _compare),
    "report": Command(_add_report, _report),
}
