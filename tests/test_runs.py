import json
import os

import pandas as pd
import pytest

from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory, checkpoint_of, find_runs


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "first")
    run.checkpoints.mkdir(parents=True)
    run.best.write_bytes(b"")
    return run


def test_a_directory_and_its_checkpoints_stand_for_a_run(run, tmp_path, monkeypatch):
    assert RunDirectory.of(run.path) == RunDirectory.of(str(run.best)) == run
    monkeypatch.chdir(run.checkpoints)
    assert RunDirectory.of(run.best.name).path == run.path
    link = tmp_path / "link.ckpt"
    link.symlink_to(run.best)
    assert RunDirectory.of(link).path == run.path


def test_what_belongs_to_no_run_is_refused_with_the_way_out(run, tmp_path):
    elsewhere = run.best.rename(tmp_path / "moved.ckpt")
    assert RunDirectory.holding(elsewhere) is None
    for path in (elsewhere, tmp_path / "nowhere", run.best):
        with pytest.raises(CorrosionError, match=rf"{path}.*give the directory of a run"):
            RunDirectory.of(path)


def test_a_checkpoint_is_itself_or_the_best_of_a_run(run, tmp_path):
    assert checkpoint_of(run.path) == checkpoint_of(run.best) == run.best
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorrosionError, match="holds no checkpoints.*directory of a run"):
        checkpoint_of(tmp_path / "empty")


def test_what_is_written_is_read_again(run):
    images = pd.DataFrame({"path": ["007", "b.jpg"], "label": [0, 1], "probability": [0.1, 0.25]})
    run.write_predictions("val", images)
    assert not run.is_finished
    with pytest.raises(CorrosionError, match=r"no finished run \(there is no .*predictions\.csv"):
        run.check_finished()
    run.last.parent.mkdir(exist_ok=True)
    run.last.touch()
    with pytest.raises(CorrosionError, match=r"Go on with this one by python train\.py resume="):
        run.check_finished()
    run.write_predictions("test", images)
    run.check_finished()
    pd.testing.assert_frame_equal(run.read_predictions("test"), images, check_dtype=False)
    history = pd.DataFrame({"epoch": [1, 2], "train/loss": [0.7, 0.3], "val/loss": [0.5, 0.25]})
    run.write_history(history)
    pd.testing.assert_frame_equal(run.read_history(), history)
    run.write_config({"model": {"lr": 1e-05}, "name": "Brücke 0x1"})
    assert run.read_config() == {"model": {"lr": 1e-05}, "name": "Brücke 0x1"}
    run.write_metrics({"test/auroc": float("nan")}, {"epochs": 2})
    assert run.read_metrics() == {"test/auroc": None, "epochs": 2}
    run.write_evaluation({"threshold": 0.5})
    assert json.loads(run.evaluation_file.read_text()) == {"threshold": 0.5}


def test_what_a_run_did_not_write_is_empty(run):
    assert run.read_config() == run.read_metrics() == {}
    assert run.read_history() is run.read_split() is None
    assert run.read_overrides() == ()
    with pytest.raises(CorrosionError, match="give the directory of a finished run"):
        run.read_predictions("test")


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("config_file", "read_config"),
        ("metrics_file", "read_metrics"),
        ("history_file", "read_history"),
        ("split_file", "read_split"),
    ],
)
def test_a_damaged_file_is_named(run, file, read):
    path = getattr(run, file)
    path.write_bytes(b"\xff{")
    with pytest.raises(CorrosionError, match=rf"{path}.* can't be read"):
        getattr(run, read)()


def test_what_version_0_1_wrote_is_read_as_it_is_called_and_counted_today(tmp_path):
    run = RunDirectory(tmp_path)
    run.history_file.write_text("epoch,train/loss,val/loss\n0,0.8,0.7\n1,0.7,0.6\n")
    run.metrics_file.write_text('{"best_epoch": 1, "expand": 3}')
    assert run.read_history()["epoch"].tolist() == [1, 2]
    assert run.read_metrics() == {"best_epoch": 2, "repeats": 3}
    run.write_metrics({}, {"best_epoch": 2, "repeats": 3})
    assert run.read_metrics() == {"best_epoch": 2, "repeats": 3}


def test_a_folder_of_runs_is_told_with_its_newest(tmp_path):
    for age, name in enumerate(("day1/a", "day1/b", "day2/c", "d")):
        best = RunDirectory(tmp_path / name).best
        best.parent.mkdir(parents=True)
        best.touch()
        os.utime(best, (100 - age, 100 - age))
    with pytest.raises(CorrosionError) as error:
        checkpoint_of(tmp_path)
    newest = ", ".join(str(tmp_path / name) for name in ("day1/a", "day1/b", "day2/c"))
    assert f"a folder of runs: give one of them, as {newest} ..." in str(error.value)


def test_runs_of_a_multirun_come_in_the_order_of_their_numbers(tmp_path):
    for number in (0, 2, 10, 1):
        (tmp_path / f"{number}_model").mkdir()
        (tmp_path / f"{number}_model" / "predictions.csv").touch()
    found = [one.path.name for one in find_runs([tmp_path])]
    assert found == ["0_model", "1_model", "2_model", "10_model"]
