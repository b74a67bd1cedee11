"""An evaluation as people and programs read it: tables, JSON, figures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from corrosion.evaluation.decisions import who_decides
from corrosion.evaluation.evaluation import Evaluation
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import (
    EVALUATED,
    LOSSES,
    METRICS,
    SHARES,
    agreement,
    few_for_losses,
    few_images,
    hinted_intervals,
)
from corrosion.evaluation.selective import BandResult
from corrosion.report.evaluation_figures import draw_figures
from corrosion.report.tables import (
    MISSING,
    TextTable,
    ends,
    format_number,
    print_sentences,
    with_interval,
)
from corrosion.report.training_curves import write_figure
from corrosion.runs import RunDirectory

_VALIDATION = RunDirectory(Path()).predictions_file("val")


def write_evaluation(run: RunDirectory, evaluation: Evaluation) -> None:
    """Write an evaluation and its figures into a run's directory."""
    run.write_evaluation(evaluation.as_dict())
    for name, drawing in draw_figures(evaluation).items():
        write_figure(run.figure_file(name), drawing)


def print_evaluation(evaluation: Evaluation, *, run_dir: Path) -> None:
    """Print the tables of an evaluation on standard output.

    Args:
        evaluation: evaluation of a run.
        run_dir: directory of the run.
    """
    console = Console(soft_wrap=True)
    for table in tables(evaluation):
        table.print(console)
    told = notes(evaluation) | {"results": str(run_dir)}
    print_sentences((f"{name + ':':<12} {text}" for name, text in told.items()))


def tables(evaluation: Evaluation) -> list[TextTable]:
    """Metrics of the test set; then by subgroup, and what `thresholds_table`, `prevalence_table`
    and `unlike_table` say, where there are any.
    """
    result = [metrics_table(evaluation), *subgroup_tables(evaluation)]
    if evaluation.choices:
        result.append(thresholds_table(evaluation))
    result += filter(None, (prevalence_table(evaluation), unlike_table(evaluation)))
    return result


def metrics_table(evaluation: Evaluation) -> TextTable:
    """Each of `EVALUATED` with its interval; losses of few images are told as a hint."""
    label = evaluation.predictions["label"]
    hint = " (hint only)" if few_for_losses(*_by_class(evaluation)) else ""
    return TextTable.of(
        f"{len(label)} test images, {int(label.sum())} with corrosion; corroded from a "
        f"probability of {evaluation.threshold:.4g}",
        ("metric", "value", _interval(evaluation)),
        (
            (
                METRICS[name].title + (hint if name in LOSSES else ""),
                format_number(evaluation.metrics[name].value),
                ends(evaluation.metrics[name]),
            )
            for name in EVALUATED
        ),
    )


def subgroup_tables(evaluation: Evaluation) -> list[TextTable]:
    """A table a column that subgroups are told by."""
    names = (*SHARES, "auroc")
    return [
        TextTable.of(
            f"By {column} ({_interval(evaluation)})",
            (column, "images", *(METRICS[name].title for name in names)),
            (
                (value, str(part.images), *(with_interval(part.metrics[name]) for name in names))
                for value, part in parts.items()
            ),
        )
        for column, parts in evaluation.subgroups.items()
    ]


def thresholds_table(evaluation: Evaluation) -> TextTable:
    """What each threshold chosen on validation does on the test set.

    Raises:
        ValueError: nothing was chosen.
    """
    if evaluation.choices is None:
        raise ValueError("nothing was chosen on validation")
    return TextTable.of(
        f"Thresholds chosen on {len(evaluation.choices.validation)} validation images, tried "
        f"on the test set ({_interval(evaluation)})",
        ("rule", "threshold", *(METRICS[name].title for name in SHARES)),
        (
            (
                one.threshold.rule,
                format_number(one.threshold.value),
                *(with_interval(one.test[name]) for name in SHARES),
            )
            for one in evaluation.choices.thresholds
        ),
    )


def prevalence_table(evaluation: Evaluation) -> TextTable | None:
    """What thresholds do where another share is corroded; None where none is given."""
    settings = evaluation.settings
    if settings.prevalence is None:
        return None
    costs = settings.costs and f"cost (missed {settings.costs[0]:g}, false {settings.costs[1]:g})"
    return TextTable.of(
        f"Where {settings.prevalence:.4g} of the photographs are corroded; the last columns of 100 "
        f"photographs ({_interval(evaluation)})",
        (
            "rule",
            "threshold",
            "precision (PPV)",
            "NPV",
            "false alarms",
            "missed",
            *([costs] if costs else []),
        ),
        (
            (
                one.threshold.rule,
                format_number(one.threshold.value),
                with_interval(one.precision),
                with_interval(one.npv),
                *(
                    _of_hundred(figure)
                    for figure in (one.false_alarms, one.missed, one.cost)
                    if figure is not None
                ),
            )
            for one in evaluation.at_prevalence
        ),
    )


def _of_hundred(one: Estimate) -> str:
    if math.isnan(one.value):
        return MISSING
    return f"{one.value:.2f} ({one.low:.2f}–{one.high:.2f})"


def unlike_table(evaluation: Evaluation) -> TextTable | None:
    """Photographs like and unlike those of the training; None where the predictions don't tell."""
    found = evaluation.unlike
    if found is None:
        return None
    rows = [
        ("like the training photographs", _complement(found.share), found.accuracy_like),
        ("unlike them", found.share, found.accuracy_unlike),
    ]
    if evaluation.choices is not None and found.decided is not None:
        band, by_band = evaluation.choices.band, evaluation.choices.band_on_test
        outside = f"not for an inspector ({who_decides((band.low, band.high))})"
        also_like = "of these, like the training photographs"
        for name, one in ((outside, by_band), (also_like, found.decided)):
            rows.append((name, one.coverage, _complement(one.risk)))
    return TextTable.of(
        f"Photographs unlike the training's, and what is decided without an inspector "
        f"({_interval(evaluation)})",
        ("photographs", "share of the test images", "accuracy"),
        ((name, *map(with_interval, figures)) for name, *figures in rows),
    )


def _complement(share: Estimate) -> Estimate:
    return replace(share, value=1 - share.value, low=1 - share.high, high=1 - share.low)


def _by_class(evaluation: Evaluation) -> tuple[int, int]:
    """Numbers of corroded and of sound test images."""
    counts = evaluation.confusion
    return counts.tp + counts.fn, counts.tn + counts.fp


def _interval(evaluation: Evaluation) -> str:
    return f"{evaluation.settings.level:.0%} interval"


def _decided(result: BandResult) -> str:
    """What is decided without an inspector, and how much of that wrongly."""
    if math.isnan(result.risk.value):
        return "the network decides none of the test images"
    coverage, risk = with_interval(result.coverage), with_interval(result.risk)
    return f"the network decides {coverage} of the test images, {risk} of these wrongly"


def notes(evaluation: Evaluation) -> dict[str, str]:
    """What the tables leave unsaid, by name."""
    counts = evaluation.confusion
    lines = {
        "confusion": f"{counts.tp} corroded found, {counts.fn} missed; {counts.tn} clean cleared, "
        f"{counts.fp} false alarm{'' if counts.fp == 1 else 's'}",
        "agreement": agreement(evaluation.metrics["kappa"].value),
    }
    if few := few_images(sum(counts)):
        lines = {"confusion": lines["confusion"], "CAUTION": few}
    if few := few_for_losses(*_by_class(evaluation)):
        lines["LOSSES"] = few
    if hint := hinted_intervals(*_by_class(evaluation), evaluation.metrics["auroc"].value):
        lines["INTERVALS"] = hint
    lines |= {word.upper(): text for word, text in evaluation.competence.cautions.items()}
    if evaluation.choices is None:
        return lines | {
            "thresholds": f"none chosen, and no band for an inspector: there is no {_VALIDATION} "
            f"(path, label, probability of the validation images) of both classes. A training "
            f"writes it at its end: python train.py resume=RUN goes on with an interrupted one"
        }
    chosen, band = evaluation.choices, evaluation.choices.band
    if chosen.not_promised:
        lines["PROMISE"] = " ".join(chosen.not_promised)
    if band.confidence is not None:
        promised = [one.threshold for one in chosen.thresholds if "recall" in one.threshold.rule]
        lines["to use it"] = (
            "a checkpoint decides by the thresholds and the band of its own training, which "
            f"choices.confidence={band.confidence:g} of a training promises"
        ) + "".join(
            f"; corrosion predict --threshold {one.value:.4g} decides by the recall promised here"
            for one in promised[-1:]
        )
    return lines | {
        "temperature": f"{chosen.temperature.value:.3f}; calibration error on the test set "
        f"{chosen.ece[0]:.4f} before, {chosen.ece[1]:.4f} after",
        "inspector": f"{who_decides((band.low, band.high))} ({band.rule})",
        "decisions": _decided(chosen.band_on_test),
    }
