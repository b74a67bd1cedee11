"""Build Lightning's Trainer and logger from settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)

from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.settings.trainer import LoggerSettings, TrainerSettings
from corrosion.system.extras import EXTRAS, require_package
from corrosion.system.progress import is_watched
from corrosion.training.callbacks import (
    History,
    SeedBatches,
    StopAtNonFiniteLoss,
    progress_callback,
)
from corrosion.training.distributed import started_from_outside
from corrosion.training.resuming import (
    BestCheckpoint,
    LastCheckpoint,
    ResumableEarlyStopping,
    WholeCheckpoints,
    slurm_without_requeue,
)


def build_trainer(
    settings: TrainerSettings,
    *,
    run_dir: Path,
    objective: str,
    mode: str,
    history: History,
    seed: int,
    logger: Logger | bool,
    callbacks: Sequence[L.Callback] = (),
) -> L.Trainer:
    """A Trainer that keeps the best and the last checkpoint of a run.

    Args:
        settings: how Lightning trains.
        run_dir: where `checkpoints/` goes.
        objective: the validation metric whose best epoch is kept, e.g. "val/loss".
        mode: "min" or "max", whether the objective is to be small or large.
        history: collects the epochs' metrics.
        seed: seed of the random numbers in training.
        logger: from `build_logger`.
        callbacks: further ones, called after those of every run.

    Raises:
        CorrosionError: Lightning refuses a value, or the machine lacks the device.
    """
    own_settings = {"early_stopping", "checkpoint_every", "progress_bar"}
    options = {
        key: value
        for key, value in dict(settings).items()
        if key not in own_settings and value is not None
    }
    if isinstance(settings.devices, tuple):
        options["devices"] = list(settings.devices)
    if settings.precision == "auto":
        cuda = settings.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
        options["precision"] = "16-mixed" if cuda else "32-true"
    several = settings.strategy == "auto" and started_from_outside()
    if several or settings.strategy == "ddp":
        # frozen layers, and those of a backbone behind its last feature map, get no gradients
        options["strategy"] = "ddp_find_unused_parameters_true"
    run = RunDirectory(run_dir)
    best = BestCheckpoint(
        run.checkpoints,
        filename=run.best.stem,
        monitor=objective,
        mode=mode,
        enable_version_counter=False,  # the name is a promise, also when a run is resumed
    )
    own: list[L.Callback] = [
        SeedBatches(seed),
        StopAtNonFiniteLoss(),
        history,
        best,
        LastCheckpoint(run.last, every=settings.checkpoint_every),
    ]
    if settings.early_stopping is not None:
        own.append(
            ResumableEarlyStopping(
                objective,
                mode=mode,
                patience=settings.early_stopping,
                check_finite=False,  # precision is NaN while nothing is called corroded
            )
        )
    if settings.progress_bar:
        own.append(progress_callback())
    try:
        return L.Trainer(
            **options,
            callbacks=[*own, *callbacks],
            plugins=[plugin for plugin in (WholeCheckpoints(), slurm_without_requeue()) if plugin],
            logger=logger,
            default_root_dir=run_dir,
            enable_progress_bar=settings.progress_bar and is_watched(),
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


def check_limits(settings: TrainerSettings, images: Mapping[str, int], *, batch_size: int) -> None:
    """Refuse, before the fit, a share of the batches that leaves none; Lightning does too late.

    Args:
        settings: with `limit_train_batches` and its like.
        images: number of images in train, val and test, for each process.
        batch_size: images in a batch.

    Raises:
        CorrosionError: naming the setting and the least share.

    Example:
        >>> tenth = TrainerSettings(limit_test_batches=0.1)
        >>> check_limits(tenth, {"train": 90, "val": 30, "test": 30}, batch_size=10)
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: limit_test_batches=0.1 leaves none of the 3 batches: give \
a number of batches, as 1, or a share from 0.334.
    """
    for split, count in images.items():
        name = f"limit_{split}_batches"
        limit = getattr(settings, name)
        batches = math.ceil(count / batch_size)
        if isinstance(limit, float) and int(limit * batches) < 1:
            raise CorrosionError(
                f"{name}={limit:g} leaves none of the {batches} batches: give a number of batches, "
                f"as 1, or a share from {math.ceil(1000 / max(1, batches)) / 1000:g}."
            )


def build_logger(settings: LoggerSettings, *, run_dir: Path) -> Logger | bool:
    """The experiment logger of a run; False for none.

    Args:
        settings: which one, and its own settings.
        run_dir: where local logs go.

    Raises:
        CorrosionError: its package is not installed.
    """
    if settings.name in EXTRAS:
        require_package(settings.name, f"logger={settings.name}", instead="csv")
    match settings.name:
        case None:
            return False
        case "csv":
            return CSVLogger(run_dir, name=RunDirectory(run_dir).logs.name, version="")
        case "tensorboard":
            return TensorBoardLogger(run_dir, name=RunDirectory(run_dir).logs.name, version="")
        case "wandb":
            return WandbLogger(
                save_dir=run_dir,
                name=run_dir.name,
                offline=settings.mode == "offline",
                project=settings.project,
                entity=settings.entity,
                tags=list(settings.tags),
            )
        case "mlflow":
            return MLFlowLogger(
                experiment_name=settings.experiment,
                tracking_uri=settings.tracking_uri,
                run_name=run_dir.name,
            )
