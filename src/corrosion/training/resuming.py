"""What lets a run go on, whatever stopped it: whole checkpoints, within epochs too, and signals."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import lightning as L
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason
from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

from corrosion.errors import CorrosionError
from corrosion.models.state_dicts import save_whole
from corrosion.runs import RunDirectory

log = logging.getLogger(__name__)

PREEMPTED = 75
"""Exit code of a run that was told to end and has saved itself (EX_TEMPFAIL: try again)."""

# what Kubernetes and SLURM send ahead of the end, and Ctrl-C, whose KeyboardInterrupt Python drops
# where it comes within a finaliser or a callback of C code
_SIGNALS = ("SIGTERM", "SIGUSR1", "SIGINT")


class Preempted(SystemExit):
    """Raised where a run that was told to end can stop, its last checkpoint being up to date."""

    def __init__(self) -> None:
        super().__init__(PREEMPTED)


def hand_back_to_submitit() -> None:
    """Let submitit, if it started this SLURM job, put it back into the queue.

    SLURM puts back the jobs that it has to kill, not those that end when they are told to;
    submitit does so at a signal of its own.
    """
    if os.environ.get("SUBMITIT_EXECUTOR") == "slurm":
        name = os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")
        signal.raise_signal(getattr(signal, f"SIG{name}"))


def find_checkpoint(resume: str | None, run_dir: Path) -> Path | None:
    """The checkpoint a run goes on from.

    Args:
        resume: None; "auto" (the last one of `run_dir`, if there is one); a run's directory; or a
            checkpoint.
        run_dir: directory of this run.

    Raises:
        CorrosionError: there is no such checkpoint.
    """
    if resume is None:
        return None
    directory = run_dir if resume == "auto" else Path(resume).expanduser()
    path = RunDirectory(directory).last if directory.is_dir() else directory
    if path.is_file():
        return path
    if resume == "auto":
        log.info("resume=auto: no %s yet, so training starts from the beginning", path)
        return None
    raise CorrosionError(
        f"resume={resume}: there is no {path}. Give a checkpoint, the directory of a run that "
        f"saved one, or resume=auto with hydra.run.dir=RUN_DIR."
    )


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints whole or not at all; the one before stays until the new one is on disk."""

    def save_checkpoint(
        self, checkpoint: Mapping[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint beside `path`, then let it take the place of `path`.

        Raises:
            CorrosionError: the disk is full, or the folder can't be written.
        """
        path = Path(path)
        way_out = (
            f"An earlier checkpoint there is intact: make room, then go on with resume=auto or "
            f"resume={path.parents[1]}."
        )
        save_whole(checkpoint, path, way_out=way_out)


class BestCheckpoint(ModelCheckpoint):
    """Keeps the best epoch; writes no path of this machine into checkpoints, which are sent away.

    Files are told by their names in the folder: a run that was moved goes on as if it were not.
    """

    @property
    def state_key(self) -> str:
        """As Lightning's own class has it, by which runs that were begun with it go on."""
        return super().state_key.replace(type(self).__name__, ModelCheckpoint.__name__, 1)

    def state_dict(self) -> dict[str, Any]:
        """Lightning's, with names for paths."""
        return self._with_paths(super().state_dict(), lambda path: Path(path).name) | {
            "dirpath": ""
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of `state_dict`, or of a version that kept whole paths."""
        folder = self.dirpath
        here = self._with_paths(state_dict, lambda path: str(Path(folder or "", Path(path).name)))
        super().load_state_dict(here | {"dirpath": folder})

    @staticmethod
    def _with_paths(state: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
        """The state with other paths; an empty one stands for no file."""
        paths = {
            key: change(value)
            for key, value in state.items()
            if key.endswith("_path") and isinstance(value, str) and value
        }
        best = {change(path): score for path, score in (state.get("best_k_models") or {}).items()}
        return state | paths | {"best_k_models": best}


class LastCheckpoint(Checkpoint):
    """Keeps the last checkpoint up to date, within epochs too; ends the run at a signal to end.

    What a batch draws depends on seed, epoch and batch alone (`SeedBatches`, `EpochSampler`), and
    the module keeps the epoch's predictions so far in the checkpoint: a run that goes on from
    there is the uninterrupted one. Lightning's `save_last` would save only where an epoch is the
    best so far.

    SIGTERM, SIGUSR1 and Ctrl-C are obeyed after the batch in hand, during validation after the
    epoch; a second Ctrl-C ends the run at once. On several processes one that got the signal is
    enough.

    Args:
        path: path of the checkpoint.
        every: number of batches between checkpoints; None saves after epochs and at signals only.
    """

    def __init__(self, path: Path, *, every: int | None) -> None:
        self._path = path
        self._every = every
        self._told: signal.Signals | None = None
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take over the signals; Lightning's own handler would lose what the epoch has learnt."""
        if threading.current_thread() is threading.main_thread():  # others may not take signals
            numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
            self._handlers = {number: signal.signal(number, self._note) for number in numbers}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == self._told == signal.SIGINT:
            raise KeyboardInterrupt
        self._told = signal.Signals(number)

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save now and then, and before ending."""
        if trainer.is_last_batch:
            return  # the epoch's end is near
        end = self._end(trainer)
        if end or (self._every is not None and (batch_idx + 1) % self._every == 0):
            trainer.save_checkpoint(self._path)
        if end:
            self._stop()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, after the best epoch's checkpoint; Lightning calls `Checkpoint` callbacks last."""
        trainer.save_checkpoint(self._path)
        if self._end(trainer):
            self._stop()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Give the signals back."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _end(self, trainer: L.Trainer) -> bool:
        told = self._told is not None
        if trainer.world_size == 1:
            return told
        return trainer.strategy.reduce_boolean_decision(told, all=False)

    def _stop(self) -> NoReturn:
        raise KeyboardInterrupt if self._told == signal.SIGINT else Preempted


class ResumableEarlyStopping(EarlyStopping):
    """Lightning's, but a run that had stopped early does not train another epoch when resumed."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop at once if it had stopped."""
        trainer.should_stop = self.stopping_reason != EarlyStoppingReason.NOT_STOPPED


def slurm_without_requeue() -> SLURMEnvironment | None:
    """SLURM's environment, if there; `LastCheckpoint` sees to its signals, Lightning must not."""
    if SLURMEnvironment.detect() and not TorchElasticEnvironment.detect():
        return SLURMEnvironment(auto_requeue=False)
    return None
