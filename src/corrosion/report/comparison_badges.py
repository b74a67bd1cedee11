"""Badges of a comparison: its images, what its tests speak of, weights, runs and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from corrosion.evaluation.model_tests import CHECKPOINTS
from corrosion.report.badges import CAUTIONS, Badge, weights_badge
from corrosion.report.comparison_sentences import scope
from corrosion.system.provenance import shortcut_warning

if TYPE_CHECKING:  # compare measures with torch
    from corrosion.evaluation.comparison import ComparedModel, Comparison


def comparison_badges(comparison: Comparison, names: Mapping[str, str]) -> list[Badge]:
    """What the figures rest on; once where it is the same of all models.

    Args:
        comparison: comparison of finished runs.
        names: short name of each model by its name.
    """
    table = comparison.models[0].pooled.tables[0]
    found = [Badge(f"{len(table)} test images, {int(table['label'].sum())} with corrosion")]
    if comparison.tests is not None:
        of_models = (comparison.tests["speaks_of"] != CHECKPOINTS).all()
        text = "speaks of the models" if of_models else "speaks of these checkpoints only"
        about = scope(comparison) or ""
        found.append(Badge(text, "good" if of_models else "note", about, "notices"))
    of_badge: dict[Badge, list[str]] = {}
    for model in comparison.models:
        for badge in _of_model(model):
            of_badge.setdefault(badge, []).append(names[model.name])
    for badge, models in of_badge.items():
        everyone = len(models) == len(comparison.models)
        text = badge.text if everyone else f"{', '.join(models)}: {badge.text}"
        found.append(replace(badge, text=text))
    return found


def _of_model(model: ComparedModel) -> Iterator[Badge]:
    given = [run.facts.get("weights") or {} for run in model.pooled.runs]
    used = {str(one.get("used") or "unknown") for one in given}
    if len(used) > 1:
        yield Badge(f"weights {', '.join(sorted(used))}", "bad", anchor="hyperparameters")
    elif (badge := weights_badge(given[0])) is not None:
        # details name files of each network: they stand in compare.json
        yield replace(badge, title="", anchor="hyperparameters")
    seeds, runs = model.pooled.seeds, len(model.of_runs)
    folds = runs // seeds
    several = [
        f"{count} {what}" for count, what in ((seeds, "seeds"), (folds, "folds")) if count > 1
    ]
    yield Badge(" of ".join(several) or model.of_runs[0].name, anchor="runs")
    if model.pooled.caution:
        yield Badge("seeds predict the same", "bad", anchor="notices")
    if shortcut_warning(**model.pooled.runs[0].facts.get("shortcut") or {}):
        yield Badge("planted marks", "bad", anchor="notices")
    for word in dict.fromkeys(word for run in model.of_runs for word in run.cautions):
        yield Badge(CAUTIONS.get(word, word), "bad", anchor="notices")
