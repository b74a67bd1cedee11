"""A plan of a comparison as people read it: a table, and what it takes for granted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from corrosion.evaluation.metric_table import METRICS
from corrosion.evaluation.planning import MOST_IMAGES, Need
from corrosion.evaluation.planning_basis import ASSUMED_SPREAD, Basis
from corrosion.evaluation.run_tests import ENOUGH_RUNS
from corrosion.report.tables import TextTable, print_sentences
from corrosion.settings.planning import PlanSettings

_FIRM = 5  # seeds whose scatter tells enough: plans of three were off by much (docs/results.md)


def print_plan(
    of: Basis, found: Sequence[Need], settings: PlanSettings, *, images: int, model: str
) -> None:
    """Print a plan on standard output.

    Args:
        of: what comparisons were simulated from.
        found: what each number of seeds needs.
        settings: what was asked.
        images: test images for which the detectable difference is told.
        model: name of the model that was copied.
    """
    console = Console(soft_wrap=True)
    plan_table(found, settings, images=images).print(console)
    print_sentences([*_advice(found), *assumptions(of, model=model)])


def plan_table(found: Sequence[Need], settings: PlanSettings, *, images: int) -> TextTable:
    """A row a number of seeds."""
    return TextTable.of(
        f"To find a difference of {settings.difference:g} in {METRICS[settings.metric].title} with "
        f"a chance of {settings.power:.0%} (significant at {1 - settings.level:.2g})",
        (
            "runs of each model",
            "speaks of",
            "test images needed",
            f"difference found with {images} images",
        ),
        (
            (
                str(one.seeds),
                "the models" if one.seeds >= ENOUGH_RUNS else "these checkpoints",
                _needed(one, settings.power),
                "none" if one.detectable is None else f"{one.detectable:.3f}",
            )
            for one in found
        ),
    )


def _needed(one: Need, power: float) -> str:
    if one.images is not None:
        return str(one.images)
    if one.most < power:
        return f"none ({one.most:.0%} at most)"
    return f"above {MOST_IMAGES}"


def _advice(found: Sequence[Need]) -> list[str]:
    if all(one.images is not None for one in found):
        return []
    return [
        "Where it says none, no number of test images is enough: they give the chance in brackets "
        "at most. There, and where it says above, train more seeds."
    ]


def assumptions(of: Basis, *, model: str) -> list[str]:
    """What was simulated, in sentences."""
    title = METRICS[of.metric].title
    copied = (
        f"Simulated from the predictions of {model} ({title} {of.value:.3f} on {of.images} test "
        f"images): its runs score as these do, those of the other, worse model are shifted towards "
        f"errors. Images are counted that are independent: a group of near-duplicates is about one."
    )
    share, spread = f"{of.disagreement:.1%}", f"{of.spread:.4f}"
    if of.runs > 1:
        low, high = np.quantile(of.spreads, [0.1, 0.9])
        hint = "" if of.runs >= _FIRM else " So few seeds tell little of it: take this as a hint."
        return [
            copied,
            f"Seen in its {of.runs} seeds: two runs decide {share} of the images differently, the "
            f"standard deviation of {title} between runs is {spread}. On endless images it may be "
            f"{low:.4f} to {high:.4f} (80%; runs usually scatter by about {ASSUMED_SPREAD:g} of "
            f"accuracy, which is ASSUMED to say as much as three seeds), and the chance is the "
            f"mean over that.{hint} ASSUMED of the other model: the same scatter, and that it "
            f"differs from this one by half more than two seeds do.",
        ]
    of_metric = "" if of.metric == "accuracy" else f" ({title}: {spread})"
    return [
        copied,
        f"ASSUMED, since predictions of one seed alone are known: two models decide {share} of the "
        f"images differently, as many as the run has wrong, and the accuracy of runs has a "
        f"standard deviation of {ASSUMED_SPREAD:g}{of_metric}. Runs of several seeds on one test "
        f"set show both, if their networks differ (fine-tuned ones do; folds do not: they predict "
        f"each image once).",
    ]
