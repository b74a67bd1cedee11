"""The `corrosion` command: one thin function a subcommand; heavy imports wait for their use."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError
from corrosion.memory import keep_freed_memory
from corrosion.processors import share_processors

if TYPE_CHECKING:
    from corrosion.evaluate.run import Settings

_SOME_FAILED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 fine, 1 something for the user to mend, 3 done except for some files.
        (2 is argparse's, for arguments that it can't make out.)
    """
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    options = _parser().parse_args(arguments)
    keep_freed_memory()
    try:
        code: int | None = options.run(options)
    except CorrosionError as error:
        print(f"corrosion: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return int(code or 0)


class _HelpWithDefaults(argparse.HelpFormatter):
    """Adds each option's default, but for switches and where the help says what happens."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        switch = action.nargs == 0
        if action.option_strings and not switch and action.default not in (None, []):
            text += f"{'; ' if text else ''}by default %(default)s"
        return text


class _Command(argparse.ArgumentParser):
    """Of a subcommand."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_HelpWithDefaults, **options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="corrosion",
        description="Explainable image classification of corroded metal. Training is "
        "`python train.py` in a checkout of the project.",
    )
    commands = parser.add_subparsers(
        title="commands",
        required=True,
        metavar="COMMAND",
        parser_class=_Command,
    )

    audit = commands.add_parser(
        "audit", help="find leaks, conflicting labels and bad images in folders of photographs"
    )
    audit.add_argument(
        "roots", type=Path, nargs="+", metavar="ROOT", help="folder with a folder per class"
    )
    audit.add_argument("--out", type=Path, default=Path("audit"), help="folder")
    audit.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if official subsets share pictures or labels conflict",
    )
    audit.add_argument(
        "--near-duplicates",
        type=int,
        default=6,
        metavar="BITS",
        help="in which hashes of near-duplicates may differ",
    )
    for name in ("corrosion", "no_corrosion", "ignore"):
        audit.add_argument(
            f"--{name.replace('_', '-')}",
            nargs="+",
            default=[],
            metavar="NAME",
            help="further folders of this class" if name != "ignore" else "folders to leave out",
        )
    audit.set_defaults(run=_audit)

    info = commands.add_parser("info", help="describe a checkpoint")
    info.add_argument("checkpoint", type=Path, help="best.ckpt or last.ckpt of a run")
    info.set_defaults(run=_info)

    sample = commands.add_parser("sample", help="write the embedded sample photographs")
    sample.add_argument("out", type=Path, help="directory to write to")
    sample.add_argument("--count", type=int, default=600, help="images, half of each class")
    sample.add_argument("--size", type=int, default=256, help="side in pixels")
    sample.add_argument("--seed", type=int, default=0, help="of what is drawn")
    sample.add_argument(
        "--shortcut",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the corroded images with a planted mark, to test explanations",
    )
    sample.set_defaults(run=_sample)

    evaluate = commands.add_parser(
        "evaluate",
        help="metrics with intervals: of a run from its predictions.csv, or of a checkpoint on a "
        "labelled folder",
    )
    evaluate.add_argument(
        "judged",
        type=Path,
        metavar="RUN_OR_CHECKPOINT",
        help="directory of a finished run; with --data a checkpoint",
    )
    evaluate.add_argument("--data", type=Path, help="folder with a folder of images per class")
    evaluate.add_argument("--out", type=Path, help="with --data: by default evaluation-FOLDER")
    evaluate.add_argument("--device", default="cpu", help="with --data: cpu, cuda ...")
    _add_settings(evaluate)
    evaluate.set_defaults(run=_evaluate)

    compare = commands.add_parser(
        "compare", help="finished runs side by side: metrics, tests between models, costs"
    )
    compare.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="directories of runs, or of a multirun"
    )
    compare.add_argument(
        "--out", type=Path, help="by default comparison/ in the multirun, else in this directory"
    )
    compare.add_argument("--paper", action="store_true", help="with the published figures, errata")
    compare.add_argument("--threshold", type=float, help="instead of the runs' own")
    compare.add_argument("--level", type=float, default=0.95, help="of confidence")
    compare.add_argument("--device", default="cpu", help="to measure costs on: cpu, cuda ...")
    compare.set_defaults(run=_compare)

    report = commands.add_parser("report", help="write a run on one page: report.html")
    report.add_argument("run_dir", type=Path, metavar="RUN", help="directory of a finished run")
    report.add_argument("--out", type=Path, help="by default RUN/report.html")
    _add_settings(report)
    report.set_defaults(run=_report)

    explain = commands.add_parser(
        "explain", help="draw what one or several networks see in photographs"
    )
    explain.add_argument(
        "--checkpoints", type=Path, nargs="+", required=True, help="several are compared in a grid"
    )
    explain.add_argument(
        "--images", type=Path, nargs="+", required=True, help="files, or folders of them"
    )
    explain.add_argument("--out", type=Path, required=True, help="a new folder")
    explain.add_argument("--method", default="gradcam", help="gradcam, layercam, scorecam ...")
    explain.add_argument(
        "--target", default="corrosion", help="evidence for corrosion, none, or predicted"
    )
    explain.add_argument("--colormap", default="inferno", help="inferno, viridis, jet ...")
    explain.add_argument(
        "--regions",
        metavar="RULE",
        help="draw boxes: otsu, or a share of the maximum as 0.5; by default none",
    )
    explain.add_argument("--coco", action="store_true", help="write regions as COCO JSON")
    explain.add_argument("--device", default="cpu", help="cpu, cuda ...")
    explain.set_defaults(run=_explain)

    score = commands.add_parser(
        "explain-score", help="judge maps by masks or boxes, against baselines and each other"
    )
    score.add_argument("checkpoints", type=Path, nargs="+", metavar="CHECKPOINT")
    score.add_argument(
        "--data", type=Path, required=True, help="folder with images/ and masks/ or boxes.csv"
    )
    score.add_argument("--method", default="gradcam", help="gradcam, layercam, scorecam ...")
    score.add_argument("--out", type=Path, help="by default explain-score-FOLDER")
    score.add_argument("--count", type=int, help="photographs, taken at random; by default all")
    score.add_argument(
        "--faithfulness", action="store_true", help="deletion, insertion, ROAD, randomisation too"
    )
    score.add_argument("--device", default="cpu", help="cpu, cuda ...")
    score.set_defaults(run=_explain_score)

    predict = commands.add_parser(
        "predict",
        help="probability and decision for photographs and videos",
        description="Exit code 3 says that some files could not be read; their rows say why.",
    )
    predict.add_argument("checkpoint", type=Path, help="best.ckpt of a run")
    predict.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="files, videos, folders, patterns in quotation marks",
    )
    predict.add_argument("--out", type=Path, required=True, help="a new folder")
    predict.add_argument("--explain", action="store_true", help="draw overlays and boxes")
    predict.add_argument(
        "--threshold",
        help="a probability, or a threshold of the checkpoint: recall, F1 ...; by default the "
        "checkpoint's own",
    )
    predict.add_argument("--recursive", action="store_true", help="look into subfolders")
    predict.add_argument(
        "--every", type=float, default=1.0, help="seconds between frames of videos"
    )
    predict.add_argument("--format", default="csv", help="of the table: csv or parquet")
    predict.add_argument("--resume", action="store_true", help="go on with a run that was killed")
    predict.add_argument("--batch-size", type=int, default=32, help="images at once")
    predict.add_argument(
        "--num-workers",
        type=int,
        help="threads that decode, and that draw; by default one a processor",
    )
    predict.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    predict.add_argument("--devices", type=int, default=1, help="how many, -1 for all")
    predict.add_argument("--num-nodes", type=int, default=1, help="machines")
    predict.set_defaults(run=_predict)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options of how to evaluate."""
    parser.add_argument("--threshold", type=float, help="instead of the run's own")
    parser.add_argument(
        "--min-recall",
        type=float,
        help="that a threshold shall reach; by default 0.98",
    )
    parser.add_argument(
        "--costs",
        type=float,
        nargs=2,
        metavar=("FN", "FP"),
        help="of a missed corrosion and of a false alarm; by default none",
    )
    parser.add_argument(
        "--max-risk",
        type=float,
        default=0.01,
        help="share of errors among decisions that no inspector sees",
    )
    parser.add_argument("--level", type=float, default=0.95, help="of confidence")
    parser.add_argument(
        "--by",
        action="append",
        help="column to tell subgroups by; repeatable; by default source, where there are several",
    )


def _audit(options: argparse.Namespace) -> bool:
    from corrosion.data.audit import audit_folders
    from corrosion.data.curation import Policy
    from corrosion.report.audit import check_out, print_audit, write_audit

    check_out(options.out)
    classes = {name: getattr(options, name) for name in ("corrosion", "no_corrosion", "ignore")}
    policy = Policy(near_duplicates=options.near_duplicates)
    audit = audit_folders(options.roots, classes=classes, policy=policy)
    write_audit(options.out, audit)
    print_audit(audit, out=options.out)
    return options.strict and audit.failed


def _info(options: argparse.Namespace) -> None:
    from corrosion.checkpoint import describe

    for name, value in describe(options.checkpoint).items():
        sys.stdout.write(f"{name:<18} {value}\n")


def _sample(options: argparse.Namespace) -> None:
    from corrosion.data.sample import make_sample

    names = ("count", "size", "seed", "shortcut")
    root = make_sample(options.out, **{name: getattr(options, name) for name in names})
    sys.stdout.write(f"{root}\n")


def _evaluate(options: argparse.Namespace) -> None:
    from corrosion.evaluate.run import evaluate_run, run_directory
    from corrosion.report.evaluation import print_evaluation, write_evaluation

    settings = _settings(options)
    if options.data is None:
        out = run_directory(options.judged)
        evaluation = evaluate_run(out, settings)
    else:
        from corrosion.evaluate_folder import evaluate_folder

        out = options.out or Path(f"evaluation-{options.data.resolve().name}")
        evaluation = evaluate_folder(
            options.judged, options.data, out, settings=settings, device=options.device
        )
    write_evaluation(out, evaluation)
    print_evaluation(evaluation, run_dir=out)


def _compare(options: argparse.Namespace) -> None:
    from corrosion.compare import compare_runs
    from corrosion.report.comparison import print_comparison, write_comparison

    first = options.runs[0]
    multirun = len(options.runs) == 1 and not (first / "predictions.csv").is_file()
    out = options.out or (first if multirun else Path()) / "comparison"
    comparison = compare_runs(
        options.runs, threshold=options.threshold, level=options.level, device=options.device
    )
    write_comparison(out, comparison, paper=options.paper)
    print_comparison(comparison, paper=options.paper)
    sys.stdout.write(f"{out / 'compare.html'}\n")


def _report(options: argparse.Namespace) -> None:
    from corrosion.evaluate.run import evaluate_run, run_directory
    from corrosion.report.run_page import write_report

    run_dir = run_directory(options.run_dir)
    path = write_report(run_dir, evaluate_run(run_dir, _settings(options)), path=options.out)
    sys.stdout.write(f"{path}\n")


def _settings(options: argparse.Namespace) -> Settings:
    from corrosion.evaluate.run import Settings

    return Settings(
        threshold=options.threshold,
        min_recall=options.min_recall,
        costs=tuple(options.costs) if options.costs else None,
        max_risk=options.max_risk,
        level=options.level,
        by=tuple(options.by) if options.by else None,
    )


def _explain(options: argparse.Namespace) -> None:
    from corrosion.explain.run import Settings, explain_files

    names = ("method", "target", "colormap", "regions", "coco", "device")
    settings = Settings(**{name: getattr(options, name) for name in names})
    explain_files(options.checkpoints, options.images, options.out, settings)
    sys.stdout.write(f"{options.out}\n")


def _explain_score(options: argparse.Namespace) -> None:
    from corrosion.explain.score import score_maps
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
    from corrosion.prediction.run import Settings, predict_files

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
