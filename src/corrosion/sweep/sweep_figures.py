"""Optuna's plots of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
from optuna.trial import TrialState
from optuna.visualization import matplotlib as plots

from corrosion.report.training_curves import write_figure


def write_sweep_figures(
    directory: Path, study: optuna.Study, objectives: Sequence[str]
) -> list[Path]:
    """Draw what a study shows.

    Args:
        directory: where the PNG files go.
        study: its trials may still be few.
        objectives: names, one per value of a trial.

    Returns:
        The files: `history.png`, `slice.png` and, where two trials differ, `importance.png`; for
        several objectives `pareto.png` instead. None where no trial is complete.
    """
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    if not complete:
        return []
    drawings: dict[str, Callable[..., Any]]
    if len(objectives) > 1:
        options: dict[str, Any] = {"target_names": list(objectives)}
        drawings = {"pareto": plots.plot_pareto_front}
    else:
        options = {"target_name": objectives[0]}
        drawings = {"history": plots.plot_optimization_history, "slice": plots.plot_slice}
        if len({trial.value for trial in complete}) > 1:
            drawings["importance"] = plots.plot_param_importances
    written = []
    # Optuna draws through pyplot and changes its style: neither is to outlast this function
    with plt.ioff(), plt.rc_context():
        for name, draw in drawings.items():
            figure = np.ravel(draw(study, **options))[0].figure
            path = directory / f"{name}.png"
            write_figure(path, figure)
            plt.close(figure)
            written.append(path)
    return written
