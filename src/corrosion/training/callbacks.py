"""What accompanies a training: its history, its random numbers, a stop at a bad loss."""

from __future__ import annotations

import time
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import RichProgressBar
from torch import Tensor

from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.system.progress import Milestones, is_watched


class History(L.Callback):
    """Writes the history of a run, one row an epoch, after every epoch; a resumed run continues it.

    Columns: epoch (from 1), seconds (of a resumed epoch: since then), lr, then the metrics of
    training and validation.

    Args:
        run: whose history it is.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.rows: list[dict[str, float]] = []
        self.earlier_seconds = 0.0
        """Of fits before this one, up to the checkpoint that it goes on from."""
        self._started = self._fit_started = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The rows so far, and the time."""
        spent = time.perf_counter() - self._fit_started if self._fit_started else 0.0
        return {"rows": self.rows, "seconds": self.earlier_seconds + spent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the rows of an interrupted run.

        Raises:
            CorrosionError: they are none.
        """
        try:
            rows = list(state_dict["rows"])
            old = bool(rows) and rows[0]["epoch"] == 0  # version 0.1 counted from 0
            self.rows = [{**row, "epoch": row["epoch"] + 1} for row in rows] if old else rows
            of_rows = sum(row["seconds"] for row in self.rows)  # versions before knew no more
            self.earlier_seconds = float(state_dict.get("seconds", of_rows))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorrosionError(
                f"resume: the history of epochs in the checkpoint is damaged ({error!r}): go on "
                f"from another checkpoint of the run, or train again."
            ) from error

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clocks: of the fit, and of an epoch that a resumed run completes."""
        self._started = self._fit_started = time.perf_counter()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the epoch's row and rewrite the file."""
        metrics = {
            name: float(value)
            for name, value in sorted(trainer.callback_metrics.items())
            if name.startswith(("train/", "val/"))
        }
        row = {
            "epoch": trainer.current_epoch + 1,
            "seconds": round(time.perf_counter() - self._started, 3),
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
            **metrics,
        }
        self.rows.append(row)
        if trainer.is_global_zero:
            self.run.write_history(self.table())

    def add(self, row: dict[str, float]) -> None:
        """Add a row that no epoch of a trainer made, and rewrite the file."""
        self.rows.append(row)
        self.run.write_history(self.table())

    def table(self) -> pd.DataFrame:
        """The history, one row an epoch."""
        return pd.DataFrame(self.rows)


class SeedBatches(L.Callback):
    """Seeds torch's random numbers, which dropout draws from, before every training batch.

    What a batch draws then depends on seed, epoch, batch and process alone: a resumed run repeats
    the uninterrupted one wherever it was stopped, for any number of loader processes.

    Args:
        seed: seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed the devices."""
        numbers = (self.seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]))


class StopAtNonFiniteLoss(L.Callback):
    """Ends a training whose loss became NaN or infinite, naming epoch, batch and learning rate.

    On a GPU the loss is looked at every few batches, since reading it waits for the device; the
    first bad batch is named all the same.

    Args:
        every: number of batches between looks on a GPU.
    """

    def __init__(self, every: int = 25) -> None:
        self.every = every
        self._first_bad: Tensor | None = None

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note whether this batch's loss is finite; look now and then.

        Raises:
            CorrosionError: the loss of a batch was not finite.
        """
        loss: Tensor = outputs["loss"].detach()
        if self._first_bad is None:
            self._first_bad = torch.full((), -1, dtype=torch.int64, device=loss.device)
        newly_bad = (self._first_bad < 0) & ~torch.isfinite(loss)
        self._first_bad = torch.where(newly_bad, batch_idx, self._first_bad)
        if loss.is_cuda and (batch_idx + 1) % self.every and not trainer.is_last_batch:
            return
        if (batch := int(self._first_bad)) >= 0:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            raise CorrosionError(
                f"The loss is {float(loss)} since epoch {trainer.current_epoch + 1}, "
                f"batch {batch + 1}, at learning rate {rate:g}. Lower lr"
                + (
                    ", or train with trainer.precision=32-true."
                    if "16" in str(trainer.precision)
                    else "."
                )
            )


class ProgressBar(RichProgressBar):
    """Lightning's, with epochs counted from 1: "Epoch 3/25" is the third of 25."""

    def _get_train_description(self, current_epoch: int) -> str:
        text = f"Epoch {current_epoch + 1}"
        if self.trainer.max_epochs is not None:
            text += f"/{self.trainer.max_epochs}"
        return text.ljust(len(self.validation_description))  # bars of one length don't flicker


class ProgressLines(L.Callback):
    """Logs how far a training is that nobody watches: after each 10 %, and at least every 30 s."""

    def __init__(self) -> None:
        self._milestones = Milestones("training", None)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        batches = self._batches(trainer)
        first = trainer.current_epoch * int(trainer.num_training_batches) if batches else 0
        self._milestones = Milestones("training, batch", batches, first=first)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Say how far it is."""
        if trainer.is_global_zero:
            self._milestones.reached(self._done(trainer, batch_idx), self._epoch(trainer))

    def _done(self, trainer: L.Trainer, batch_idx: int) -> int:
        return trainer.current_epoch * int(trainer.num_training_batches) + batch_idx + 1

    @staticmethod
    def _batches(trainer: L.Trainer) -> int | None:
        epochs, batches = trainer.max_epochs, trainer.num_training_batches
        if epochs is None or epochs < 0 or batches == float("inf"):
            return None
        return epochs * int(batches)

    @staticmethod
    def _epoch(trainer: L.Trainer) -> str:
        text = f"epoch {trainer.current_epoch + 1}"
        bounded = trainer.max_epochs is not None and trainer.max_epochs > 0
        return f"{text} of {trainer.max_epochs}" if bounded else text


def progress_callback() -> L.Callback:
    """A bar where somebody watches, lines where not."""
    return ProgressBar() if is_watched() else ProgressLines()
