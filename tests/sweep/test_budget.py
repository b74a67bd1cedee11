"""What is left of a study."""

import optuna
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from corrosion.sweep.budget import ERROR, MAX_RETRIES, Budget, budget

WAITING, RUNNING, FAIL = TrialState.WAITING, TrialState.RUNNING, TrialState.FAIL
COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED


def trials(*rows):
    """Trials from (state, number of the trial it retries or None, whether it has a reason)."""
    made = []
    for number, (state, first, reason) in enumerate(rows):
        trial = optuna.create_trial(
            state=state,
            value=1.0 if state == COMPLETE else None,
            user_attrs={ERROR: "out of memory"} if reason else {},
            system_attrs={} if first is None else {"failed_trial": first},
        )
        trial.number = number
        made.append(trial)
    return made


def fresh(state, *, reason=False):
    return (state, None, reason)


def retry(first, state):
    return (state, first, False)


def test_a_new_study_lacks_all_its_trials():
    assert budget([], 12) == Budget((), (), running=0, finished=0, failed=0, missing=12)


def test_complete_pruned_and_explained_failures_are_settled():
    state = budget(trials(fresh(COMPLETE), fresh(PRUNED), fresh(FAIL, reason=True)), 4)
    assert state == Budget((), (), running=0, finished=2, failed=1, missing=1)


def test_a_failure_without_a_reason_is_a_dead_process_whose_trial_is_run_again():
    assert budget(trials(fresh(FAIL)), 1).dead == (0,)
    assert budget(trials(fresh(FAIL), retry(0, WAITING)), 1).waiting == (1,)
    assert budget(trials(fresh(FAIL), retry(0, RUNNING)), 1).running == 1
    assert budget(trials(fresh(FAIL), retry(0, COMPLETE)), 1).finished == 1
    assert budget(trials(fresh(FAIL), retry(0, FAIL)), 1).dead == (1,)


def test_of_two_retries_that_two_processes_added_only_one_is_run():
    twice = (fresh(FAIL), retry(0, WAITING), retry(0, WAITING))
    assert budget(trials(*twice), 1).waiting == (1,)
    assert budget(trials(fresh(FAIL), retry(0, RUNNING), retry(0, WAITING)), 1).waiting == ()


def test_a_trial_whose_processes_keep_dying_is_given_up():
    deaths = [fresh(FAIL), *[retry(0, FAIL)] * MAX_RETRIES]
    assert budget(trials(*deaths), 1).failed == 1
    assert budget(trials(*deaths[:-1]), 1).failed == 0


def test_a_trial_beyond_the_number_asked_for_waits_until_more_are_asked_for():
    surplus = trials(fresh(RUNNING), fresh(WAITING), fresh(WAITING))
    assert budget(surplus, 2).waiting == (1,)
    assert budget(surplus, 3).waiting == (1, 2)


def test_a_retry_keeps_its_place_before_a_surplus_trial():
    state = budget(trials(fresh(FAIL), fresh(WAITING), retry(0, WAITING)), 1)
    assert state.waiting == (2,)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(list(TrialState)), st.booleans(), st.booleans()), max_size=12
    ),
    n_trials=st.integers(1, 15),
)
def test_every_slot_is_in_exactly_one_state(rows, n_trials):
    state = budget(
        trials(
            *((one, 0 if again and i else None, why) for i, (one, again, why) in enumerate(rows))
        ),
        n_trials,
    )
    counted = len(state.waiting) + len(state.dead) + state.running + state.finished + state.failed
    assert counted + state.missing == n_trials
