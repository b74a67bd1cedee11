"""Trainings in two processes on the CPU: the figures of one process, and its files once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory, draw_photos):
    """46 photographs: 32 to train on, 9 and 5 to validate and test, which 2 does not divide."""
    root = tmp_path_factory.mktemp("photos")
    colours = {"rusty": (130, 120, 120), "clean": (120, 120, 120)}
    draw_photos(root, colours, count=23, noise=40)
    return root


@pytest.fixture
def command(photos, tmp_path):
    """Runs train.py; without dropout and batch normalisation, which see one process's share."""

    def run(*overrides, batch_size, launcher=(sys.executable,), code=0):
        arguments = [
            *launcher, str(ROOT / "train.py"), "data=folder", f"data.root={photos}",
            "data.image_size=32", f"data.batch_size={batch_size}", "data.num_workers=0",
            "data.split=[0.7,0.2,0.1]", "model.backbone=test_convnext.r160_in1k",
            "model.weights=null", "model.from_random=null", "model.dense_units=8",
            "model.spatial_dropout=0", "model.dropout=0", "model.lr=1e-3", "trainer=cpu",
            "trainer.max_epochs=2", "trainer.progress_bar=false", "explain.images=0", *overrides,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            arguments, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        return output

    return run


def assert_same_figures(first, second):
    columns = ["epoch", "train/loss", "val/loss", "val/auroc", "lr"]
    histories = [pd.read_csv(folder / "history.csv")[columns] for folder in (first, second)]
    pd.testing.assert_frame_equal(*histories, rtol=1e-4)
    for name in ("predictions", "predictions_val"):
        tables = [pd.read_csv(folder / f"{name}.csv") for folder in (first, second)]
        pd.testing.assert_frame_equal(*tables, rtol=1e-3, atol=1e-4)
        assert tables[0]["path"].is_unique
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (first, second)]
    assert metrics[0]["test/loss"] == pytest.approx(metrics[1]["test/loss"], rel=1e-4)
    assert metrics[0]["images"] == metrics[1]["images"]


def test_two_processes_learn_what_one_does_from_the_same_batches(command, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    warm = "model.head_epochs=1"
    command(f"hydra.run.dir={one}", warm, batch_size=8)
    output = command(f"hydra.run.dir={two}", "trainer.devices=2", warm, batch_size=4)
    assert_same_figures(one, two)
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    assert output.count("weights are random") <= 1
    assert len((two / "train.log").read_text().splitlines()) == len(
        (one / "train.log").read_text().splitlines()
    )

    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    three = tmp_path / "three"
    command(f"hydra.run.dir={three}", "trainer.devices=2", warm, batch_size=4, launcher=torchrun)
    assert_same_figures(one, three)


def test_a_sweep_of_two_processes_each_runs_every_trial_once(command, tmp_path):
    command(
        "trainer.devices=2", "trainer.max_epochs=1", "-m", f"hydra.sweep.dir={tmp_path}",
        "model.dense_units=4,8", batch_size=4,
    )  # fmt: skip
    folders = sorted(path.parent for path in tmp_path.glob("*/metrics.json"))
    assert len(folders) == 2
    assert sorted(tmp_path.glob("*/")) == folders


def test_an_error_in_the_processes_is_one_message(command, tmp_path):
    overrides = (f"hydra.run.dir={tmp_path}", "trainer.devices=2", "data.split=[0.5,0.1,0.1]")
    output = command(*overrides, batch_size=4, code=1)
    assert output.count("give three numbers above 0") == 1
    assert "Traceback" not in output
