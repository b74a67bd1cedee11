"""Fit and test one configuration, and write what the run directory promises."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from optuna import TrialPruned

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.prepare import Prepared, check_sources, prepare_records
from corrosion.data.splits.split import write_split
from corrosion.errors import CorrosionError
from corrosion.explanation.examples import check_count
from corrosion.runs import RunDirectory
from corrosion.settings.resumed import resumed_config
from corrosion.sweep.pruning import PruneTrial
from corrosion.sweep.trial_cost import measure_cost
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.system.memory import keep_freed_memory
from corrosion.system.provenance import shortcut_warning
from corrosion.training.callbacks import History
from corrosion.training.distributed import (
    processes_to_start,
    run_in_processes,
    silence_all_but_first,
    started_from_outside,
)
from corrosion.training.ema import AveragedWeights
from corrosion.training.epoch_metrics import METRICS
from corrosion.training.initialisation import new_module, resumed_module
from corrosion.training.resuming import PREEMPTED, Preempted, find_checkpoint, hand_back_to_submitit
from corrosion.training.testing import test_and_report
from corrosion.training.trainer import build_logger, build_trainer

log = logging.getLogger(__name__)

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def train_from_config(config: DictConfig) -> float | tuple[float, float] | None:
    """Run a composed configuration; behind this, Hydra is unknown.

    Returns:
        The objective: the value of `config.objective` at the best epoch; with `config.sweep.cost`
        the cost beside it; None where the pruner of a sweep stopped the training.

    Raises:
        CorrosionError: anything the user can put right.
    """
    quieten_lightning()
    hydra = HydraConfig.get()
    run_dir = Path(hydra.runtime.output_dir)
    if started_from_outside():
        silence_all_but_first()
        _check_shared_directory(hydra)
    checkpoint = find_checkpoint(config.resume, run_dir)
    if checkpoint and (own := RunDirectory.holding(checkpoint)):
        run_dir = own.path  # a run goes on in its own directory
    plain = _plain(config, hydra.overrides.task, run_dir if checkpoint else None)
    sweep = plain["sweep"] or {"pruner": None, "cost": None}
    if plain["sweep"] and sweep["trial"] is None:
        raise CorrosionError("A sweep is many runs: python train.py -m sweep=...")
    callbacks = []
    if sweep["pruner"]:
        callbacks.append(
            PruneTrial(
                plain["objective"],
                pruner=sweep["pruner"],
                storage=hydra.sweeper.storage,
                study_name=hydra.sweeper.study_name,
                trial=sweep["trial"],
            )
        )
    arguments = (plain, run_dir, checkpoint, callbacks)
    count = processes_to_start(plain["trainer"])
    try:
        if count == 1:
            objective = _train_or_prune(*arguments)
        else:
            logging_config: Any = OmegaConf.to_container(hydra.job_logging, resolve=True)
            objective = run_in_processes(
                _train_or_prune, *arguments, count=count, logging_config=logging_config
            )
    except (SystemExit, KeyboardInterrupt) as end:  # Lightning makes the former of Ctrl-C
        command = shlex.join(["python", "train.py", f"resume={run_dir}"])
        preempted = isinstance(end, Preempted)
        if RunDirectory(run_dir).last.is_file():
            saved = "Told to end, and saved" if preempted else "Interrupted"
            log.warning("%s. To go on from the last checkpoint: %s", saved, command)
        else:
            log.warning("Interrupted before the first checkpoint: nothing to resume.")
        if preempted:
            hand_back_to_submitit()
        raise SystemExit(PREEMPTED if preempted else _INTERRUPTED) from end
    if objective is not None and sweep["cost"]:
        return objective, measure_cost(sweep["cost"], RunDirectory(run_dir).best)
    return objective


def _plain(config: DictConfig, overrides: Sequence[str], resumed: Path | None) -> dict[str, Any]:
    """The settings of a run, those of the run in `resumed` if it goes on."""
    missing = sorted(OmegaConf.missing_keys(config))
    plain: Any = OmegaConf.to_container(config, resolve=True)
    if resumed is not None and (saved := RunDirectory(resumed).config_file).is_file():
        return resumed_config(plain, saved, overrides)
    if missing:
        given = " ".join(f"{key}=..." for key in missing)
        raise CorrosionError(f"{', '.join(missing)} must be given: python train.py ... {given}")
    if plain["model"]["from_random"]:  # what the command line says goes for any weights
        plain["model"]["from_random"] = {
            key: value
            for key, value in plain["model"]["from_random"].items()
            if not any(override.startswith(f"model.{key}=") for override in overrides)
        }
    return plain


def _check_shared_directory(hydra: Any) -> None:
    """Processes that torchrun or srun started can't agree on a directory named after the time."""
    if hydra.mode == RunMode.MULTIRUN:
        raise CorrosionError(
            "a sweep starts the processes of its trials itself: call it without torchrun or srun."
        )
    if not any(override.startswith("hydra.run.dir=") for override in hydra.overrides.hydra):
        raise CorrosionError(
            "started by torchrun or srun, a run needs a directory that all processes know: give "
            "hydra.run.dir=RUN_DIR (and resume=auto, to go on after an interruption)."
        )


def _train_or_prune(
    config: Mapping[str, Any],
    run_dir: Path,
    checkpoint: Path | None,
    callbacks: Sequence[L.Callback],
) -> float | None:
    """`train`, in any process; None where the pruner of a sweep stopped it."""
    quieten_lightning()
    keep_freed_memory()
    try:
        return train(config, run_dir, checkpoint=checkpoint, callbacks=callbacks)
    except TrialPruned:
        return None


def train(
    config: Mapping[str, Any],
    run_dir: Path,
    *,
    checkpoint: Path | None = None,
    callbacks: Sequence[L.Callback] = (),
) -> float:
    """Train, test the best epoch, and write the run's files.

    Args:
        config: plain values as in `conf/train.yaml` and its groups.
        run_dir: where the files go.
        checkpoint: to go on from.
        callbacks: of Lightning, beside those of every run.

    Returns:
        The objective at the best epoch.

    Raises:
        CorrosionError: anything the user can put right.
    """
    started, run = time.perf_counter(), RunDirectory(run_dir)
    _check_objective(config)
    check_count(config["explain"]["images"])
    if checkpoint is None and run.last.exists():
        raise CorrosionError(
            f"{run_dir} already holds a run, which would be overwritten: go on with it by "
            f"resume=auto, or choose another hydra.run.dir."
        )
    L.seed_everything(config["seed"], workers=True, verbose=False)
    history = History(run)
    averaging = [AveragedWeights(ema)] if (ema := config["model"]["ema"]) else []
    trainer = build_trainer(
        config["trainer"],
        run_dir=run_dir,
        objective=config["objective"],
        objective_mode=config["objective_mode"],
        history=history,
        seed=config["seed"],
        logger=build_logger(config["logger"], run_dir=run_dir),
        callbacks=[*averaging, *callbacks],
    )
    if config["model"]["head_epochs"] >= config["trainer"]["max_epochs"]:
        log.warning("model.head_epochs takes all epochs: the backbone will learn nothing")
    check_sources(config["data"])
    # the network before the data: screening 100,000 photographs only to find that the weights
    # can't be had would waste the user's time
    module = resumed_module(checkpoint, config) if checkpoint else new_module(config)
    trainer.strategy.setup_environment()  # lets processes talk before the fit
    first = trainer.is_global_zero
    mine = _prepared(config, run, resumed=checkpoint is not None) if first else None
    prepared: Prepared = trainer.strategy.broadcast(mine)  # type: ignore[assignment]
    datamodule = _datamodule(config, prepared.records)
    if checkpoint is None and config["model"]["pos_weight"] is not None:
        module.hparams["pos_weight"] = _pos_weight(config["model"]["pos_weight"], datamodule)
    if first:
        run.write_config(config)
        write_split(prepared.records, run.split_file)
        run.write_left_out(prepared.left_out)
        log.info("%s", prepared.findings.summary())
        if warning := shortcut_warning(config["data"]["shortcut"], datamodule.marked):
            log.warning("%s", warning)

    fit_started = time.perf_counter()
    try:
        trainer.fit(module, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:  # fewer epochs than it has had
        raise CorrosionError(f"trainer: {error}") from error
    epochs = history.table()
    seconds = {
        "prepare": fit_started - started,
        "fit": time.perf_counter() - fit_started,
        "epochs": float(epochs["seconds"].sum()),
    }
    return test_and_report(
        trainer,
        module,
        datamodule,
        config=config,
        run_dir=run_dir,
        epochs=epochs,
        seconds=seconds,
        prepared=prepared,
    )


def _check_objective(config: Mapping[str, Any]) -> None:
    allowed = [f"val/{name}" for name in ("loss", *METRICS)]
    if config["objective"] not in allowed:
        raise CorrosionError(
            f"objective={config['objective']}: choose one of {', '.join(allowed)}. "
            f"(A metric of the test set would leak it into the choice of the epoch.)"
        )
    if config["objective_mode"] not in ("min", "max"):
        raise CorrosionError(f"objective_mode={config['objective_mode']}: choose min or max.")


def _prepared(config: Mapping[str, Any], run: RunDirectory, *, resumed: bool) -> Prepared:
    data = dict(config["data"])
    if resumed and data["split_file"] is None and run.split_file.is_file():
        # images added since must not change the test set
        data |= {"split_file": run.split_file, "folds": None, "fold": 0}
    return prepare_records(data, seed=config["seed"])


def _datamodule(config: Mapping[str, Any], records: pd.DataFrame) -> CorrosionDataModule:
    data = config["data"]
    return CorrosionDataModule(
        records,
        image_size=data["image_size"],
        resize=data["resize"],
        augment=config["augment"],
        batch_size=data["batch_size"],
        num_workers=data["num_workers"],
        expand=data["expand"],
        seed=config["seed"],
        cache=data["cache"],
        cache_gib=data["cache_gib"],
    )


def _pos_weight(value: str | float, datamodule: CorrosionDataModule) -> float:
    """Weight of corroded images; "balanced" gives both classes the same total weight."""
    if value == "balanced":
        counts = datamodule.counts["train"]
        return counts["no_corrosion"] / counts["corrosion"]
    if isinstance(value, str) or value <= 0:
        raise CorrosionError(f"model.pos_weight={value}: give balanced, null or a number above 0.")
    return float(value)
