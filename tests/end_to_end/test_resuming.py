"""Runs that are killed, told to end or refused disk space, and go on as if nothing had happened."""

import random
import resource
import shutil
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from blank_figures import save_figures_blank
from commands import PROCESSES

from corrosion.command_check import settings_of
from corrosion.errors import CorrosionError
from corrosion.training.resuming import WholeCheckpoints, find_checkpoint
from corrosion.training.run import train

pytestmark = pytest.mark.usefixtures("blank_figures")


@pytest.fixture(scope="module")
def photos(tmp_path_factory, draw_alike_photos):
    return draw_alike_photos(tmp_path_factory.mktemp("photos"), count=30)


@pytest.fixture
def config(photos):
    """Composes a configuration of a small training with everything that has a state."""

    def composed(*overrides):
        return settings_of(
                [
                    "data=folder", f"data.root={photos}", "model.backbone=test_resnet.r160_in1k",
                    "model.weights=null", "model.dense_units=8", "data.image_size=32",
                    "data.batch_size=4", "data.num_workers=0", "trainer=cpu",
                    "trainer.max_epochs=4", "trainer.checkpoint_every=3", "model.head_epochs=1",
                    "model.ema=0.99", "model.mixup=0.2", "model.cutmix=1.0",
                    "model.layer_decay=0.9",
                    "trainer.progress_bar=false", "explain.images=0", *overrides,
                ],
            )  # fmt: skip

    return composed


def start(config, run_dir, *, largest_file=resource.RLIM_INFINITY):
    """Start or go on with a run in a process of its own."""
    process = PROCESSES.Process(target=_train, args=(config, run_dir, largest_file))
    process.start()
    return process


def finish(config, run_dir, **limits):
    """Start or go on with a run; returns its exit code."""
    process = start(config, run_dir, **limits)
    process.join()
    return process.exitcode


def _train(config, run_dir, largest_file):
    save_figures_blank()
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        train(config, run_dir, checkpoint=find_checkpoint("auto", run_dir))
    except CorrosionError as error:
        (run_dir / "error.txt").write_text(str(error))
        sys.exit(1)


def outcome(run_dir):
    """What must not depend on interruptions."""
    content = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    best = torch.load(run_dir / "checkpoints" / "best.ckpt", weights_only=True)
    tables = {
        name: pd.read_csv(run_dir / f"{name}.csv").drop(columns="seconds", errors="ignore")
        for name in ("history", "predictions", "predictions_val", "split")
    }
    return {
        "last": content["current_model_state"],
        "average": content["state_dict"],
        "optimizer": content["optimizer_states"][0]["state"],
        "best": best["state_dict"],
        "calibration": best["calibration"],
    } | tables


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, dict):
            assert_equal(value, second[key])
        elif isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, second[key], check_exact=True)
        elif isinstance(value, torch.Tensor):
            assert torch.equal(value, second[key]), key
        else:
            assert value == second[key], key


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


@pytest.mark.parametrize(
    ("workers", "moments"), [(0, ("0:1", "1:9", "1:end", "3:4")), (2, ("2:7", "2:end"))]
)
def test_a_run_that_goes_on_from_any_checkpoint_ends_as_the_uninterrupted_one(
    config, tmp_path, monkeypatch, workers, moments
):
    """Moments are epoch:batch, both from 0."""
    run_dir, saved = tmp_path / "run", tmp_path / "saved"
    save = WholeCheckpoints.save_checkpoint

    def save_and_keep(self, checkpoint, path, storage_options=None):
        save(self, checkpoint, path, storage_options)
        if Path(path).name == "last.ckpt":
            batches = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            batch = "end" if batches["is_last_batch"] else batches["current"]["ready"] - 1
            saved.mkdir(exist_ok=True)
            shutil.copy(path, saved / f"{checkpoint['epoch']}:{batch}")

    values = config(f"data.num_workers={workers}", "trainer.checkpoint_every=1")
    with monkeypatch.context() as patch:
        patch.setattr(WholeCheckpoints, "save_checkpoint", save_and_keep)
        train(values, run_dir)
    assert len(list(saved.iterdir())) == 4 * 11
    whole = outcome(run_dir)
    last = run_dir / "checkpoints" / "last.ckpt"
    for moment in moments:
        shutil.copy(saved / moment, last)
        train(values, run_dir, checkpoint=last)
        assert_equal(whole, outcome(run_dir))


def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(config, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    values = config("trainer.checkpoint_every=1", "data.repeats=2")
    process = start(values, whole)
    wait_for((whole / "split.csv").exists)
    started = time.monotonic()
    process.join()
    duration = time.monotonic() - started

    draw = random.Random(0)
    for _ in range(4):
        (killed / "split.csv").unlink(missing_ok=True)
        process = start(values, killed)
        wait_for((killed / "split.csv").exists)
        process.join(draw.uniform(0, 0.5) * duration)
        process.kill()
        process.join()
    assert finish(values, killed) == 0
    assert_equal(outcome(whole), outcome(killed))
    assert not list((killed / "checkpoints").glob(".*"))


def test_a_run_that_had_stopped_early_is_not_trained_further_when_resumed(config, tmp_path):
    values = config("trainer.early_stopping=1", "objective=val/recall")
    assert finish(values, tmp_path) == 0
    first = outcome(tmp_path)
    assert len(first["history"]) < 4
    assert finish(values, tmp_path) == 0
    assert_equal(first, outcome(tmp_path))


def test_a_full_disk_is_an_error_that_leaves_the_last_checkpoint_as_it_was(config, tmp_path):
    folder = tmp_path / "checkpoints"
    assert finish(config("trainer.max_epochs=1"), tmp_path) == 0
    before = (folder / "last.ckpt").read_bytes()
    assert finish(config("trainer.max_epochs=2"), tmp_path, largest_file=200_000) == 1
    message = (tmp_path / "error.txt").read_text()
    assert "last.ckpt can't be written" in message
    assert "resume=" in message
    assert (folder / "last.ckpt").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_damaged_checkpoint_is_an_error_that_names_the_best_one(config, tmp_path):
    values = config("trainer.max_epochs=1")
    assert finish(values, tmp_path) == 0
    last = tmp_path / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(CorrosionError, match=r"last\.ckpt .*damaged.* resume=.*best\.ckpt"):
        train(values, tmp_path, checkpoint=last)


@pytest.mark.parametrize("every", [0, -1, True])
def test_checkpoints_every_so_many_batches_need_a_whole_number(config, tmp_path, every):
    with pytest.raises(CorrosionError, match=r"trainer\.checkpoint_every"):
        train(config(f"trainer.checkpoint_every={every}"), tmp_path)
