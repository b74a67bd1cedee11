"""The `corrosion` command: one thin function a subcommand; heavy imports wait for their use."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from corrosion.errors import CorrosionError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 fine, 1 an error of the user's to mend)."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except CorrosionError as error:
        print(f"corrosion: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="corrosion",
        description="Explainable image classification of corroded metal. Training is "
        "`python train.py` in a checkout of the project.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="describe a checkpoint")
    info.add_argument("checkpoint", type=Path, help="best.ckpt or last.ckpt of a run")
    info.set_defaults(run=_info)

    sample = commands.add_parser("sample", help="write the embedded sample photographs")
    sample.add_argument("out", type=Path, help="directory to write to")
    sample.add_argument("--count", type=int, default=600, help="images, half of each class")
    sample.add_argument("--size", type=int, default=256, help="side in pixels")
    sample.add_argument("--seed", type=int, default=0)
    sample.set_defaults(run=_sample)

    evaluate = commands.add_parser(
        "evaluate", help="recompute a run's metrics, with intervals, from its predictions.csv"
    )
    evaluate.add_argument("run_dir", type=Path, help="directory of a finished run")
    evaluate.add_argument("--threshold", type=float, help="instead of the run's own")
    evaluate.add_argument("--min-recall", type=float, help="that a threshold shall reach, as 0.98")
    evaluate.add_argument(
        "--costs",
        type=float,
        nargs=2,
        metavar=("FN", "FP"),
        help="of a missed corrosion and of a false alarm",
    )
    evaluate.add_argument(
        "--max-risk",
        type=float,
        default=0.01,
        help="share of errors among decisions that no inspector sees",
    )
    evaluate.add_argument("--level", type=float, default=0.95, help="of confidence")
    evaluate.add_argument("--by", action="append", help="column to tell subgroups by; repeatable")
    evaluate.set_defaults(run=_evaluate)
    return parser


def _info(options: argparse.Namespace) -> None:
    from corrosion.checkpoint import describe

    for name, value in describe(options.checkpoint).items():
        sys.stdout.write(f"{name:<18} {value}\n")


def _sample(options: argparse.Namespace) -> None:
    from corrosion.data.sample import make_sample

    root = make_sample(options.out, count=options.count, size=options.size, seed=options.seed)
    sys.stdout.write(f"{root}\n")


def _evaluate(options: argparse.Namespace) -> None:
    from corrosion.evaluate.run import Settings, evaluate_run
    from corrosion.report.evaluation import print_evaluation, write_evaluation

    settings = Settings(
        threshold=options.threshold,
        min_recall=options.min_recall,
        costs=tuple(options.costs) if options.costs else None,
        max_risk=options.max_risk,
        level=options.level,
        by=tuple(options.by) if options.by else None,
    )
    evaluation = evaluate_run(options.run_dir, settings)
    write_evaluation(options.run_dir, evaluation)
    print_evaluation(evaluation, run_dir=options.run_dir)
