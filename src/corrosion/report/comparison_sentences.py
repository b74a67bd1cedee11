"""What must be known of a comparison before its figures are read, and what it concludes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from corrosion.evaluation.conclusions import conclusion
from corrosion.evaluation.metric_table import METRICS, few_for_losses, hinted_intervals
from corrosion.evaluation.model_tests import CHECKPOINTS
from corrosion.evaluation.run_tests import ENOUGH_RUNS, POWER
from corrosion.system.provenance import shortcut_warning

if TYPE_CHECKING:  # compare measures with torch
    from corrosion.evaluation.comparison import Comparison

CONCLUDED = ("accuracy", "f1", "auroc")
"""Metrics on which sentences are written in any case."""


def concluded(comparison: Comparison, *, hints: bool = True) -> tuple[str, ...]:
    """`CONCLUDED`, and log loss where a difference in it is significant.

    Decisions and ranks may be as good as before where probabilities are worse.

    Args:
        comparison: comparison of finished runs.
        hints: log loss also where the test images are so few that it is a hint only.
    """
    tests = comparison.tests
    if not hints and _few(comparison):
        return CONCLUDED
    told = tests is not None and tests.loc[tests["metric"] == "log_loss", "significant"].any()
    return (*CONCLUDED, "log_loss") if told else CONCLUDED


def notices(comparison: Comparison, *, paper: bool = False) -> list[str]:
    """What stands at the top: what the tests speak of, and which networks are no match.

    Args:
        comparison: comparison of finished runs.
        paper: whether published figures stand beside the runs.
    """
    found = [] if (about := scope(comparison)) is None else [about]
    if paper:
        found += _not_from_imagenet(comparison)
    for model in comparison.models:
        if warning := shortcut_warning(**model.pooled.runs[0].facts.get("shortcut") or {}):
            found.append(f"{model.name}: {warning}")
    found += [one for model in comparison.models if (one := model.pooled.caution) is not None]
    found += _cautions(comparison)
    if few := _few(comparison):
        found.append(few)
    label = comparison.models[0].pooled.tables[0]["label"]
    images, corroded = len(label), int(label.sum())
    areas = [model.metrics["auroc"].value for model in comparison.models]
    if hint := hinted_intervals(corroded, images - corroded, max(areas)):
        found.append(hint)
    return found


def _few(comparison: Comparison) -> str | None:
    """What to say beside losses of a small test set."""
    label = comparison.models[0].pooled.tables[0]["label"]
    return few_for_losses(int(label.sum()), int((label == 0).sum()))


def scope(comparison: Comparison) -> str | None:
    """What the tests speak of, in one sentence; None where nothing was tested."""
    if comparison.tests is None:
        return None
    of_checkpoints = comparison.tests["speaks_of"] == CHECKPOINTS
    if not of_checkpoints.any():
        return (
            "The tests count other runs than these: they speak of the models, trained as these "
            "were, not of single checkpoints."
        )
    which = (
        "The tests speak"
        if of_checkpoints.all()
        else 'Where it says "this checkpoint", tests speak'
    )
    return (
        f"{which} of these checkpoints only, not of the models: with another seed the result may "
        f"turn round. A sentence about a model takes {ENOUGH_RUNS} seeds (seed=0,1,2) or "
        f"{ENOUGH_RUNS} folds of each at least."
    )


def conclusions(comparison: Comparison) -> list[str]:
    """Which differences are significant, and which would have been found.

    What they hold for is the first of `notices`, and not said again.
    """
    if comparison.tests is None:
        return ["A single model: there is nothing to test it against."]
    tested = [conclusion(comparison.tests, name) for name in concluded(comparison)]
    if len(tested) > len(CONCLUDED) and _few(comparison):
        tested[-1] += " Of so few test images this is a hint only."
    return [*tested, *_detectable(comparison)]


def headline(comparison: Comparison) -> str:
    """The answer in a sentence: how many of the differences are significant."""
    if comparison.tests is None:
        return "A single model: there is nothing to test it against."
    metrics = concluded(comparison, hints=False)
    rows = comparison.tests[comparison.tests["metric"].isin(metrics)]
    count, names = int(rows["significant"].sum()), [METRICS[name].title for name in metrics]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    of = "models" if (rows["speaks_of"] != CHECKPOINTS).all() else "checkpoints"
    if count == 0:
        return f"Nothing is significant: the test images tell no two {of} apart in {listed}."
    which = "Every difference" if count == len(rows) else f"{count} of {len(rows)} differences"
    are = "is" if count in (1, len(rows)) else "are"
    return f"{which} of these {of} in {listed} {are} significant."


def _detectable(comparison: Comparison) -> Iterator[str]:
    """For each pair which difference it could have found."""
    if comparison.tests is None:
        return
    rows = comparison.tests[comparison.tests["metric"].isin(CONCLUDED)]
    for (a, b), of_pair in rows.groupby(["a", "b"], sort=False):
        told = [
            f"{row['detectable']:.3f} in {METRICS[row['metric']].title}"
            for row in of_pair.to_dict("records")
            if not math.isnan(row["detectable"])
        ]
        if told:
            yield (
                f"{a} and {b}: with a chance of {POWER:.0%} this comparison finds a difference of "
                f"{' and '.join(told)} or more, if models scatter as these do; smaller ones it is "
                f"likely to miss."
            )
        else:
            yield (
                f"{a} and {b}: nothing tells which difference this comparison could have found, "
                f"since no image sets them apart."
            )


def _not_from_imagenet(comparison: Comparison) -> Iterator[str]:
    """A banner where published figures, of fine-tuned networks, stand beside other ones."""
    others = {
        f"{model.name} ({run.weights})": None
        for model in comparison.models
        for run in model.of_runs
        if run.weights not in (None, "imagenet")
    }
    if others:
        yield (
            f"NOT THE STUDY'S TRAINING: the published networks started from ImageNet weights, "
            f"these did not: {', '.join(others)}. The published figures beside them say nothing of "
            f"the backbones."
        )


def _cautions(comparison: Comparison) -> Iterator[str]:
    """What must be said of the networks; once where it is the same of several."""
    told: dict[str, list[str]] = {}
    for model in comparison.models:
        of_model: dict[str, list[str]] = {}
        for run in model.of_runs:
            for sentence in run.cautions.values():
                of_model.setdefault(sentence, []).append(run.name)
        for sentence, runs in of_model.items():
            which = "" if len(runs) == len(model.of_runs) else f", {', '.join(runs)}"
            told.setdefault(sentence, []).append(f"{model.name}{which}")
    for sentence, names in told.items():
        yield f"{'; '.join(names)}: {sentence}"
