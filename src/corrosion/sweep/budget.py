"""Which trials of a study remain: each of `n_trials` slots is run to its end once.

A slot is one point that a sampler chose. Its first trial is fresh; when the process that runs it
dies, another trial with the same parameters takes its place (a retry). A slot is finished when one
of its trials is complete, pruned, or failed with a recorded reason. All processes that share a
study read the slots from the same list of trials: nothing but that list has to be agreed upon.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

ERROR = "error"
"""User attribute of a trial that says why it failed; a process that died leaves none."""

MAX_RETRIES = 3
"""How often a trial whose process died is run again."""


@dataclass(frozen=True)
class Budget:
    """How far a study has come.

    Attributes:
        waiting: numbers of trials that a process may start, the first of each slot.
        dead: numbers of trials whose process died, and for which no retry waits yet.
        running: number of slots that some process is running.
        finished: number of slots with a complete or pruned trial.
        failed: number of slots that failed, or whose processes died `MAX_RETRIES` + 1 times.
        missing: number of slots for which there is no trial yet.
    """

    waiting: tuple[int, ...]
    dead: tuple[int, ...]
    running: int
    finished: int
    failed: int
    missing: int


def first_attempt(trial: FrozenTrial) -> int:
    """Number of the fresh trial in a trial's slot: its own, unless it is a retry."""
    # as Optuna's RetryHeartbeatStaleTrialCallback writes it
    return trial.system_attrs.get("failed_trial", trial.number)


def budget(trials: Sequence[FrozenTrial], n_trials: int) -> Budget:
    """Read the slots off a study's trials.

    Args:
        trials: all trials of the study, by number.
        n_trials: number of slots. Fresh trials beyond it (two processes may each have added the
            last one) are left alone until `n_trials` grows.

    Returns:
        The state of the first `n_trials` slots.
    """
    slots: defaultdict[int, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        slots[first_attempt(trial)].append(trial)
    numbers = sorted(slots)[:n_trials]
    waiting, dead = [], []
    running = finished = failed = 0
    for number in numbers:
        attempts = slots[number]
        states = {trial.state for trial in attempts}
        first_waiting = next((t for t in attempts if t.state == TrialState.WAITING), None)
        if states & {TrialState.COMPLETE, TrialState.PRUNED}:
            finished += 1
        elif TrialState.RUNNING in states:
            running += 1
        elif any(ERROR in trial.user_attrs for trial in attempts):
            failed += 1
        elif first_waiting is not None:
            waiting.append(first_waiting.number)
        elif len(attempts) > MAX_RETRIES:
            failed += 1
        else:
            dead.append(attempts[-1].number)
    return Budget(
        waiting=tuple(waiting),
        dead=tuple(dead),
        running=running,
        finished=finished,
        failed=failed,
        missing=n_trials - len(numbers),
    )
