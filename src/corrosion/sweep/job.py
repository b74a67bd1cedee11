"""What a launched job says of its trial."""

from __future__ import annotations

import logging
import platform
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import OmegaConf
from optuna.trial import Trial

from corrosion.runs import RunDirectory
from corrosion.sweep.study import SharedStudy

log = logging.getLogger(__name__)


def settle(study: SharedStudy, trial: Trial, job: JobReturn) -> None:
    """Record in the study how a job ended.

    Args:
        study: study that the trial belongs to.
        trial: trial in state RUNNING.
        job: returned the objective, a tuple of objectives, or None where it was pruned; or raised.
    """
    facts = _facts(job)
    try:
        values = job.return_value
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        log.warning("trial %d failed: %s", trial.number, reason)
        study.fail(trial, reason, facts)
        return
    if values is None:
        study.prune(trial, facts)
        return
    study.complete(trial, values if isinstance(values, tuple) else (values,), facts)


def _facts(job: JobReturn) -> dict[str, Any]:
    """Where a trial ran, with which model, and its metrics, for `sweep.json`."""
    assert job.hydra_cfg is not None
    assert job.cfg is not None
    run_dir = Path(job.hydra_cfg.hydra.runtime.output_dir)
    facts = {
        "host": platform.node(),
        "run_dir": str(run_dir),
        "model": OmegaConf.to_container(job.cfg.model, resolve=True),
    }
    if content := RunDirectory(run_dir).read_metrics():  # none where training did not end
        facts["metrics"] = {key: value for key, value in content.items() if "/" in key}
    return facts
