"""Whole trainings on one device: loss scaling, resumption, two at once, DDP. For `gpu_check.py`."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from gpu_throughput import accelerator, precision

from corrosion.command_check import settings_of
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.settings.run import RunSettings
from corrosion.training.distributed import run_in_processes
from corrosion.training.run import train, train_in_process

LARGE_SCALE = 2.0**24
"""A loss scaled by it overflows float16: steps are left out and the scale halved until it fits."""

# a fork of this process could not use CUDA, which it has initialised
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["corrosion.training.run"])

_SCALER = "MixedPrecision"  # key of the loss scaler's state in Lightning's checkpoints


def settings_for(device: torch.device, *overrides: str) -> RunSettings:
    """A training of a few epochs on the embedded sample, in mixed precision.

    Args:
        device: where to train.
        overrides: in Hydra's grammar, as on the command line.
    """
    return settings_of(
        [
            "model=efficientnet_lite0", "data.count=120", "data.image_size=128",
            "data.batch_size=8", "data.num_workers=0", "trainer.max_epochs=3", "logger=none",
            "trainer.progress_bar=false", "explain.images=0",
            f"trainer.accelerator={accelerator(device)}",
            f"trainer.precision={precision(device)}", *overrides,
        ]
    )  # fmt: skip


def resume_in_mixed_precision(settings: RunSettings, folder: Path) -> dict[str, Any]:
    """Train with a loss scale that overflows; the same interrupted and resumed.

    Args:
        settings: of both trainings, of two epochs or more.
        folder: gets the runs `whole` and `parted`.

    Returns:
        The loss scale at the start and at the end (None where there is none, as with bfloat16), and
        by how much the resumed training differs from the other at its end: in the loss scale, in
        the validation loss, and in any weight.

    Raises:
        CorrosionError: float16 without a loss scale in the checkpoint.
    """
    train(settings, folder / "whole", callbacks=[StartScale()])
    try:
        train(settings, folder / "parted", callbacks=[StartScale(), InterruptAfter(1)])
    except (KeyboardInterrupt, SystemExit):  # Lightning makes the latter of the former
        parted = RunDirectory(folder / "parted")
        train(settings, folder / "parted", checkpoint=parted.last)
    ends = [_end(RunDirectory(folder / name)) for name in ("whole", "parted")]
    scales = [end.get(_SCALER, {}).get("scale") for end in ends]
    if settings.trainer.precision == "16-mixed" and None in scales:
        raise CorrosionError(f"no loss scale in a checkpoint: found {scales}.")
    weights = zip(ends[0]["state_dict"].values(), ends[1]["state_dict"].values(), strict=True)
    losses = [float(_history(folder / name)["val/loss"].iloc[-1]) for name in ("whole", "parted")]
    return {
        "first_loss_scale": None if scales[0] is None else LARGE_SCALE,
        "last_loss_scale": scales[0],
        "loss_scale_difference": 0.0 if None in scales else abs(scales[0] - scales[1]),
        "val_loss_difference": abs(losses[0] - losses[1]),
        "largest_weight_difference": max(
            float((one.double() - other.double()).abs().max()) for one, other in weights
        ),
    }


class StartScale(L.Callback):
    """Starts the loss scale so high that the first gradients overflow; resuming restores another.

    Without a loss scaler nothing happens.
    """

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        plugin = trainer.precision_plugin
        if getattr(plugin, "scaler", None) is not None:
            plugin.scaler = torch.amp.GradScaler(
                trainer.strategy.root_device.type, init_scale=LARGE_SCALE
            )


class InterruptAfter(L.Callback):
    """Interrupts a training, as Ctrl-C does, when so many epochs are done."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch >= self._epochs:
            raise KeyboardInterrupt


def _end(run: RunDirectory) -> dict[str, Any]:
    return torch.load(run.last, map_location="cpu", weights_only=True)


def _history(folder: Path) -> Any:
    return RunDirectory(folder).read_history()


def two_at_once(settings: RunSettings, folder: Path) -> dict[str, Any]:
    """Train alone, then twice at the same time, each in a process of its own.

    Args:
        settings: of all three.
        folder: gets the runs `alone`, `first` and `second`.

    Returns:
        Seconds of a training alone and of two at once, and by how much the objective of any of the
        two differs from that of the one alone.

    Raises:
        CorrosionError: one of them failed.
    """
    first = _PROCESSES.Process(target=time.sleep, args=(0,))  # starts the server, which imports
    first.start()
    first.join()
    alone = _seconds_of(settings, [folder / "alone"])
    together = _seconds_of(settings, [folder / "first", folder / "second"])
    best = {
        name: float(_history(folder / name)[settings.objective].min())
        for name in ("alone", "first", "second")
    }
    return {
        "seconds_alone": alone,
        "seconds_together": together,
        "objective_difference": max(abs(best[one] - best["alone"]) for one in ("first", "second")),
    }


def _seconds_of(settings: RunSettings, run_dirs: list[Path]) -> float:
    trainings = [_PROCESSES.Process(target=train, args=(settings, one)) for one in run_dirs]
    began = time.perf_counter()
    for training in trainings:
        training.start()
    for training in trainings:
        training.join()
    if any(training.exitcode for training in trainings):
        codes = [training.exitcode for training in trainings]
        raise CorrosionError(f"{len(run_dirs)} trainings at once ended with exit codes {codes}.")
    return time.perf_counter() - began


def ddp_of_one(settings: RunSettings, folder: Path) -> dict[str, Any]:
    """Train by DDP with a group of one process, and without.

    NCCL refuses two processes on one device; a group of one starts it, and gathers and reduces
    through it all the same.

    Args:
        settings: of both, without a strategy.
        folder: gets the runs `ddp` and `plain`.

    Returns:
        What the processes talked by (nccl on CUDA, gloo elsewhere), and by how much the objective
        of both differs.

    Raises:
        CorrosionError: a training failed, or on CUDA they talked by anything but NCCL.
    """
    ddp = settings.replace(trainer=settings.trainer.replace(strategy="ddp", devices=1))
    backend, objective = run_in_processes(
        _train_and_tell, ddp, folder / "ddp", count=1, logging_config={"version": 1}
    )
    if settings.trainer.accelerator == "gpu" and backend != "nccl":
        raise CorrosionError(f"strategy=ddp: processes on a GPU talked by {backend}, not by NCCL.")
    plain = train(settings, folder / "plain")
    assert plain is not None
    return {"backend": backend, "objective_difference": abs(objective - plain)}


def _train_and_tell(settings: RunSettings, run_dir: Path) -> tuple[str, float]:
    backend = Backend()
    objective = train_in_process(settings, run_dir, callbacks=[backend])
    assert objective is not None
    return backend.name, objective


class Backend(L.Callback):
    """Remembers what the processes of a training talk by: nccl, gloo, or none."""

    name = "none"

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if torch.distributed.is_initialized():
            self.name = torch.distributed.get_backend()
