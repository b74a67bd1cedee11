"""A study that processes on one or several machines share, each trial run to its end once."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState

from corrosion.errors import CorrosionError
from corrosion.sweep.budget import ERROR, Budget, budget
from corrosion.system.extras import install_command

log = logging.getLogger(__name__)

Direction = Literal["minimize", "maximize"]

_ATTEMPTS = 10  # to make the tables of a new database, which other processes make at the same time
_GRACE = 3  # missed heartbeats after which a process counts as dead


class SharedStudy:
    """An Optuna study with a fixed number of trials for all processes that open it.

    Args:
        study: with an `RDBStorage`.
        storage: of `study`, with a heartbeat interval.
        n_trials: for all processes together.
        sampler: gives the sampler of a trial from its number, so that the same points are drawn
            whichever process starts the trial.
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
        """Where the study stands."""
        return budget(self.study.get_trials(deepcopy=False), self.n_trials)

    def claim(self, count: int) -> list[Trial]:
        """Take up to `count` trials that no other process runs.

        Where all that is left is run by other processes, this waits: one of them may die.

        Returns:
            Trials in state RUNNING, which are this process's alone; none when all are settled.
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
        # the sign of life comes first: a process killed between the two steps is missed either way
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
        """Give signs of life for trials while the block runs; give them back if it is interrupted.

        Args:
            trials: from `claim`. They are to be settled after the block.
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
                    log.warning("no sign of life for trial %d: %s", trial_id, error.__cause__)

    def complete(self, trial: Trial, values: Sequence[float], facts: Mapping[str, Any]) -> None:
        """Record the objectives of a finished trial; values that are not finite make it failed.

        Args:
            trial: from `claim`.
            values: one per objective.
            facts: plain values to keep with the trial.
        """
        if not all(math.isfinite(value) for value in values):
            self.fail(trial, f"the objective is {', '.join(map(str, values))}", facts)
            return
        self._settle(trial, TrialState.COMPLETE, values, facts)

    def prune(self, trial: Trial, facts: Mapping[str, Any]) -> None:
        """Record that a trial was stopped early; its value is the last that it reported."""
        self._settle(trial, TrialState.PRUNED, None, facts)

    def fail(self, trial: Trial, reason: str, facts: Mapping[str, Any]) -> None:
        """Record that a trial failed, and why; it is not run again."""
        self._settle(trial, TrialState.FAIL, None, {**facts, ERROR: reason})

    def _settle(
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
        url: of the database, as SQLAlchemy takes it.
        name: of the study.
        directions: one per objective.
        settings: what all its trials have in common, by key; a study is only gone on with under
            the settings that it was started with.
        n_trials: for all processes together.
        heartbeat: seconds between signs of life.
        sampler: gives the sampler of a trial from its number.

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


def open_storage(url: str, *, heartbeat: int | None = None) -> RDBStorage:
    """Open a database of studies; its tables are made if missing.

    Args:
        url: as SQLAlchemy takes it.
        heartbeat: seconds between signs of life; None where this process gives none.

    Raises:
        CorrosionError: the database can't be used.
    """
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    options: dict[str, Any] = {"pool_pre_ping": True}  # a trial outlives idle connections
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": 60}  # other processes write too
    for attempt in range(_ATTEMPTS):
        try:
            storage = RDBStorage(
                url,
                options,
                heartbeat_interval=heartbeat,
                grace_period=_GRACE * heartbeat if heartbeat else None,
            )
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            others = isinstance(error, sqlalchemy.exc.IntegrityError)
            if not others and "already exists" not in str(error):
                raise _unusable(url, error) from error
            cause = error  # another process is just making the same tables
            time.sleep(0.1 * (attempt + 1))
        else:
            if url.startswith("sqlite"):
                _lock_whole_transactions(storage.engine)
            return storage
    raise _unusable(url, cause)


def _lock_whole_transactions(engine: sqlalchemy.Engine) -> None:
    """Make SQLite lock at the start of a transaction, as servers lock the rows they read.

    By itself it locks at the first change: two processes may both read that a trial waits, and then
    both start it.
    """
    engine.dispose()  # connections made so far don't know

    @sqlalchemy.event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def lock(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _unusable(url: str, error: Exception) -> CorrosionError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return CorrosionError(
        f"hydra.sweeper.storage={without_password(url)} can't be used: {reason}. Give "
        f"sqlite:///FILE in a folder that exists, or postgresql+psycopg://USER@HOST/DATABASE "
        f"(which needs {install_command('psycopg[binary]')})."
    )


def without_password(url: str) -> str:
    """A database's address as it may be shown and stored."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return url


def _differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {earlier.get(key, 'not set')}, now {now.get(key, 'not set')}"
        for key in sorted({*earlier, *now})
        if earlier.get(key) != now.get(key)
    ]
