"""A model card (Mitchell et al., FAT* 2019): what a checkpoint is, was shown to do, and is not for.

Markdown with the header that the Hugging Face hub reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from corrosion.data.labels import CLASSES
from corrosion.evaluation.evaluation import Evaluation
from corrosion.evaluation.metric_table import METRICS
from corrosion.evaluation.run_facts import RunFacts
from corrosion.report.data_summary import data_tables, findings, leaks
from corrosion.report.evaluation_report import (
    metrics_table,
    notes,
    subgroup_tables,
    thresholds_table,
    unlike_table,
)
from corrosion.report.tables import TextTable
from corrosion.settings.packing import PackSettings

_OF_HUB: Mapping[str, str] = {"accuracy": "accuracy", "f1": "f1", "auroc": "roc_auc"}
_NOT_FOR = (
    "Deciding alone whether a structure is safe. It sees surfaces on photographs, not thickness, "
    "cracks below paint, or loads.",
    "Photographs unlike those it was trained on: other materials, cameras, distances, weather. "
    "Measure it on labelled photographs of yours first (`corrosion evaluate MODEL --data FOLDER`).",
    "Saying that rust is absent where the photograph does not show the place.",
)


@dataclass(frozen=True, eq=False)
class CardFacts:
    """What a card tells.

    Attributes:
        title: name of the model.
        description: of the checkpoint, as `corrosion.models.checkpoint.describe` gives it.
        cautions: what must be said beside every decision.
        settings: what the user has said.
        run: the run that made it; None where the checkpoint lies alone.
        evaluation: of that run; None where it has no predictions.
    """

    title: str
    description: Mapping[str, Any]
    cautions: Sequence[str]
    settings: PackSettings
    run: RunFacts | None
    evaluation: Evaluation | None


def model_card(facts: CardFacts) -> str:
    """The card's text.

    Args:
        facts: what it tells.

    Returns:
        Markdown with a header in YAML.
    """
    parts = [_header(facts), f"# {_line(facts.title)}", _about(facts)]
    parts += [f"> **Caution.** {_line(caution)}" for caution in facts.cautions]
    parts += _section("Use it", _use(facts))
    parts += _section("What it was shown to do", _figures(facts))
    parts += _section("Photographs it was trained on", _data(facts))
    parts += _section("What it must not be used for", [_listed(_NOT_FOR)])
    parts += _section("How it was made", [markdown(_made(facts))])
    parts += _section("Licence and contact", _licence(facts))
    return "\n\n".join(parts) + "\n"


def markdown(table: TextTable) -> str:
    """A table in Markdown, below its title.

    Example:
        >>> print(markdown(TextTable.of("Images", ("subset", "all"), [("test", "60")])))
        **Images**
        <BLANKLINE>
        | subset | all |
        | --- | ---: |
        | test | 60 |
    """
    rule = ["---"] * table.names + ["---:"] * (len(table.columns) - table.names)
    lines = [table.columns, rule, *table.rows]
    body = "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)
    return f"**{_line(table.title)}**\n\n{body}"


def _header(facts: CardFacts) -> str:
    header: dict[str, Any] = {
        "library_name": "timm",
        "pipeline_tag": "image-classification",
        "tags": ["corrosion", "rust", "inspection", "timm", "safetensors", "grad-cam"],
    }
    if facts.settings.license is not None:
        header = {"license": facts.settings.license, **header}
    if facts.evaluation is not None:
        metrics = [
            {
                "type": kind,
                "name": METRICS[name].title,
                "value": facts.evaluation.metrics[name].value,
            }
            for name, kind in _OF_HUB.items()
        ]
        header["model-index"] = [
            {
                "name": facts.title,
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"type": "own", "name": "test photographs of the run"},
                        "metrics": metrics,
                    }
                ],
            }
        ]
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---"


def _about(facts: CardFacts) -> str:
    known = facts.description
    size, parameters = known["image_size"], known["parameters"]
    return (
        f"Tells photographs of corroded metal from sound ones. Backbone {known['backbone']} at "
        f"{size} x {size} pixels, {parameters:,} parameters; "
        f"a probability of corrosion for each photograph, decided at {known['threshold']:.4g}, and "
        f"a map of what it looks at (Grad-CAM)."
    )


def _use(facts: CardFacts) -> list[str]:
    shape = facts.description["image_size"]
    return [
        "With corrosion, in a terminal and in Python (`MODEL` is this folder):",
        "```\ncorrosion predict MODEL PHOTOS --explain\n```",
        '```python\nimport corrosion\n\nmodel = corrosion.load_model("MODEL")\n'
        "model.predict_proba(images)  # uint8 RGB (N, 3, H, W)\n```",
        "With timm alone, the backbone as a feature extractor:",
        "```python\nimport timm\n\n"
        'backbone = timm.create_model("local-dir:MODEL", pretrained=True).eval()\n'
        f"features = backbone(normalised)  # float (N, 3, {shape}, {shape}) -> (N, C, h, w)\n```",
    ]


def _figures(facts: CardFacts) -> list[str]:
    evaluation = facts.evaluation
    if evaluation is None:
        return [
            "Unknown: the checkpoint was packed without the predictions of its run. Measure it on "
            "labelled photographs: `corrosion evaluate MODEL --data FOLDER`."
        ]
    tables = [metrics_table(evaluation), *subgroup_tables(evaluation)]
    if evaluation.choices:
        tables.append(thresholds_table(evaluation))
    if (unlike := unlike_table(evaluation)) is not None:
        tables.append(unlike)
    told = notes(evaluation)
    lines = [f"{name}: {text}" for name, text in told.items() if text not in facts.cautions]
    return [*map(markdown, tables), _listed(lines)]


def _data(facts: CardFacts) -> list[str]:
    parts = [_line(facts.settings.data)] if facts.settings.data else []
    run = facts.run
    if run is None or run.split is None:
        return [*parts, "What they were is unknown: the checkpoint was packed without its run."]
    parts += map(markdown, data_tables(run.split))
    leaking = {what: count for what, count in leaks(run.split).items() if count}
    found = [f"{count} {what}" for what, count in leaking.items()]
    known = findings(run.facts.get("curation") or {})
    return [
        *parts,
        _listed([*known, *(found or ["no test or validation image has a copy in training"])]),
    ]


def _made(facts: CardFacts) -> TextTable:
    known = facts.description
    weights = known.get("weights") or {}
    rows: dict[str, Any] = {
        "classes": ", ".join(CLASSES),
        "first weights": weights.get("detail"),
        "resize": known["resize"],
        "test-time augmentation": known["tta"],
        "temperature": f"{known['temperature']:.4g}",
        "epoch": known["epoch"],
        "sha256": known.get("sha256"),
    }
    if facts.run is not None:
        run = facts.run.facts
        rows |= {
            "hyperparameters": ", ".join(
                f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in (run.get("hyperparameters") or {}).items()
            ),
            "seed": run.get("seed"),
            "precision": run.get("precision"),
            "machine": (run.get("machine") or {}).get("name"),
            **(run.get("versions") or {}),
        }
    told = [(name, str(value)) for name, value in rows.items() if value not in (None, "")]
    return TextTable.of("The checkpoint and its training", ("what", "value"), told, names=2)


def _licence(facts: CardFacts) -> list[str]:
    given = facts.settings
    licence = (
        f"Licence of the weights: {given.license}."
        if given.license
        else "No licence of the weights was named: ask before you use them for others."
    )
    return [licence, *([f"Contact: {given.contact}."] if given.contact else [])]


def _section(title: str, parts: Iterable[str]) -> list[str]:
    return [f"## {title}", *parts]


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_line(line)}" for line in lines)


def _line(text: str) -> str:
    """A text on one line, in which nothing is HTML."""
    return " ".join(text.split()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")
