"""A study that several processes share, on SQLite."""

import math
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.trial import TrialState

from corrosion.errors import CorrosionError
from corrosion.sweep.study import open_study


@pytest.fixture
def share(tmp_path):
    """Opens the study as one more process would."""

    def opened(**changes):
        options = {
            "directions": ["minimize"],
            "settings": {"seed": 0},
            "n_trials": 3,
            "heartbeat": 60,
            "sampler": lambda trial: optuna.samplers.RandomSampler(seed=trial),
            **changes,
        }
        return open_study(f"sqlite:///{tmp_path / 'study.db'}", "test", **options)

    return opened


def states(study):
    return [trial.state for trial in study.study.get_trials()]


def test_the_number_of_trials_is_for_all_processes_and_all_calls_together(share):
    first, second = share(), share()
    (one,) = first.claim(1)
    assert [trial.number for trial in second.claim(5)] == [1, 2]
    first.complete(one, (0.5,), {})
    third = share()
    for trial in range(1, 3):
        third.study.tell(trial, 0.1)
    assert third.claim(1) == []
    assert [trial.number for trial in share(n_trials=4).claim(9)] == [3]


def test_processes_that_claim_at_once_get_each_trial_once(share):
    claimed = []

    def work():
        study = share(n_trials=8)
        while trials := study.claim(1):
            claimed.append(trials[0].number)
            study.complete(trials[0], (0.0,), {})

    with ThreadPoolExecutor() as pool:
        for worker in [pool.submit(work) for _ in range(3)]:
            worker.result()
    assert sorted(claimed) == list(range(8))


def test_the_same_points_are_drawn_whichever_process_draws_them(share, tmp_path):
    one = [trial.suggest_float("lr", 0, 1) for trial in share().claim(2)]
    (tmp_path / "study.db").unlink()
    two = [share().claim(1)[0].suggest_float("lr", 0, 1) for _ in range(2)]
    assert one == two
    assert one[0] != one[1]


def test_an_interrupted_trial_is_run_again_with_the_same_parameters(share):
    study = share(n_trials=1)
    trials = study.claim(1)
    value = trials[0].suggest_float("lr", 0, 1)
    with pytest.raises(KeyboardInterrupt), study.alive(trials):
        raise KeyboardInterrupt
    (again,) = share(n_trials=1).claim(1)
    assert again.number == 1
    assert again.suggest_float("lr", 0, 1) == value
    assert states(study) == [TrialState.FAIL, TrialState.RUNNING]


def test_a_trial_that_failed_for_a_reason_is_not_run_again(share):
    study = share(n_trials=1)
    (trial,) = study.claim(1)
    study.fail(trial, "out of memory", {"host": "a"})
    assert study.claim(1) == []
    attributes = study.study.trials[0].user_attrs
    assert attributes == {"error": "out of memory", "host": "a"}
    assert study.budget().failed == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_objective_that_is_not_finite_is_a_failure(share, value):
    study = share()
    (trial,) = study.claim(1)
    study.complete(trial, (value,), {})
    assert states(study) == [TrialState.FAIL]
    assert str(value) in study.study.trials[0].user_attrs["error"]


def test_a_pruned_trial_is_neither_failed_nor_complete(share):
    study = share()
    (trial,) = study.claim(1)
    trial.report(0.7, 1)
    study.prune(trial, {})
    assert states(study) == [TrialState.PRUNED]
    assert study.study.trials[0].value == 0.7


def test_the_late_result_of_a_trial_given_up_as_dead_is_dropped(share, caplog):
    study = share(n_trials=1)
    (trial,) = study.claim(1)
    share().study.tell(trial.number, state=TrialState.FAIL)
    study.complete(trial, (0.1,), {"host": "a"})
    assert "given up as dead" in caplog.text
    assert study.study.trials[0].values is None
    assert [one.number for one in study.claim(1)] == [1]


def test_a_study_is_only_gone_on_with_under_its_own_settings(share):
    share()
    with pytest.raises(CorrosionError, match=r"seed: 0, now 1.*sweep\.name=") as refused:
        share(settings={"seed": 1, "data.root": "x"})
    assert "data.root: not set, now x" in str(refused.value)
