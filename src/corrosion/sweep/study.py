"""A study that processes on one or several machines share, each trial run to its end once."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState

from corrosion.errors import CorrosionError
from corrosion.sweep.budget import ERROR, Budget, budget
from corrosion.sweep.storage import open_storage, without_password

log = logging.getLogger(__name__)

Direction = Literal["minimize", "maximize"]


class SharedStudy:
    """An Optuna study with a fixed number of trials for all processes that open it.

    Args:
        study: study in `storage`.
        storage: database of the study, with a heartbeat interval.
        n_trials: number of trials of all processes together, at least 1.
        sampler: function that gives the sampler of a trial from its number, so that the same points
            are drawn whichever process starts the trial.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: RDBStorage,
        *,
        n_trials: int,
        sampler: Callable[[int], BaseSampler],
    ) -> None:
        self.study = study
        self.n_trials = n_trials
        self._storage = storage
        self._id = storage.get_study_id_from_name(study.study_name)
        self._sampler = sampler
        self._interval = storage.heartbeat_interval or 0

    def budget(self) -> Budget:
        """Read from the database which trials are finished, running, waiting or missing."""
        return budget(self.study.get_trials(deepcopy=False), self.n_trials)

    def claim(self, count: int) -> list[Trial]:
        """Take up to `count` trials that no other process runs.

        Where all that is left is run by other processes, this waits: one of them may die.

        Args:
            count: number of trials, at least 1.

        Returns:
            Trials in state RUNNING, which are this process's alone; none when all are finished.
        """
        told = False
        while True:
            fail_stale_trials(self.study)
            trials: list[Trial] = []
            while len(trials) < count and (trial := self._claim_one()):
                trials.append(trial)
            running = self.budget().running
            if trials or not running:
                return trials
            if not told:
                log.info("waiting for %d trial(s) of other processes", running)
                told = True
            time.sleep(min(self._interval, 5))

    def _claim_one(self) -> Trial | None:
        while True:
            state = self.budget()
            for number in state.dead:
                self._retry(number)
            if state.dead:
                continue
            if not state.waiting and state.missing:
                # if another process does the same, the later trial is beyond n_trials
                self.study.add_trial(optuna.create_trial(state=TrialState.WAITING))
                continue
            if not state.waiting:
                return None
            number = state.waiting[0]
            if self._start(trial_id := self._trial_id(number)):
                # an own handle: a study caches what a trial's sampler sees of the others
                study = optuna.load_study(
                    study_name=self.study.study_name,
                    storage=self._storage,
                    sampler=self._sampler(number),
                )
                study.get_trials(deepcopy=False)  # its storage knows the trials that it has read
                return Trial(study, trial_id)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _start(self, trial_id: int) -> bool:
        """Whether this process, and no other, has started the trial."""
        # the heartbeat comes first: a process killed between the two steps is missed either way
        self._storage.record_heartbeat(trial_id)
        try:
            return self._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        except UpdateFinishedTrialError:
            return False

    def _retry(self, number: int) -> None:
        trial = self._storage.get_trial(self._trial_id(number))
        log.warning("the process that ran trial %d has died: the trial is run again", number)
        RetryHeartbeatStaleTrialCallback()(self.study, trial)

    @contextmanager
    def alive(self, trials: Sequence[Trial]) -> Iterator[None]:
        """Send heartbeats for trials while the block runs; give them back if it is interrupted.

        Args:
            trials: trials from `claim`, whose outcomes are to be recorded within the block.
        """
        stop = threading.Event()
        ids = [self._trial_id(trial.number) for trial in trials]
        thread = threading.Thread(target=self._beat, args=(ids, stop), daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            numbers = ", ".join(str(trial.number) for trial in trials)
            log.warning("interrupted: trial %s is left to the next process of this sweep", numbers)
            for trial in trials:  # failed without a reason: the next process runs it again
                self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        finally:
            stop.set()
            thread.join()

    def _beat(self, trial_ids: Sequence[int], stop: threading.Event) -> None:
        while not stop.wait(self._interval):
            for trial_id in trial_ids:
                try:
                    self._storage.record_heartbeat(trial_id)
                except StorageInternalError as error:  # a restarting server is back in a while
                    log.warning("no heartbeat for trial %d: %s", trial_id, error.__cause__)

    def complete(self, trial: Trial, values: Sequence[float], facts: Mapping[str, Any]) -> None:
        """Record the objectives of a finished trial; values that are not finite make it failed.

        Args:
            trial: trial from `claim`.
            values: value of each objective.
            facts: plain values that are kept with the trial.
        """
        if not all(math.isfinite(value) for value in values):
            self.fail(trial, f"the objective is {', '.join(map(str, values))}", facts)
            return
        self._finish(trial, TrialState.COMPLETE, values, facts)

    def prune(self, trial: Trial, facts: Mapping[str, Any]) -> None:
        """Record that a trial was stopped early; its value is the last that it reported.

        Args:
            trial: trial from `claim`.
            facts: plain values that are kept with the trial.
        """
        self._finish(trial, TrialState.PRUNED, None, facts)

    def fail(self, trial: Trial, reason: str, facts: Mapping[str, Any]) -> None:
        """Record that a trial failed, and why; it is not run again.

        Args:
            trial: trial from `claim`.
            reason: what went wrong, in a sentence.
            facts: plain values that are kept with the trial.
        """
        self._finish(trial, TrialState.FAIL, None, {**facts, ERROR: reason})

    def _finish(
        self,
        trial: Trial,
        state: TrialState,
        values: Sequence[float] | None,
        facts: Mapping[str, Any],
    ) -> None:
        try:
            for name, fact in facts.items():
                trial.set_user_attr(name, fact)
            self.study.tell(trial, values, state=state)
        except (UpdateFinishedTrialError, ValueError):
            if not self._frozen(trial).state.is_finished():
                raise
            log.warning(
                "trial %d was given up as dead while it ran here (was this machine asleep?): "
                "its result is dropped, and the trial run again",
                trial.number,
            )

    def _frozen(self, trial: Trial) -> FrozenTrial:
        return self._storage.get_trial(self._trial_id(trial.number))


def open_study(
    url: str,
    name: str,
    *,
    directions: Sequence[Direction],
    settings: Mapping[str, Any],
    n_trials: int,
    heartbeat: int,
    sampler: Callable[[int], BaseSampler],
) -> SharedStudy:
    """Open a study, or start it.

    Args:
        url: address of the database, as SQLAlchemy takes it.
        name: name of the study.
        directions: direction of each objective.
        settings: what all its trials have in common, by key; a study goes on only under the
            settings that it was started with.
        n_trials: number of trials of all processes together, at least 1.
        heartbeat: seconds between heartbeats, at least 1.
        sampler: function that gives the sampler of a trial from its number.

    Raises:
        CorrosionError: the database can't be used, or the study was started with other settings.
    """
    storage = open_storage(url, heartbeat=heartbeat)
    study = optuna.create_study(
        study_name=name, storage=storage, directions=list(directions), load_if_exists=True
    )
    earlier = study.user_attrs.get("settings")
    if earlier is None:
        study.set_user_attr("settings", dict(settings))
    elif differences := _differences(earlier, settings):
        raise CorrosionError(
            f"The study {name} in {without_password(url)} was started with other settings "
            f"({'; '.join(differences)}), so its trials can't be compared with new ones. Repeat "
            f"the settings, or start another study: sweep.name=ANOTHER_NAME."
        )
    return SharedStudy(study, storage, n_trials=n_trials, sampler=sampler)


def _differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {earlier.get(key, 'not set')}, now {now.get(key, 'not set')}"
        for key in sorted({*earlier, *now})
        if earlier.get(key) != now.get(key)
    ]
