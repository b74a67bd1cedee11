"""Hydra's side of a sweep: overrides become trials, and finished jobs become their results.

`StudySweeper` takes search spaces and samplers from the Hydra Optuna sweeper, but runs them on a
study that several processes share: the plugin's own loop starts `n_trials` more at every call,
counts failures by batch, gives no signs of life, and knows no pruned trials.
"""

from __future__ import annotations

import gc
import logging
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import InstantiationException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import direction
from corrosion.runs import RunDirectory
from corrosion.settings.resumed import flat

if TYPE_CHECKING:  # Optuna and what needs it load only for a sweep
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

    from corrosion.sweep.space import Space
    from corrosion.sweep.study import Direction, SharedStudy

log = logging.getLogger(__name__)

_SAMPLERS = ("hydra_plugins.hydra_optuna_sweeper.*", "optuna.samplers.*")
# where and how a trial runs, not what it computes: processes that share a study may differ in these
_EXECUTION_KEYS = (
    "data.num_workers",
    "logger",
    "sweep.trial",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.progress_bar",
)


class StudySweeper(Sweeper):
    """Runs the trials of a shared study through Hydra's launcher.

    Args:
        sampler: configuration of an Optuna sampler (`hydra/sweeper/sampler=...`).
        storage: address of the study's database, as SQLAlchemy takes it.
        study_name: name of the study in that database.
        n_trials: number of trials of the study, over all processes that share it and all runs of
            the command; at least 1.
        n_jobs: number of trials that are handed to the launcher at a time, at least 1.
        max_failure_rate: share of `n_trials` that may fail before the sweep stops, in [0, 1].
        heartbeat: seconds between heartbeats of a trial, at least 1.
        params: search space by key, in Hydra's override grammar.
    """

    config: DictConfig
    launcher: Launcher

    def __init__(
        self,
        sampler: DictConfig,
        storage: str,
        study_name: str,
        n_trials: int,
        n_jobs: int,
        max_failure_rate: float,
        heartbeat: int,
        params: Mapping[str, Any] | None,
    ) -> None:
        self.sampler = sampler
        self.storage = storage
        self.study_name = study_name
        self.n_trials = n_trials
        self.n_jobs = n_jobs
        self.max_failure_rate = max_failure_rate
        self.heartbeat = heartbeat
        self.params = params or {}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra gives every sweeper."""
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials that the study still lacks, then write its results.

        Args:
            arguments: overrides of the command line.
        """
        try:
            self._check()
            self._sweep(arguments)
        except CorrosionError as error:
            log.error("%s", error)  # noqa: TRY400 -- the message says it all, once
            sys.exit(1)

    def _check(self) -> None:
        """Refuse at once what would make every trial fail."""
        from corrosion.sweep.pruning import build_pruner

        if pruner := self.config.sweep.pruner:
            build_pruner(**pruner)
        try:
            self._sampler_of(0)
        except (InstantiationException, TypeError, ValueError) as error:
            reason = str(error.__cause__ or error).splitlines()[0]
            raise CorrosionError(f"hydra.sweeper.sampler: {reason}") from error

    def _sweep(self, arguments: list[str]) -> None:
        import optuna

        from corrosion.sweep.space import parse_space
        from corrosion.sweep.study import open_study
        from corrosion.sweep.sweep_results import write_results

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # we say it in our own words
        space, fixed = parse_space(self.params, arguments)
        objectives = self._objectives()
        directory = Path(self.config.hydra.sweep.dir)
        directory.mkdir(parents=True, exist_ok=True)
        study = open_study(
            self.storage,
            self.study_name,
            directions=list(objectives.values()),
            settings=_study_settings(self.config, space),
            n_trials=self.n_trials,
            heartbeat=self.heartbeat,
            sampler=self._sampler_of,
        )
        allowed = self.max_failure_rate * self.n_trials
        while study.budget().failed <= allowed and (trials := study.claim(self.n_jobs)):
            self._run(study, trials, space, fixed)
        write_results(
            directory, study.study, list(objectives), overrides=_training_overrides(fixed)
        )
        if (failed := study.budget().failed) > allowed:
            raise CorrosionError(
                f"{failed} of {self.n_trials} trials failed, more than hydra.sweeper."
                f"max_failure_rate={self.max_failure_rate:g} allows: {directory / 'sweep.json'} "
                f"says why. Raise it to go on, or start anew with sweep.name=ANOTHER_NAME."
            )

    def _objectives(self) -> dict[str, Direction]:
        """The objectives' directions by name; the validation metric comes first."""
        mode = direction(self.config.objective)
        cost = self.config.sweep.cost
        own: Direction = "minimize" if mode == "min" else "maximize"
        return {self.config.objective: own} | ({cost: "minimize"} if cost else {})

    def _sampler_of(self, trial: int) -> BaseSampler:
        """A sampler seeded by the trial's number: the same points, whichever process draws them."""
        import numpy as np

        config = self.sampler
        if config.get("seed") is not None:
            words = np.random.SeedSequence((config.seed, trial)).generate_state(1)
            return instantiate(config, seed=int(words[0]), _execution_whitelist_=_SAMPLERS)
        return instantiate(config, _execution_whitelist_=_SAMPLERS)

    def _run(
        self, study: SharedStudy, trials: Sequence[Trial], space: Space, fixed: Sequence[str]
    ) -> None:
        from corrosion.sweep.space import suggest

        with study.alive(trials):
            jobs = [
                [*fixed, *suggest(trial, space), f"sweep.trial={trial.number}"] for trial in trials
            ]
            returns = self.launcher.launch(jobs, initial_job_idx=trials[0].number)
            for trial, job in zip(trials, returns, strict=True):
                _record(study, trial, job)
        gc.collect()  # a failed training's tensors hang on its traceback, on the GPU too


def _record(study: SharedStudy, trial: Trial, job: JobReturn) -> None:
    """Record in the study how the job of a running trial ended.

    The job returned the objective or a tuple of objectives, returned None where it was pruned, or
    raised an error.
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


def _study_settings(config: DictConfig, space: Space) -> dict[str, Any]:
    """What all trials have in common, by dotted key: the configuration but for what is searched."""
    from optuna.distributions import distribution_to_json

    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    own_keys = (*_EXECUTION_KEYS, *space)
    return {
        key: value
        for key, value in flat(OmegaConf.to_container(own, resolve=True)).items()  # type: ignore[arg-type]
        if not any(key == one or key.startswith(f"{one}.") for one in own_keys)
    } | {f"search of {key}": distribution_to_json(one) for key, one in space.items()}


def _training_overrides(overrides: Sequence[str]) -> list[str]:
    """The overrides of a sweep that a training of its best model needs: all but model and sweep."""
    own = ("model", "sweep", "hydra", "resume")
    return [one for one in overrides if re.split(r"[=.@/]", one.lstrip("+~"))[0] not in own]
