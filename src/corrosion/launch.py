"""Hydra's boundary: a command line becomes settings, and settings a training run.

Behind this module Hydra is unknown. A command is checked before anything heavy is imported and
before a folder is made; then Hydra composes the configuration of each run, logs, and sweeps.
"""

from __future__ import annotations

import logging
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from corrosion.arguments import with_data
from corrosion.command_check import CONFIG, check, read_settings, user_names
from corrosion.errors import INTERRUPTED, CorrosionError, full_disk_told
from corrosion.runs import RunDirectory
from corrosion.sweep.sweeper import StudySweeper
from corrosion.system.configuration import config_dir
from corrosion.system.processors import importing_for_good

log = logging.getLogger(__name__)
Plugins.instance().register(StudySweeper)  # what sweep=... runs on

_INFORMATION = ("--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", "--version")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as a command line says: `python train.py ...` and `corrosion train ...`.

    Args:
        arguments: overrides and options of Hydra, and `--data PATH` (repeatable) for
            `data=folder data.root=PATH`, which needs no quoting; None takes those of the process.

    Returns:
        The exit code: 0, or 1 for something that the user can put right. (Interrupted and
        pre-empted trainings raise SystemExit with their own codes.)

    Raises:
        KeyboardInterrupt: the user has pressed Ctrl-C while no network was trained.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        given = with_data(given)
        if not any(one.split("=", 1)[0] in _INFORMATION for one in given):
            check(given)
    except CorrosionError as error:
        print(f"train: {error.called(user_names())}", file=sys.stderr)  # noqa: T201
        return 1
    # absolute, so that it is found from any directory and in installed packages
    sys.argv = [sys.argv[0], *given]
    hydra.main(config_path=str(config_dir()), config_name=CONFIG)(task)()
    return 0


def task(config: DictConfig) -> float | tuple[float, float] | None:
    """Train one composed configuration.

    Returns:
        What sweepers optimise: the objective; with `sweep.cost` the cost beside it; None where the
        pruner of a sweep stopped the training.

    Raises:
        CorrosionError: in a sweep, whose sweeper counts failures.
    """
    mode = HydraConfig.get().mode
    run_dir = Path(HydraConfig.get().runtime.output_dir)
    try:
        with full_disk_told():
            return _run(config, run_dir)
    except CorrosionError as error:
        told = error.called(user_names())
        if mode == RunMode.MULTIRUN:
            raise CorrosionError(told) from error
        log.error("%s", told)  # noqa: TRY400 -- the message says it all, once
        _remove_if_nothing_ran(run_dir)
        sys.exit(1)
    except KeyboardInterrupt:
        _remove_if_nothing_ran(run_dir)
        raise


def _run(config: DictConfig, run_dir: Path) -> float | tuple[float, float] | None:
    # torch loads only when there is work for it
    with importing_for_good():
        from corrosion.training.distributed import silence_all_but_first, started_from_outside
        from corrosion.training.resuming import (
            PREEMPTED,
            Preempted,
            find_checkpoint,
            hand_back_to_submitit,
        )
        from corrosion.training.run import train

    hydra_config = HydraConfig.get()
    if started_from_outside():
        silence_all_but_first()
        _check_shared_directory(hydra_config)
    checkpoint = find_checkpoint(config.resume, run_dir)
    if checkpoint and (own := RunDirectory.holding(checkpoint)):
        run_dir = own.path  # a run goes on in its own directory
    settings = read_settings(
        config, hydra_config.overrides.task, run_dir=run_dir if checkpoint else None
    )
    sweep = settings.sweep
    if sweep and sweep.trial is None:
        raise CorrosionError("A sweep is many runs: python train.py -m sweep=...")
    callbacks = []
    if sweep and sweep.pruner and sweep.trial is not None:
        from corrosion.sweep.pruning import PruneTrial  # with a database's client

        callbacks.append(
            PruneTrial(
                settings.objective,
                pruner=sweep.pruner,
                storage=hydra_config.sweeper.storage,
                study_name=hydra_config.sweeper.study_name,
                trial=sweep.trial,
            )
        )
    logging_config: Any = OmegaConf.to_container(hydra_config.job_logging, resolve=True)
    try:
        objective = train(
            settings,
            run_dir,
            checkpoint=checkpoint,
            callbacks=callbacks,
            logging_config=logging_config,
        )
    except (Preempted, KeyboardInterrupt) as end:
        preempted = isinstance(end, Preempted)
        if RunDirectory(run_dir).last.is_file():
            command = shlex.join(["python", "train.py", f"resume={run_dir}"])
            saved = "Told to end, and saved" if preempted else "Interrupted"
            log.warning("%s. To go on from the last checkpoint: %s", saved, command)
        else:
            log.warning("Interrupted before the first checkpoint: nothing to resume.")
        if preempted:
            hand_back_to_submitit()
        raise SystemExit(PREEMPTED if preempted else INTERRUPTED) from end
    if objective is not None and sweep and sweep.cost:
        from corrosion.models.cost import sweep_cost

        return objective, sweep_cost(RunDirectory(run_dir).best, sweep.cost)
    return objective


def _check_shared_directory(hydra_config: Any) -> None:
    """Processes that torchrun or srun started can't agree on a directory named after the time."""
    if hydra_config.mode == RunMode.MULTIRUN:
        raise CorrosionError(
            "a sweep starts the processes of its trials itself: call it without torchrun or srun."
        )
    if not any(one.startswith("hydra.run.dir=") for one in hydra_config.overrides.hydra):
        raise CorrosionError(
            "started by torchrun or srun, a run needs a directory that all processes know: give "
            "hydra.run.dir=RUN_DIR (and resume=auto, to go on after an interruption)."
        )


def _remove_if_nothing_ran(run_dir: Path) -> None:
    """Remove the folder of a run that was refused: Hydra has made it before."""
    if RunDirectory(run_dir).is_unused:
        logging.shutdown()  # closes the file of messages,
        logging.getLogger().handlers.clear()  # which a library's last words would open again
        shutil.rmtree(run_dir)
