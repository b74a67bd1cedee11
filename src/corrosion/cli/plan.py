"""`corrosion plan`: how many test images and seeds a comparison needs."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import existing
from corrosion.errors import CorrosionError
from corrosion.runs import find_runs
from corrosion.settings.planning import PlanSettings

log = logging.getLogger(__name__)

_RUNS = "directories of runs of one model, best of several seeds, or of their multirun"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help=_RUNS)
    add_options(parser, PlanSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(PlanSettings, options)
    runs = existing(options.runs, _RUNS)
    from corrosion.evaluation.planning import needs
    from corrosion.evaluation.planning_basis import basis
    from corrosion.evaluation.pooling import pool
    from corrosion.report.plan_report import print_plan

    pooled = pool(find_runs(runs), threshold=settings.threshold)
    if len(pooled) > 1:
        names = ", ".join(one.name for one in pooled)
        raise CorrosionError(f"These are runs of several models ({names}): give those of one.")
    [model] = pooled
    if model.caution:
        log.warning("%s", model.caution)
    of = basis(model.tables, metric=settings.metric, threshold=model.threshold)
    images = settings.images or of.images
    found = needs(
        of,
        difference=settings.difference,
        power=settings.power,
        seeds=settings.seeds,
        images=images,
        level=settings.level,
        count=settings.simulations,
    )
    print_plan(of, found, settings, images=images, model=model.name)


COMMANDS = {"plan": Command(_add_arguments, _run)}
