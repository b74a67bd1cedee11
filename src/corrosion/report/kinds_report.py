"""Kinds of corrosion of a run: files, tables and a figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from corrosion.evaluation.kinds import METRIC_TITLES, KindEvaluation
from corrosion.evaluation.run_facts import RunKinds
from corrosion.report.tables import TextTable, ends, format_number, with_interval
from corrosion.report.training_curves import write_figure
from corrosion.runs import RunDirectory

FIGURE = "kinds_confusion"
"""Name of the figure."""

_ROTATED = 4  # more names than this stand upright


def write_kinds(run: RunDirectory, kinds: RunKinds) -> None:
    """Write what a run says of kinds of corrosion, with its figure, into its directory."""
    evaluation = kinds.evaluation
    confusion = pd.DataFrame(evaluation.confusion, columns=list(evaluation.names))
    confusion.insert(0, "true kind", list(evaluation.names))
    content = {
        "names": list(evaluation.names),
        "photographs": {name: dict(counts) for name, counts in kinds.counts.items()},
        "test": evaluation.as_dict(),
    }
    run.write_kinds(content, kinds.table, confusion)
    write_figure(run.figure_file(FIGURE), draw_kinds(evaluation))


def kinds_tables(kinds: RunKinds) -> list[TextTable]:
    """Metrics of the kinds, and figures of each."""
    evaluation = kinds.evaluation
    level = f"{evaluation.level:.0%} interval"
    return [
        TextTable.of(
            f"Kinds of corrosion, of {evaluation.images} corroded test images whose kind is known",
            ("metric", "value", level),
            (
                (METRIC_TITLES[name], format_number(one.value), ends(one))
                for name, one in evaluation.metrics.items()
            ),
        ),
        TextTable.of(
            f"Each kind ({level})",
            ("kind", "training", "test", "corrosion detected", "recall", "precision", "F1"),
            (
                (
                    name,
                    str(kinds.counts.get(name, {}).get("train", 0)),
                    str(one.images),
                    with_interval(one.detected),
                    with_interval(one.recall),
                    with_interval(one.precision),
                    format_number(one.f1, 3),
                )
                for name, one in evaluation.kinds.items()
            ),
        ),
    ]


def kinds_cautions(kinds: RunKinds) -> list[str]:
    """Sentences without which the tables should not be read."""
    learnt = kinds.evaluation.names
    rare = [name for name in kinds.counts if name not in learnt]
    said = list(kinds.evaluation.cautions)
    if rare:
        said.append(f"Too few training photographs to be learnt: {', '.join(rare)}.")
    return said


def kinds_sentence(kinds: RunKinds) -> str:
    """The outcome in one line.

    Example:
        >>> from corrosion.evaluation.kinds import evaluate_kinds
        >>> table = pd.DataFrame({"kind": list("ab"), "told": list("ab"), "detected": [1, 1]})
        >>> kinds_sentence(RunKinds({}, table, evaluate_kinds(table, ("a", "b"))))
        'accuracy 1.000 (0.342–1.000), macro F1 1.000 of 2 corroded test images whose kind is known'
    """
    metrics = kinds.evaluation.metrics
    if not kinds.evaluation.images:
        return "no corroded test image has a known kind"
    return (
        f"accuracy {with_interval(metrics['accuracy'])}, macro F1 "
        f"{with_interval(metrics['macro_f1'])} of {kinds.evaluation.images} corroded test images "
        f"whose kind is known"
    )


def draw_kinds(evaluation: KindEvaluation) -> Figure:
    """The confusion matrix of the kinds, with counts, shaded by shares of the true kind."""
    names, matrix = evaluation.names, evaluation.confusion
    side = 2.4 + 0.75 * len(names)
    figure = Figure(figsize=(min(side + 0.6, 12), min(side, 11)), layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 12 if len(names) <= 10 else 7
    for (row, column), share in np.ndenumerate(shares):
        color = "white" if share > 0.5 else "black"
        text = str(matrix[row, column])
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)
    places, turned = range(len(names)), 0 if len(names) <= _ROTATED else 90
    axes.set_xticks(places, labels=list(names), rotation=turned)
    axes.set_yticks(places, labels=list(names))
    axes.set(xlabel="told", ylabel="true")
    return figure
