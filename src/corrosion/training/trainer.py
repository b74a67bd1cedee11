"""Build Lightning's Trainer and logger from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)

from corrosion.errors import CorrosionError
from corrosion.system.extras import EXTRAS, require_package
from corrosion.training.callbacks import History, SeedBatches, StopAtNonFiniteLoss
from corrosion.training.distributed import started_from_outside
from corrosion.training.resuming import (
    LastCheckpoint,
    ResumableEarlyStopping,
    WholeCheckpoints,
    slurm_without_requeue,
)


def build_trainer(
    config: Mapping[str, Any],
    *,
    run_dir: Path,
    objective: str,
    objective_mode: str,
    history: History,
    seed: int,
    logger: Logger | bool,
    callbacks: Sequence[L.Callback] = (),
) -> L.Trainer:
    """A Trainer that keeps the best and the last checkpoint of a run.

    Args:
        config: the keys of `conf/trainer/default.yaml`; others go to `lightning.Trainer`.
        run_dir: where `checkpoints/` goes.
        objective: the validation metric whose best epoch is kept, e.g. "val/loss".
        objective_mode: "min" or "max".
        history: collects the epochs' metrics.
        seed: of the random numbers in training.
        logger: from `build_logger`.
        callbacks: further ones, called after those of every run.

    Raises:
        CorrosionError: Lightning refuses a value, or the machine lacks the device.
    """
    options = dict(config)
    if not isinstance(options["max_epochs"], int) or options["max_epochs"] < 1:
        raise CorrosionError(
            f"trainer.max_epochs={options['max_epochs']}: give a whole number from 1."
        )
    patience = options.pop("early_stopping")
    checkpoint_every = options.pop("checkpoint_every")
    progress_bar = options.pop("progress_bar")
    if options["precision"] == "auto":
        cuda = options["accelerator"] in ("auto", "gpu", "cuda") and torch.cuda.is_available()
        options["precision"] = "16-mixed" if cuda else "32-true"
    several = options["strategy"] == "auto" and started_from_outside()
    if several or options["strategy"] == "ddp":
        # frozen layers, and those of a backbone behind its last feature map, get no gradients
        options["strategy"] = "ddp_find_unused_parameters_true"
    best = ModelCheckpoint(
        run_dir / "checkpoints",
        filename="best",
        monitor=objective,
        mode=objective_mode,
        enable_version_counter=False,  # "best.ckpt" is a promise, also when a run is resumed
    )
    own: list[L.Callback] = [
        SeedBatches(seed),
        StopAtNonFiniteLoss(),
        history,
        best,
        LastCheckpoint(run_dir / "checkpoints" / "last.ckpt", every=checkpoint_every),
    ]
    if patience is not None:
        own.append(ResumableEarlyStopping(objective, mode=objective_mode, patience=patience))
    if progress_bar:
        own.append(RichProgressBar())
    try:
        return L.Trainer(
            **options,
            callbacks=[*own, *callbacks],
            plugins=[plugin for plugin in (WholeCheckpoints(), slurm_without_requeue()) if plugin],
            logger=logger,
            default_root_dir=run_dir,
            enable_progress_bar=progress_bar,
            enable_model_summary=False,
            log_every_n_steps=1,
            num_sanity_val_steps=0,  # the images were checked when they were screened
        )
    except (
        ValueError,
        TypeError,
        RuntimeError,
        ImportError,
        MisconfigurationException,
    ) as error:
        raise CorrosionError(f"trainer: {error}") from error


def build_logger(config: Mapping[str, Any], *, run_dir: Path) -> Logger | bool:
    """The experiment logger of a run; False for none.

    Args:
        config: `name` (csv, tensorboard, wandb, mlflow, or None) and that logger's own keys.
        run_dir: where local logs go.

    Raises:
        CorrosionError: unknown name, or its package is not installed.
    """
    options = dict(config)
    name = options.pop("name")
    if name in EXTRAS:
        require_package(name, f"logger={name}", instead="csv")
    match name:
        case None:
            return False
        case "csv":
            return CSVLogger(run_dir, name="logs", version="")
        case "tensorboard":
            return TensorBoardLogger(run_dir, name="logs", version="")
        case "wandb":
            offline = options.pop("mode") == "offline"
            return WandbLogger(save_dir=run_dir, name=run_dir.name, offline=offline, **options)
        case "mlflow":
            return MLFlowLogger(
                experiment_name=options["experiment"],
                tracking_uri=options["tracking_uri"],
                run_name=run_dir.name,
            )
    raise CorrosionError(f"logger.name={name!r}: choose csv, tensorboard, wandb, mlflow or null.")
