"""What the first screen of a run's page says: how good, on what, and whether to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from markupsafe import Markup

from corrosion.evaluation.evaluation import Evaluation
from corrosion.evaluation.metric_table import METRICS, few_images
from corrosion.evaluation.run_facts import RunFacts
from corrosion.report.badges import CAUTIONS, Badge, weights_badge
from corrosion.report.data_summary import leaks
from corrosion.report.estimate_drawings import interval_drawing
from corrosion.report.tables import format_number
from corrosion.system.provenance import shortcut_warning


@dataclass(frozen=True)
class Answer:
    """A figure of the first screen.

    Attributes:
        title: what it is.
        value: the figure.
        interval: the ends of its interval; empty where there is none.
        sentence: the same in counts.
        drawing: figure and interval on a scale from 0 to 1.
    """

    title: str
    value: str
    interval: str
    sentence: str
    drawing: Markup


def answers(evaluation: Evaluation) -> list[Answer]:
    """Recall, precision and accuracy, each with its interval and the counts behind it."""
    counts = evaluation.confusion
    images, corroded, alarms = sum(counts), counts.tp + counts.fn, counts.tp + counts.fp
    sentences = {
        "recall": f"It finds {counts.tp} of the {corroded} corroded ones."
        if corroded
        else "No test image is corroded.",
        "precision": f"Of its {alarms} alarms {counts.tp} are right."
        if alarms
        else "It raises no alarm.",
        "accuracy": f"It decides {counts.tp + counts.tn} of {images} rightly, "
        f"{counts.fn + counts.fp} wrongly.",
    }
    found = []
    for name, sentence in sentences.items():
        estimate, title = evaluation.metrics[name], METRICS[name].title
        known = not math.isnan(estimate.low)
        found.append(
            Answer(
                title,
                format_number(estimate.value, 3),
                f"{estimate.low:.3f} to {estimate.high:.3f}" if known else "",
                sentence,
                interval_drawing(estimate, name=title),
            )
        )
    return found


def warnings(run: RunFacts, evaluation: Evaluation) -> dict[str, str]:
    """What must be said beside the figures: sentences by a few words."""
    found = {}
    if few := few_images(images := sum(evaluation.confusion)):
        found[f"only {images} test photographs"] = f"{few[0].upper()}{few[1:]}."
    if shortcut := shortcut_warning(**run.facts.get("shortcut") or {}):
        found["planted marks"] = shortcut
    generated = bool(run.facts.get("generated"))
    for word, sentence in replace(evaluation.competence, generated=generated).cautions.items():
        found[CAUTIONS.get(word, word)] = sentence
    weights = run.facts.get("weights") or {}
    if weights.get("used") == "random" and weights.get("requested") is not None:
        found["random weights"] = (
            f"The network was trained from random weights: {weights.get('detail')} Its figures say "
            f"nothing of what fine-tuning ImageNet weights would reach."
        )
    return found


def badges(run: RunFacts, evaluation: Evaluation) -> list[Badge]:
    """What the figures rest on: warnings first, then weights, seed, leaks and calibration."""
    warned = warnings(run, evaluation)
    found = [Badge(word, "bad", sentence, "warnings") for word, sentence in warned.items()]
    weights = weights_badge(run.facts.get("weights"))
    if weights is not None and weights.text not in warned:
        found.append(weights)
    if run.split is not None and (known := leaks(run.split)):
        of_test = [count for sentence, count in known.items() if sentence.startswith("test")]
        told = f"{max(of_test, default=0)} test images known from training"
        found.append(
            Badge(told, "bad", anchor="leaks")
            if any(of_test)
            else Badge("no test image known from training", "good", anchor="leaks")
        )
    if (seed := run.facts.get("seed", run.config.get("seed"))) is not None:
        found.append(Badge(f"seed {seed}"))
    if run.history is not None and (best := run.facts.get("best_epoch")) is not None:
        found.append(Badge(f"epoch {best} of {len(run.history)}", anchor="training"))
    error = evaluation.metrics["ece"]
    if error.expected is not None:
        told = f"calibration error {error.value:.3f}, {error.expected:.3f} by chance"
        title = "Beside the calibration error stands what chance gives a calibrated network."
        found.append(Badge(told, "note", title, "calibration"))
    if str(run.facts.get("git_commit") or "").endswith("-dirty"):
        found.append(Badge("changed code", title="The code had changes that its commit lacks."))
    return found
