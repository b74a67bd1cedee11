"""What a sweep leaves behind: `sweep.json`, the best parameters, plots, and a table."""

from __future__ import annotations

import logging
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as plots
from rich.console import Console
from rich.table import Table

from corrosion.report.training_curves import write_figure
from corrosion.sweep.budget import ERROR, first_attempt
from corrosion.system.files import write_json, write_text
from corrosion.system.provenance import git_commit, versions

log = logging.getLogger(__name__)

_FACTS = ("host", "run_dir", "metrics", ERROR)


def write_results(
    directory: Path, study: optuna.Study, objectives: Sequence[str], *, overrides: Sequence[str]
) -> None:
    """Write and print what a study has found so far.

    Args:
        directory: directory that gets `sweep.json` (all trials, the best ones first),
            `conf/model/best.yaml` (for several objectives `best-N.yaml` of each trial N that no
            other beats in all), and `figures/`.
        study: study whose trials carry the facts that the sweeper recorded.
        objectives: names of the objectives, in the order of a trial's values.
        overrides: overrides of the command line that training the best model needs beside it.

    Raises:
        CorrosionError: a file can't be written.
    """
    trials = [trial for trial in study.get_trials() if trial.state != TrialState.WAITING]
    best = study.best_trials if len(objectives) > 1 else study.best_trials[:1]
    content = {
        "study": study.study_name,
        "objectives": {
            name: direction.name.lower()
            for name, direction in zip(objectives, study.directions, strict=True)
        },
        "trials_by_state": dict(Counter(trial.state.name.lower() for trial in trials)),
        "best": [_record(trial, objectives) for trial in best],
        "trials": [_record(trial, objectives) for trial in trials],
        "settings": study.user_attrs.get("settings"),
        "versions": {**versions(), "optuna": optuna.__version__},
        "git_commit": git_commit(Path(__file__).parent),
    }
    write_json(directory / "sweep.json", content)
    files = []
    for trial in best:
        name = "best" if len(objectives) == 1 else f"best-{trial.number}"
        files.append(directory / "conf" / "model" / f"{name}.yaml")
        write_text(files[-1], _model_config(trial, study, objectives))
    _write_figures(directory / "figures", study, objectives)
    _print(best, objectives, files, directory, overrides)


def _record(trial: FrozenTrial, objectives: Sequence[str]) -> dict[str, Any]:
    seconds = trial.duration.total_seconds() if trial.duration else None
    record = {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "objectives": dict(zip(objectives, trial.values or (), strict=False)),
        "params": trial.params,
        "seconds": seconds,
        **{key: trial.user_attrs[key] for key in _FACTS if key in trial.user_attrs},
    }
    if (first := first_attempt(trial)) != trial.number:
        record["retry_of"] = first
    if trial.intermediate_values:
        record["epochs"] = trial.intermediate_values
    return record


def _model_config(trial: FrozenTrial, study: optuna.Study, objectives: Sequence[str]) -> str:
    """The trial's model as a file of `conf/model`."""
    values = ", ".join(
        f"{name} {value:.6g}" for name, value in zip(objectives, trial.values, strict=True)
    )
    others = _beside_model(trial)
    header = f"# trial {trial.number} of {study.study_name}: {values} on validation\n"
    if others:
        header += f"# found together with {' '.join(others)}\n"
    config = {"defaults": ["_base"], **trial.user_attrs["model"]}
    return header + yaml.safe_dump(config, sort_keys=False)


def _beside_model(trial: FrozenTrial) -> list[str]:
    """Overrides for what was searched beside the model."""
    return [
        f"{key}={value}"
        for key, value in trial.params.items()
        if key != "model" and not key.startswith("model.")
    ]


def _print(
    best: Sequence[FrozenTrial],
    objectives: Sequence[str],
    files: Sequence[Path],
    directory: Path,
    overrides: Sequence[str],
) -> None:
    console = Console(soft_wrap=True)
    if not best:
        console.print(f"No trial was completed: {directory / 'sweep.json'} says why.")
        return
    table = Table(title="best trial" if len(best) == 1 else "best trials", title_justify="left")
    table.add_column("")
    for trial in best:
        table.add_column(f"trial {trial.number}", justify="right")
    rows = {
        **{name: [trial.values[index] for trial in best] for index, name in enumerate(objectives)},
        "test/accuracy": [_test_accuracy(trial) for trial in best],
        **{key: [trial.params[key] for trial in best] for key in best[0].params},
    }
    for heading, values in rows.items():
        table.add_row(heading, *map(_format, values))
    console.print(table)
    command = ["python", "train.py", "--config-dir", str(directory / "conf")]
    command += [f"model={files[0].stem}", *overrides, *_beside_model(best[0])]
    notes = {
        "train it": shlex.join(command),
        "results": str(directory),
    }
    for label, text in notes.items():
        console.print(f"{label + ':':<12} {text}", highlight=False, markup=False)


def _test_accuracy(trial: FrozenTrial) -> float | None:
    return trial.user_attrs.get("metrics", {}).get("test/accuracy")


def _format(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write_figures(directory: Path, study: optuna.Study, objectives: Sequence[str]) -> None:
    """Draw Optuna's plots of a study, once a trial is complete.

    `history.png`, `slice.png` and, where two trials differ, `importance.png`; for several
    objectives `pareto.png` instead.
    """
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    if not complete:
        return
    drawings: dict[str, Callable[..., Any]]
    if len(objectives) > 1:
        options: dict[str, Any] = {"target_names": list(objectives)}
        drawings = {"pareto": plots.plot_pareto_front}
    else:
        options = {"target_name": objectives[0]}
        drawings = {"history": plots.plot_optimization_history, "slice": plots.plot_slice}
        if len({trial.value for trial in complete}) > 1:
            drawings["importance"] = plots.plot_param_importances
    # Optuna draws through pyplot and changes its style: neither is to outlast this function
    with plt.ioff(), plt.rc_context():
        for name, draw in drawings.items():
            figure = np.ravel(draw(study, **options))[0].figure
            write_figure(directory / f"{name}.png", figure)
            plt.close(figure)
