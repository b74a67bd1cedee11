"""A run on one page, for a colleague who has nothing but the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from corrosion.data.labels import CLASSES
from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.evaluation import Evaluation
from corrosion.evaluation.metric_table import METRICS
from corrosion.evaluation.run_facts import RunFacts, read_run_facts
from corrosion.report.data_summary import data_tables, findings, leaks
from corrosion.report.evaluation_figures import draw_page_figures
from corrosion.report.evaluation_report import (
    metrics_table,
    notes,
    prevalence_table,
    subgroup_tables,
    thresholds_table,
    unlike_table,
)
from corrosion.report.kinds_report import (
    FIGURE as KINDS_FIGURE,
)
from corrosion.report.kinds_report import draw_kinds, kinds_cautions, kinds_tables
from corrosion.report.page import inline_svg, write_page
from corrosion.report.run_outcome import answers, badges, warnings
from corrosion.report.run_photographs import foremost, shown_photographs
from corrosion.report.tables import TextTable, format_number
from corrosion.report.training_curves import draw_page_curves
from corrosion.runs import RunDirectory
from corrosion.settings.resumed import flat
from corrosion.system.shown_paths import shown_path, without_folders

_MISTAKES = 20


def write_report(run_dir: Path, evaluation: Evaluation, *, path: Path | None = None) -> Path:
    """Write the report of a run from its files.

    Args:
        run_dir: directory of the run, or one of its checkpoints; what no file tells is left out.
        evaluation: evaluation of the run.
        path: path of the page; None for the run's own report.

    Returns:
        Where it is.

    Raises:
        CorrosionError: a file of the run can't be read, or the page can't be written.
    """
    return write_run_page(read_run_facts(RunDirectory.of(run_dir)), evaluation, path=path)


def write_run_page(run: RunFacts, evaluation: Evaluation, *, path: Path | None = None) -> Path:
    """Write the report of a run of which everything is known.

    Args:
        run: what it says of itself; of its files, the pictures alone are read.
        evaluation: evaluation of the run.
        path: path of the page, as for `write_report`.

    Returns:
        Where it is.

    Raises:
        CorrosionError: the page can't be written.
    """
    path = path or run.directory.report_file
    figures = draw_page_figures(evaluation)
    if run.history is not None and len(run.history) > 1:
        figures |= draw_page_curves(run.history)
    if run.kinds is not None and run.kinds.evaluation.images:
        figures[KINDS_FIGURE] = draw_kinds(run.kinds.evaluation)
    photographs = shown_photographs(run)
    first = foremost(photographs)
    write_page(
        path,
        "run.html",
        run=run,
        evaluation=evaluation,
        answers=answers(evaluation),
        badges=badges(run, evaluation),
        warnings=warnings(run, evaluation).values(),
        first=first,
        photographs=[one for one in photographs if one not in first],
        data_tables=[] if run.split is None else data_tables(run.split),
        findings=findings(run.facts.get("curation") or {}),
        single_epoch=_single_epoch(run),
        leaks={} if run.split is None else leaks(run.split),
        metrics=metrics_table(evaluation),
        subgroups=subgroup_tables(evaluation),
        thresholds=thresholds_table(evaluation) if evaluation.choices else None,
        unlike=unlike_table(evaluation),
        at_prevalence=prevalence_table(evaluation),
        kinds=[] if run.kinds is None else kinds_tables(run.kinds),
        kinds_cautions=[] if run.kinds is None else kinds_cautions(run.kinds),
        notes=notes(evaluation),
        figures={
            name: inline_svg(drawing, name=name.replace("_", " "))
            for name, drawing in figures.items()
        },
        mistakes=mistakes_table(evaluation, roots=_roots(run.config)),
        facts=_facts(run.facts),
        config=_config(run.config),
        commands=_commands(run),
    )
    return path


def _single_epoch(run: RunFacts) -> str | None:
    """What a training of one epoch has in place of curves."""
    if run.history is None or len(run.history) != 1:
        return None
    row = run.history.iloc[0]
    shown = [
        f"{METRICS[name].title} {format_number(row.get(f'train/{name}'))} in training and "
        f"{format_number(row.get(f'val/{name}'))} in validation"
        for name in ("loss", "accuracy")
    ]
    return f"One epoch, and so no curves: {', '.join(shown)}."


def mistakes_table(evaluation: Evaluation, *, roots: Sequence[str] = ()) -> TextTable | None:
    """The wrong decisions the network was surest of; None where there are none.

    Args:
        evaluation: evaluation of a run.
        roots: folders of the data, below which images are named.
    """
    table = evaluation.predictions
    wrong = table[is_corroded(table["probability"], evaluation.threshold) != table["label"]]
    if wrong.empty:
        return None
    sureness = (wrong["probability"] - evaluation.threshold).abs()
    worst = wrong.loc[sureness.sort_values(ascending=False, kind="stable").index].head(_MISTAKES)
    title = f"{len(wrong)} wrong decisions"
    if len(wrong) > _MISTAKES:
        title += f", the {_MISTAKES} the network was surest of"
    rows = worst[["path", "label", "probability"]].itertuples(index=False, name=None)
    return TextTable.of(
        title,
        ("image", "it shows", "probability of corrosion"),
        (
            (shown_path(path, roots), _words(CLASSES[label]), format_number(value, 3))
            for path, label, value in rows
        ),
    )


def _roots(config: Mapping[str, Any]) -> list[str]:
    """Folders of the data that a run's settings name."""
    root = (config.get("data") or {}).get("root") or []
    return [root] if isinstance(root, str) else list(root)


def _config(config: Mapping[str, Any]) -> str:
    if not config:
        return ""
    return yaml.safe_dump(without_folders(config), sort_keys=False, allow_unicode=True)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """What a result was made with, by name."""
    weights, seconds = facts.get("weights") or {}, facts.get("seconds") or {}
    machine = facts.get("machine") or {}
    chosen = {
        "model": facts.get("model"),
        "parameters": _with_commas(facts.get("parameters")),
        "first weights": weights and f"{weights.get('used')} ({weights.get('detail')})",
        "epochs": facts.get("epochs"),
        "best epoch": facts.get("best_epoch"),
        "training": seconds and f"{seconds['fit'] / 60:.1f} minutes",
        "seed": facts.get("seed"),
        "precision": facts.get("precision"),
        "machine": machine and f"{machine.get('name')} ({machine.get('device')})",
        "commit": facts.get("git_commit"),
        **(facts.get("versions") or {}),
    }
    return {name: str(value) for name, value in chosen.items() if value not in (None, "", {})}


def _with_commas(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _commands(run: RunFacts) -> Markup | str:
    """The commands that repeat the run; empty for what was not trained by train.py."""
    if not run.config:
        return ""
    lines = []
    commit = str(run.facts.get("git_commit") or "")
    if commit.endswith("-dirty"):
        lines.append("# the code had changes that the commit lacks")
    if commit:
        lines.append(f"git checkout {commit.removesuffix('-dirty')}")
    overrides = list(run.overrides)
    for path in sorted(filter(_is_absolute, flat(run.config).values()), key=len, reverse=True):
        overrides = [one.replace(path, Path(path).name) for one in overrides]  # with spaces too
    return "\n".join([*lines, shlex.join(["python", "train.py", *without_folders(overrides)])])


def _is_absolute(value: Any) -> bool:
    return isinstance(value, str) and Path(value).is_absolute()
