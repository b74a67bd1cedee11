"""Fit and test one network, and write what the run directory promises."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
from lightning.fabric.utilities.exceptions import MisconfigurationException
from optuna import TrialPruned

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.prepare import Prepared, check_sources, prepare_records
from corrosion.data.splits import write_split
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.settings.data import LoadingSettings
from corrosion.settings.run import RunSettings
from corrosion.system.files import remove_leftovers
from corrosion.system.lightning_messages import interruptions_raised, quieten_lightning
from corrosion.system.locks import sole_writer
from corrosion.system.processors import keep_freed_memory
from corrosion.system.provenance import shortcut_warning
from corrosion.training.callbacks import History
from corrosion.training.distributed import (
    processes_to_start,
    run_in_processes,
    started_from_outside,
)
from corrosion.training.ema import AveragedWeights
from corrosion.training.extensions import Extensions, load_extensions
from corrosion.training.initialisation import new_module, resumed_module
from corrosion.training.judging import Judge, ProbeJudge, TrainerJudge
from corrosion.training.module import CorrosionModule
from corrosion.training.probe import Probe
from corrosion.training.testing import test_and_report
from corrosion.training.trainer import build_logger, build_trainer, check_limits

log = logging.getLogger(__name__)


def train(
    settings: RunSettings,
    run_dir: str | Path,
    *,
    checkpoint: Path | None = None,
    callbacks: Sequence[L.Callback] = (),
    logging_config: Mapping[str, Any] | None = None,
) -> float | None:
    """Train, test the best epoch, and write the run's files; in several processes if asked for.

    Args:
        settings: everything that a run can be told.
        run_dir: where the files go: a new folder, or with `checkpoint` that of the run.
        checkpoint: of a run that goes on.
        callbacks: callbacks of Lightning, beside those of every run; with several processes they
            must be picklable.
        logging_config: for `logging.config.dictConfig` in each of several processes.

    Returns:
        The objective at the best epoch; None where a pruner of Optuna stopped the training.

    Raises:
        CorrosionError: anything the user can put right.
        KeyboardInterrupt: the user has pressed Ctrl-C.
    """
    arguments = (settings, Path(run_dir), checkpoint, tuple(callbacks))
    count = processes_to_start(settings.trainer)
    if count > 1 and settings.model.head_fit == "logistic":
        raise CorrosionError("head_fit=logistic: one process finds the head; give devices=1.")
    # processes that were started from outside share the directory
    alone = nullcontext() if started_from_outside() else sole_writer(Path(run_dir), name="run_dir")
    with alone:
        if count == 1:
            with interruptions_raised():
                return train_in_process(*arguments)
        return run_in_processes(
            train_in_process,
            *arguments,
            count=count,
            logging_config=logging_config or {"version": 1},
        )


def train_in_process(
    settings: RunSettings,
    run_dir: Path,
    checkpoint: Path | None = None,
    callbacks: Sequence[L.Callback] = (),
) -> float | None:
    """`train` in this process, which is the only one or one of several that were started."""
    quieten_lightning()
    keep_freed_memory()
    try:
        return _train(settings, run_dir, checkpoint, callbacks)
    except TrialPruned:
        return None


def _train(
    settings: RunSettings,
    run_dir: Path,
    checkpoint: Path | None,
    callbacks: Sequence[L.Callback],
) -> float:
    started, run = time.perf_counter(), RunDirectory(run_dir)
    extensions = load_extensions(settings)
    mode = extensions.direction(settings.objective)
    # a probe leaves its best alone behind, which resume=auto makes anew
    done = run.best.exists() and settings.resume != "auto"
    if checkpoint is None and (run.last.exists() or done):
        raise CorrosionError(
            f"{run_dir} already holds a run, which would be overwritten: go on with it by "
            f"resume=auto, or choose another folder."
        )
    L.seed_everything(settings.seed, workers=True, verbose=False)
    history = History(run)
    ema = [AveragedWeights(settings.model.ema)] if settings.model.ema else []
    trainer = build_trainer(
        settings.trainer,
        run_dir=run_dir,
        objective=settings.objective,
        mode=mode,
        history=history,
        seed=settings.seed,
        logger=build_logger(settings.logger, run_dir=run_dir),
        callbacks=[*ema, *callbacks],
    )
    if settings.model.head_epochs >= settings.trainer.max_epochs:
        log.warning("model.head_epochs takes all epochs: the backbone will learn nothing")
    check_sources(settings.data)
    # the network before the data: screening 100,000 photographs only to find that the weights
    # can't be had would waste the user's time
    if checkpoint:
        module = resumed_module(checkpoint, settings, extensions)
    else:
        module = new_module(settings, extensions)
    trainer.strategy.setup_environment()  # lets processes talk before the fit
    first = trainer.is_global_zero
    mine = _prepared(settings, run, resumed=checkpoint is not None) if first else None
    prepared: Prepared = trainer.strategy.broadcast(mine)  # type: ignore[assignment]
    datamodule = _datamodule(settings, prepared.records, extensions)
    if not settings.model.is_probe:
        images = {
            split: sum(of.values()) // trainer.world_size for split, of in datamodule.counts.items()
        } | {"train": datamodule.samples_per_epoch // trainer.world_size}
        check_limits(settings.trainer, images, batch_size=settings.data.batch_size)
    if first:
        remove_leftovers(run.checkpoints, suffix=run.best.suffix)
        run.write_config(settings.plain())
        write_split(prepared.records, run.split_file)
        run.write_left_out(prepared.left_out)
        log.info("%s", prepared.findings.summary())
        if warning := shortcut_warning(settings.data.shortcut, datamodule.marked):
            log.warning("%s", warning)

    fit_started = time.perf_counter()
    judge: Judge
    if settings.model.is_probe:
        judge = _probe(trainer, module, datamodule, history, seed=settings.seed)
    else:
        if settings.model.head_fit == "logistic" and checkpoint is None:
            datamodule.prepare_data()
            Probe(module, datamodule).fit()
        _fit(trainer, module, datamodule, checkpoint)
        judge = TrainerJudge(trainer, module, datamodule, best=run.best, seed=settings.seed)
    epochs = history.table()
    if settings.objective not in epochs:
        raise CorrosionError(
            f"The training ended before {settings.objective} was known: max_time="
            f"{settings.trainer.max_time} is too short for an epoch."
        )
    seconds = {
        "prepare": fit_started - started,
        "fit": history.earlier_seconds + time.perf_counter() - fit_started,
        "epochs": float(epochs["seconds"].sum()),
    }
    return test_and_report(
        trainer,
        module,
        datamodule,
        judge=judge,
        settings=settings,
        mode=mode,
        run_dir=run_dir,
        epochs=epochs,
        seconds=seconds,
        prepared=prepared,
    )


def _fit(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    checkpoint: Path | None,
) -> None:
    try:
        trainer.fit(module, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:  # fewer epochs than it has had
        raise CorrosionError(f"trainer: {error}") from error
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise CorrosionError(
            "batch_size=1: batch normalisation learns from several values; give a larger "
            "batch_size, a larger image_size, or freeze_batch_norm=true."
        ) from error


def _probe(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    history: History,
    *,
    seed: int,
) -> Judge:
    """Find the head, and leave behind what `Trainer.fit` does: the checkpoint and the history."""
    datamodule.prepare_data()
    probe = Probe(module, datamodule)
    row = probe.fit()
    validated = module.metrics(probe.predictions("val"))
    history.add({**row, **{f"val/{key}": value for key, value in validated.items()}})
    trainer.strategy.connect(module)  # without a fit, a Trainer has nothing to save
    trainer.save_checkpoint(history.run.best)
    return ProbeJudge(trainer, module, probe, seed=seed)


def _prepared(settings: RunSettings, run: RunDirectory, *, resumed: bool) -> Prepared:
    data = settings.data
    if resumed and data.split_file is None and run.split_file.is_file():
        # images added since must not change the test set
        data = data.replace(split_file=run.split_file)
        if data.folds != "source":
            data = data.replace(folds=None, fold=0)
    return prepare_records(data)


def _datamodule(
    settings: RunSettings, records: pd.DataFrame, extensions: Extensions
) -> CorrosionDataModule:
    loading = {name: getattr(settings.data, name) for name in LoadingSettings.model_fields}
    return CorrosionDataModule(
        records,
        augment=settings.augment,
        extra=extensions.transforms,
        seed=settings.seed,
        **loading,
    )
