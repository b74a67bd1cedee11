"""`corrosion explain` and `corrosion explain-score`: what networks see, and how good maps are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command, Gone
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import CHECKPOINT, PATHS, add_out, folder, name_of, own_folder
from corrosion.runs import checkpoint_of
from corrosion.settings.explanation import ExplanationSettings, MapScoreSettings

_SOME_FAILED = 3
_MARKED = "folder with images/ and either masks/ or boxes.csv; subfolders are searched"


def _add_checkpoints(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=CHECKPOINT)
    parser.add_argument(
        "--compare",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="CHECKPOINT",
        help="further networks beside this one; give it behind PATH",
    )


def _checkpoints(options: argparse.Namespace) -> list[Path]:
    return [checkpoint_of(path) for path in (options.checkpoint, *options.compare)]


def _add_explain(parser: argparse.ArgumentParser) -> None:
    _add_checkpoints(parser)
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATHS)
    add_out(parser, "explanations-PATH")
    add_options(parser, ExplanationSettings, metavar={"regions": "RULE"})
    now = "corrosion explain CHECKPOINT PATH... --compare CHECKPOINT..."
    parser.add_argument(
        "--checkpoints", action=Gone, const=f"the first goes in front of the paths: {now}"
    )
    parser.add_argument("--images", action=Gone, const=f"they stand behind the checkpoint: {now}")


def _explain(options: argparse.Namespace) -> int:
    settings = read_options(ExplanationSettings, options)
    checkpoints = _checkpoints(options)
    out = own_folder(options, f"explanations-{name_of(options.paths[0])}", elsewhere=True)
    from corrosion.data.file_search import find_inputs

    find_inputs(options.paths, recursive=settings.recursive, videos=False, tell=False)
    from corrosion.explanation.explain_files import explain_files

    table = explain_files(checkpoints, options.paths, out, settings)
    sys.stdout.write(f"{options.out}\n")
    return _SOME_FAILED if table["error"].notna().any() else 0


def _add_score(parser: argparse.ArgumentParser) -> None:
    _add_checkpoints(parser)
    parser.add_argument("root", type=Path, metavar="PATH", help=_MARKED)
    add_out(parser, "explain-score-PATH")
    add_options(parser, MapScoreSettings)
    now = "corrosion explain-score CHECKPOINT PATH --compare CHECKPOINT..."
    parser.add_argument(
        "--data", action=Gone, const=f"the folder stands behind the checkpoint: {now}"
    )


def _score(options: argparse.Namespace) -> None:
    settings = read_options(MapScoreSettings, options)
    checkpoints = _checkpoints(options)
    root = folder(options.root, f"a {_MARKED}")
    out = own_folder(options, f"explain-score-{name_of(root)}")
    from corrosion.explanation.scoring import score_maps
    from corrosion.report.explanation_scores import print_scores, write_scores

    scores = score_maps(checkpoints, root, settings)
    path = write_scores(out, scores)
    print_scores(scores)
    sys.stdout.write(f"{path}\n")


COMMANDS = {
    "explain": Command(
        _add_explain,
        _explain,
        "Draw what one or several networks see in photographs. Exit code 3 says that some could "
        "not be explained; their rows say why.",
    ),
    "explain-score": Command(_add_score, _score),
}
