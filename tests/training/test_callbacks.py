from types import SimpleNamespace

import pytest
import torch

from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.training.callbacks import History, ProgressLines, StopAtNonFiniteLoss


def trainer(epoch, metrics=None, *, precision="32-true"):
    return SimpleNamespace(
        current_epoch=epoch,
        callback_metrics={key: torch.tensor(value) for key, value in (metrics or {}).items()},
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.01}])],
        is_global_zero=True,
        is_last_batch=False,
        precision=precision,
    )


def test_history_holds_a_row_an_epoch_and_goes_on_after_a_restart(tmp_path):

    run = RunDirectory(tmp_path)
    first = History(run)
    first.on_train_epoch_start(None, None)
    first.on_train_epoch_end(trainer(0, {"train/loss": 0.5, "val/loss": 0.75, "other": 1.0}), None)
    second = History(run)
    second.load_state_dict(first.state_dict())
    second.on_train_epoch_start(None, None)
    second.on_train_epoch_end(trainer(1, {"train/loss": 0.25, "val/loss": 0.5}), None)
    table = run.read_history()
    assert table["epoch"].tolist() == [1, 2]
    assert second.earlier_seconds == first.state_dict()["seconds"]
    assert table["val/loss"].tolist() == [0.75, 0.5]
    assert "other" not in table
    assert (table["seconds"] >= 0).all()


def test_the_time_of_a_training_counts_all_of_its_parts(tmp_path, monkeypatch):
    clock = iter([100.0, 107.0, 200.0, 203.0])  # two fits: 7 s to a checkpoint, then 3 s
    monkeypatch.setattr("corrosion.training.callbacks.time.perf_counter", lambda: next(clock))
    first, second = History(RunDirectory(tmp_path)), History(RunDirectory(tmp_path))
    first.on_train_start(None, None)
    second.load_state_dict(first.state_dict())
    second.on_train_start(None, None)
    assert second.state_dict()["seconds"] == 10
    older = History(RunDirectory(tmp_path))
    older.load_state_dict({"rows": [{"epoch": 1, "seconds": 4.0}, {"epoch": 2, "seconds": 5.0}]})
    assert older.earlier_seconds == 9


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_naming_epoch_batch_and_learning_rate(loss):
    watch = StopAtNonFiniteLoss()
    watch.on_train_batch_end(trainer(3), None, {"loss": torch.tensor(0.5)}, None, 0)
    with pytest.raises(CorrosionError, match="epoch 4, batch 2, at learning rate 0.01"):
        watch.on_train_batch_end(trainer(3), None, {"loss": torch.tensor(loss)}, None, 1)


def test_half_precision_is_named_as_a_way_out_where_it_is_used():
    with pytest.raises(CorrosionError, match="precision=32-true"):
        StopAtNonFiniteLoss().on_train_batch_end(
            trainer(0, precision="16-mixed"), None, {"loss": torch.tensor(torch.nan)}, None, 0
        )


def test_a_training_that_nobody_watches_logs_epochs_from_1(caplog, monkeypatch):
    monkeypatch.setattr("corrosion.system.progress._SOONEST", 0.0)
    caplog.set_level("INFO")
    lines = ProgressLines()
    state = trainer(0)
    state.max_epochs, state.num_training_batches = 2, 5
    lines.on_train_start(state, None)
    for state.current_epoch in range(2):
        for batch in range(5):
            lines.on_train_batch_end(state, None, None, None, batch)
    assert len(caplog.messages) == 10
    assert caplog.messages[0].startswith("training, batch: 1 of 10 (10 %), about")
    assert caplog.messages[0].endswith("; epoch 1 of 2")
    assert caplog.messages[-1].endswith("; epoch 2 of 2")
