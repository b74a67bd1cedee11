"""The arguments of the `corrosion` command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from corrosion.runs import checkpoint_of

_CHECKPOINT = "a checkpoint, or the directory of a run for its best"


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


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line; what it returns names its subcommand in `command`."""
    parser = argparse.ArgumentParser(
        prog="corrosion",
        description="Explainable image classification of corroded metal. Training is "
        "`python train.py` in a checkout of the project.",
    )
    commands = parser.add_subparsers(
        title="commands",
        dest="command",
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

    info = commands.add_parser("info", help="describe a checkpoint")
    info.add_argument("checkpoint", type=checkpoint_of, help=_CHECKPOINT)

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

    evaluate = commands.add_parser(
        "evaluate",
        help="metrics with intervals: of a run from its predictions.csv, or of a checkpoint on a "
        "labelled folder",
    )
    evaluate.add_argument(
        "judged",
        type=Path,
        metavar="RUN_OR_CHECKPOINT",
        help="directory of a finished run; with --data a checkpoint, or a run for its best",
    )
    evaluate.add_argument("--data", type=Path, help="folder with a folder of images per class")
    evaluate.add_argument("--out", type=Path, help="with --data: by default evaluation-FOLDER")
    evaluate.add_argument("--device", default="cpu", help="with --data: cpu, cuda ...")
    _add_settings(evaluate)

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

    report = commands.add_parser("report", help="write a run on one page: report.html")
    report.add_argument("run_dir", type=Path, metavar="RUN", help="directory of a finished run")
    report.add_argument("--out", type=Path, help="by default RUN/report.html")
    _add_settings(report)

    explain = commands.add_parser(
        "explain", help="draw what one or several networks see in photographs"
    )
    explain.add_argument(
        "--checkpoints",
        type=checkpoint_of,
        nargs="+",
        required=True,
        help=f"{_CHECKPOINT}; several are compared in a grid",
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

    score = commands.add_parser(
        "explain-score", help="judge maps by masks or boxes, against baselines and each other"
    )
    score.add_argument(
        "checkpoints", type=checkpoint_of, nargs="+", metavar="CHECKPOINT", help=_CHECKPOINT
    )
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

    predict = commands.add_parser(
        "predict",
        help="probability and decision for photographs and videos",
        description="Exit code 3 says that some files could not be read; their rows say why.",
    )
    predict.add_argument("checkpoint", type=checkpoint_of, help=_CHECKPOINT)
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
