"""Stop a training that does worse than the other trials of its study did at the same epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import lightning as L
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from optuna.storages import RDBStorage

from corrosion.errors import CorrosionError
from corrosion.sweep.storage import open_storage

log = logging.getLogger(__name__)

_PRUNERS: dict[str, type[BasePruner]] = {"median": MedianPruner, "hyperband": HyperbandPruner}


class PruneTrial(L.Callback):
    """Reports the objective to the study after each epoch, and raises where the pruner says so.

    The training finds its trial by the study's address, its name and the trial's number, which
    reach it through the configuration: it may run in another process, or on another machine, than
    the sweeper that started it.

    Args:
        objective: name of the reported validation metric, as "val/auroc".
        pruner: `name` ("median": Optuna's MedianPruner; "hyperband": Li et al., JMLR 2018) and
            that pruner's own arguments. A step is one finished epoch.
        storage: address of the study's database.
        study_name: name of the study in that database.
        trial: number of the trial.

    Raises:
        CorrosionError: the pruner is unknown, or refuses its arguments.
    """

    def __init__(
        self,
        objective: str,
        *,
        pruner: Mapping[str, Any],
        storage: str,
        study_name: str,
        trial: int,
    ) -> None:
        self.objective = objective
        self.url = storage
        self.study_name = study_name
        self.trial = trial
        self.pruner = build_pruner(**pruner)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report, and stop all processes of the training if its trial is hopeless.

        Raises:
            optuna.TrialPruned: the trial is to stop.
        """
        epochs = trainer.current_epoch + 1
        hopeless = False
        if trainer.is_global_zero:
            hopeless = self._report(epochs, float(trainer.callback_metrics[self.objective]))
        if trainer.strategy.broadcast(hopeless):
            log.info("trial %d is pruned after %d epoch(s)", self.trial, epochs)
            raise optuna.TrialPruned

    def _report(self, step: int, value: float) -> bool:
        """What `Trial.report` and `Trial.should_prune` do, which need a trial of this process."""
        storage = self._storage
        study = optuna.load_study(study_name=self.study_name, storage=storage, pruner=self.pruner)
        trial_id = storage.get_trial_id_from_study_id_trial_number(
            storage.get_study_id_from_name(self.study_name), self.trial
        )
        storage.set_trial_intermediate_value(trial_id, step, value)
        return self.pruner.prune(study, storage.get_trial(trial_id))

    @cached_property
    def _storage(self) -> RDBStorage:
        return open_storage(self.url)  # where it is used: only one process of a training does


def build_pruner(name: str, **options: Any) -> BasePruner:
    """Build a pruner of Optuna by its name.

    Args:
        name: "median" or "hyperband".
        options: arguments of Optuna's class.

    Raises:
        CorrosionError: the name is unknown, or the class refuses an argument.
    """
    if name not in _PRUNERS:
        raise CorrosionError(f"sweep.pruner.name={name}: choose {' or '.join(_PRUNERS)}.")
    try:
        return _PRUNERS[name](**options)
    except (TypeError, ValueError) as error:
        raise CorrosionError(f"sweep.pruner: {error}") from error
