"""Images a second of a training on one device, and of a bare PyTorch loop beside it.

Part of `gpu_check.py`. Ours is what `train.py` runs: Lightning's trainer, the data module with its
augmentation, cache and readers, metrics and callbacks. The bare loop trains the same network on one
batch of noise that lies on the device: nothing is read, moved or measured.
"""

from __future__ import annotations

import gc
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
import torch.nn.functional as F

from corrosion.command_check import settings_of
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.runs import RunDirectory
from corrosion.settings.trainer import TrainerSettings
from corrosion.training.callbacks import History
from corrosion.training.module import CorrosionModule
from corrosion.training.trainer import build_trainer

WARM_UP = 5
"""Batches that are not measured: kernels are chosen, readers start."""

_MOST_REPEATS = 1000  # versions of each image that an epoch of ours can have


def measure(
    backbone: str,
    device: torch.device,
    records: pd.DataFrame,
    *,
    batch_size: int,
    image_size: int = 224,
    seconds: float = 8.0,
) -> dict[str, Any]:
    """Train a network by the bare loop, then by ours.

    Args:
        backbone: a name of `corrosion.models.backbones`.
        device: where to train; with 16-mixed on CUDA, bf16-mixed elsewhere.
        records: as `prepare_records` gives them.
        batch_size: images in a batch.
        image_size: side of the network's input in pixels.
        seconds: about how long each loop is measured.

    Returns:
        Images a second of both loops and ours over bare; the share of our time that waits for data;
        the most memory of the device that ours took (GiB, None without CUDA).
    """
    bare = _bare_rate(backbone, device, batch_size, image_size, seconds=seconds / 2)
    steps = max(2, math.ceil(seconds * bare / batch_size))
    _forget_memory(device)
    clock = Clock(device)
    with tempfile.TemporaryDirectory() as folder:
        _train(
            backbone,
            device,
            records,
            clock,
            batch_size=batch_size,
            image_size=image_size,
            steps=WARM_UP + steps,
            run_dir=Path(folder),
        )
    ours = clock.steps * batch_size / clock.seconds
    return {
        "images_per_second": ours,
        "bare_images_per_second": bare,
        "ours_over_bare": ours / bare,
        "waiting_for_data": clock.waited / clock.seconds,
        "peak_memory_gib": _peak_gib(device),
    }


def precision(device: torch.device) -> str:
    """What mixed precision means on a device: float16 as published, where it is made for it."""
    return "16-mixed" if device.type == "cuda" else "bf16-mixed"


def accelerator(device: torch.device) -> str:
    """Lightning's name of a kind of device."""
    return "gpu" if device.type == "cuda" else device.type


class Clock(L.Callback):
    """Measures training batches after the first `WARM_UP`.

    Attributes:
        steps: batches measured.
        seconds: their time.
        waited: the part of it between the end of a batch and the start of the next, in which the
            data loader, and Lightning between its hooks, keep the device idle.
    """

    def __init__(self, device: torch.device) -> None:
        self.steps, self.seconds, self.waited = 0, 0.0, 0.0
        self._device = device
        self._ended = 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx >= WARM_UP:
            self.waited += time.perf_counter() - self._ended

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        synchronise(self._device)
        now = time.perf_counter()
        if batch_idx >= WARM_UP:
            self.steps += 1
            self.seconds += now - self._ended
        self._ended = now


def _train(
    backbone: str,
    device: torch.device,
    records: pd.DataFrame,
    clock: Clock,
    *,
    batch_size: int,
    image_size: int,
    steps: int,
    run_dir: Path,
) -> None:
    """Our training for as many batches, by what `trainer=gpu` sets."""
    images = int((records["split"] == "train").sum())
    trainer = build_trainer(
        TrainerSettings(
            accelerator=accelerator(device),
            precision=precision(device),
            deterministic=False,
            benchmark=True,
            max_epochs=1,
            limit_train_batches=steps,
            limit_val_batches=1,
            checkpoint_every=None,
            progress_bar=False,
        ),
        run_dir=run_dir,
        objective="val/loss",
        mode="min",
        history=History(RunDirectory(run_dir)),
        seed=0,
        logger=False,
        callbacks=[clock],
    )
    data = CorrosionDataModule(
        records,
        augment=settings_of(["augment=paper"]).augment,
        image_size=image_size,
        batch_size=batch_size,
        repeats=min(_MOST_REPEATS, math.ceil(steps * batch_size / images) + 1),
    )
    trainer.fit(CorrosionModule(backbone, image_size=image_size), datamodule=data)


def _bare_rate(
    backbone: str, device: torch.device, batch_size: int, image_size: int, *, seconds: float
) -> float:
    """Images a second of the shortest loop that trains the network in the same precision."""
    network = CorrosionModule(backbone, image_size=image_size).network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0, fused=True)
    cuda = device.type == "cuda"
    scaler = torch.amp.GradScaler(device.type, enabled=cuda)
    images = torch.randint(
        256, (batch_size, 3, image_size, image_size), dtype=torch.uint8, device=device
    ).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(2, (batch_size,), device=device).float()

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.float16 if cuda else torch.bfloat16):
            logits = network(images)
        loss = F.binary_cross_entropy_with_logits(logits.float(), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        return batch_size / _seconds_a_step(step, device, seconds)
    finally:
        torch.backends.cudnn.benchmark = before


def _seconds_a_step(step: Callable[[], None], device: torch.device, seconds: float) -> float:
    for _ in range(WARM_UP):
        step()
    synchronise(device)
    began, steps = time.perf_counter(), 0
    while steps < 2 or time.perf_counter() - began < seconds:
        step()
        synchronise(device)
        steps += 1
    return (time.perf_counter() - began) / steps


def synchronise(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget_memory(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _peak_gib(device: torch.device) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
