"""The `corrosion` command: one thin function a subcommand; heavy imports wait for their use."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.cli.arguments import build_parser
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory, checkpoint_of
from corrosion.system.memory import keep_freed_memory
from corrosion.system.processors import share_processors

if TYPE_CHECKING:
    from corrosion.evaluation.evaluation import Settings

_SOME_FAILED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 fine, 1 something for the user to mend, 3 done except for some files.
        (2 is argparse's, for arguments that it can't make out.)
    """
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    keep_freed_memory()
    try:
        options = build_parser().parse_args(arguments)
        code = _COMMANDS[options.command](options)
    except CorrosionError as error:
        print(f"corrosion: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return int(code or 0)


def _audit(options: argparse.Namespace) -> bool:
    from corrosion.data.curation.audit import audit_folders
    from corrosion.report.audit_report import check_out, print_audit, write_audit
    from corrosion.settings.data import ClassFolders, CurationSettings

    check_out(options.out)
    names = ("corrosion", "no_corrosion", "ignore")
    classes = ClassFolders(**{name: getattr(options, name) for name in names})
    policy = CurationSettings(near_duplicates=options.near_duplicates)
    audit = audit_folders(options.roots, classes=classes, policy=policy)
    write_audit(options.out, audit)
    print_audit(audit, out=options.out)
    return options.strict and audit.failed


def _info(options: argparse.Namespace) -> None:
    from corrosion.models.checkpoint import describe

    for name, value in describe(options.checkpoint).items():
        sys.stdout.write(f"{name:<18} {value}\n")


def _sample(options: argparse.Namespace) -> None:
    from corrosion.data.sample.generate import make_sample

    names = ("count", "size", "seed", "shortcut")
    root = make_sample(options.out, **{name: getattr(options, name) for name in names})
    sys.stdout.write(f"{root}\n")


def _evaluate(options: argparse.Namespace) -> None:
    from corrosion.evaluation.evaluation import evaluate_run
    from corrosion.report.evaluation_report import print_evaluation, write_evaluation

    settings = _settings(options)
    if options.data is None:
        run = RunDirectory.of(options.judged)
        if not run.is_finished:
            raise CorrosionError(
                f"{options.judged} belongs to no finished run: give the directory of a run, or a "
                f"labelled folder with --data for a checkpoint."
            )
        out, evaluation = run.path, evaluate_run(run.path, settings)
    else:
        from corrosion.prediction.labelled_folder import evaluate_folder

        out = options.out or Path(f"evaluation-{options.data.resolve().name}")
        evaluation = evaluate_folder(
            checkpoint_of(options.judged),
            options.data,
            out,
            settings=settings,
            device=options.device,
        )
    write_evaluation(RunDirectory(out), evaluation)
    print_evaluation(evaluation, run_dir=out)


def _compare(options: argparse.Namespace) -> None:
    from corrosion.evaluation.comparison import compare_runs
    from corrosion.report.comparison_report import print_comparison, write_comparison

    first = options.runs[0]
    multirun = len(options.runs) == 1 and not RunDirectory(first).is_finished
    out = options.out or (first if multirun else Path()) / "comparison"
    comparison = compare_runs(
        options.runs, threshold=options.threshold, level=options.level, device=options.device
    )
    write_comparison(out, comparison, paper=options.paper)
    print_comparison(comparison, paper=options.paper)
    sys.stdout.write(f"{out / 'compare.html'}\n")


def _report(options: argparse.Namespace) -> None:
    from corrosion.evaluation.evaluation import evaluate_run
    from corrosion.report.run_report import write_report

    run_dir = RunDirectory.of(options.run_dir).path
    path = write_report(run_dir, evaluate_run(run_dir, _settings(options)), path=options.out)
    sys.stdout.write(f"{path}\n")


def _settings(options: argparse.Namespace) -> Settings:
    from corrosion.evaluation.evaluation import Settings

    return Settings(
        threshold=options.threshold,
        min_recall=options.min_recall,
        costs=tuple(options.costs) if options.costs else None,
        max_risk=options.max_risk,
        level=options.level,
        by=tuple(options.by) if options.by else None,
    )


def _explain(options: argparse.Namespace) -> None:
    from corrosion.explanation.explain_files import Settings, explain_files

    names = ("method", "target", "colormap", "regions", "coco", "device")
    settings = Settings(**{name: getattr(options, name) for name in names})
    explain_files(options.checkpoints, options.images, options.out, settings)
    sys.stdout.write(f"{options.out}\n")


def _explain_score(options: argparse.Namespace) -> None:
    from corrosion.explanation.scoring import score_maps
    from corrosion.report.explanation_scores import check_out, print_scores, write_scores

    out = options.out or Path(f"explain-score-{options.data.resolve().name}")
    check_out(out)
    scores = score_maps(
        options.checkpoints,
        options.data,
        method=options.method,
        count=options.count,
        faithful=options.faithfulness,
        device=options.device,
    )
    path = write_scores(out, scores)
    print_scores(scores)
    sys.stdout.write(f"{path}\n")


def _predict(options: argparse.Namespace) -> int:
    share_processors()  # before torch is imported
    from corrosion.prediction.predict_files import Settings, predict_files

    names = ("explain", "threshold", "every", "recursive", "format", "batch_size", "num_workers")
    settings = Settings(
        **{name: getattr(options, name) for name in (*names, "device", "devices", "num_nodes")}
    )
    counts = predict_files(
        options.checkpoint, options.paths, options.out, settings, resume=options.resume
    )
    if counts is None:  # not the first of several processes
        return 0
    sys.stdout.write(
        f"{counts.images} images: corrosion detected in {counts.detected}, "
        f"{counts.review} to be looked at by an inspector, {counts.failed} failed\n{options.out}\n"
    )
    return _SOME_FAILED if counts.failed else 0


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int | None]] = {
    "audit": _audit,
    "info": _info,
    "sample": _sample,
    "evaluate": _evaluate,
    "compare": _compare,
    "report": _report,
    "explain": _explain,
    "explain-score": _explain_score,
    "predict": _predict,
}
