"""Stopping hopeless trials."""

from types import SimpleNamespace

import optuna
import pytest
import torch

from corrosion.errors import CorrosionError
from corrosion.sweep.pruning import PruneTrial, build_pruner


@pytest.fixture
def study(tmp_path):
    """A study in which one trial went down from 0.5 to 0.3."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=url, study_name="test")
    trial = study.ask()
    for step, value in enumerate((0.5, 0.4, 0.3), start=1):
        trial.report(value, step)
    study.tell(trial, 0.3)
    study.ask()
    return SimpleNamespace(url=url, study=study)


def epoch_end(study, epoch, value, *, process_zero=True, broadcast=lambda verdict: verdict):
    callback = PruneTrial(
        "val/loss",
        pruner={"name": "median", "n_startup_trials": 1, "n_warmup_steps": 2},
        storage=study.url,
        study_name="test",
        trial=1,
    )
    trainer = SimpleNamespace(
        current_epoch=epoch,
        is_global_zero=process_zero,
        callback_metrics={"val/loss": torch.tensor(value)},
        strategy=SimpleNamespace(broadcast=broadcast),
    )
    callback.on_train_epoch_end(trainer, None)


def test_a_trial_worse_than_the_median_at_its_epoch_stops(study):
    with pytest.raises(optuna.TrialPruned):
        epoch_end(study, epoch=1, value=0.9)
    assert study.study.trials[1].intermediate_values == {2: pytest.approx(0.9)}


def test_a_trial_better_than_the_median_goes_on(study):
    epoch_end(study, epoch=1, value=0.1)


def test_no_trial_stops_before_the_warm_up_is_over(study):
    epoch_end(study, epoch=0, value=0.9)


def test_the_processes_of_one_training_stop_together(study):
    with pytest.raises(optuna.TrialPruned):
        epoch_end(study, 1, 0.1, process_zero=False, broadcast=lambda verdict: True)
    assert study.study.trials[1].intermediate_values == {}  # only the first one reports


def test_pruners_are_built_by_name():
    pruner = build_pruner("hyperband", min_resource=1, max_resource=9)
    assert isinstance(pruner, optuna.pruners.HyperbandPruner)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "wilcoxon"}, "median or hyperband"),
        ({"name": "median", "patience": 3}, "patience"),
        ({"name": "median", "n_warmup_steps": -1}, r"sweep\.pruner"),
    ],
)
def test_a_pruner_that_cannot_be_built_is_an_error(options, message):
    with pytest.raises(CorrosionError, match=message):
        build_pruner(**options)
