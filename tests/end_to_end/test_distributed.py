"""Trainings in two processes on the CPU: the figures of one process, and its files once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE, STDOUT
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

ROOT = Path(__file__).parents[2]
WARM = "model.head_epochs=1"
TWO = ("trainer.devices=2", WARM)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, draw_alike_photos):
    """46 photographs: 32 to train on, 9 and 5 to validate and test, which 2 does not divide."""
    root = draw_alike_photos(tmp_path_factory.mktemp("photos"), count=23)
    rows = [f"rusty/{number}.png,{'pitting' if number % 2 else 'uniform'}" for number in range(23)]
    (root / "kinds.csv").write_text("\n".join(["path,kind", *rows]))
    return root


@pytest.fixture(scope="module")
def command(photos):
    """Runs train.py; without dropout and batch normalisation, which see one process's share."""

    def run(*overrides, batch_size, launcher=(sys.executable,), code=0, during=None):
        arguments = [
            *launcher, str(ROOT / "train.py"), "data=folder", f"data.root={photos}",
            f"data.kinds={photos / 'kinds.csv'}",
            "data.image_size=32", f"data.batch_size={batch_size}", "data.num_workers=0",
            "data.split=[0.7,0.2,0.1]", "model.backbone=test_convnext.r160_in1k",
            "model.weights=null", "model.from_random=null", "model.dense_units=8",
            "model.spatial_dropout=0", "model.dropout=0", "model.lr=1e-3", "trainer=cpu",
            "trainer.max_epochs=2", "trainer.progress_bar=false", "explain.images=0", *overrides,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        process = subprocess.Popen(
            arguments, env=environment, cwd=ROOT, stdout=PIPE, stderr=STDOUT, text=True
        )
        if during:
            during(process)
        output, _ = process.communicate()
        assert process.returncode == code, output
        return output

    return run


@pytest.fixture(scope="module")
def two_processes(command, tmp_path_factory):
    """An undisturbed run in two processes, and what it printed."""
    folder = tmp_path_factory.mktemp("two")
    output = command(f"hydra.run.dir={folder}", *TWO, batch_size=4)
    return SimpleNamespace(folder=folder, output=output)


def children(process):
    """Numbers of the trainings that a process has started, in order."""
    found = subprocess.run(
        ["pgrep", "--parent", str(process), "--full", "spawn_main"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return sorted(map(int, found.stdout.split()))


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
    kinds = [pd.read_csv(folder / "predictions_kinds.csv") for folder in (first, second)]
    pd.testing.assert_frame_equal(*kinds, rtol=1e-3, atol=1e-3)


def test_two_processes_learn_what_one_does_from_the_same_batches(command, two_processes, tmp_path):
    one, two = tmp_path / "one", two_processes.folder
    command(f"hydra.run.dir={one}", WARM, batch_size=8)
    assert_same_figures(one, two)
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    assert len((two / "train.log").read_text().splitlines()) == len(
        (one / "train.log").read_text().splitlines()
    )

    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    three = tmp_path / "three"
    output = command(f"hydra.run.dir={three}", *TWO, batch_size=4, launcher=torchrun)
    assert_same_figures(one, three)
    for printed in (two_processes.output, output):  # the first process alone says such things
        assert printed.count("images, 0 left out") == 1
        assert "sync_dist" not in printed
    assert len((three / "train.log").read_text().splitlines()) == len(
        (one / "train.log").read_text().splitlines()
    )


def test_a_sweep_of_two_processes_each_runs_every_trial_once_and_reports_to_the_pruner(
    command, tmp_path
):
    command(
        "-m", "sweep=pruned", "trainer.devices=2", "trainer.max_epochs=1",
        "hydra.sweeper.n_trials=2", f"hydra.sweep.dir={tmp_path}", batch_size=4,
    )  # fmt: skip
    trials = json.loads((tmp_path / "sweep.json").read_text())["trials"]
    assert [trial["state"] for trial in trials] == ["complete", "complete"]
    for trial in trials:
        assert list(trial["epochs"].values()) == [trial["objectives"]["val/loss"]]
    folders = {path.parent for path in tmp_path.glob("*/metrics.json")}
    assert folders == {Path(trial["run_dir"]) for trial in trials}
    assert folders == {path.parent for path in tmp_path.glob("*/train.log")}


def test_one_process_told_to_end_saves_the_run_which_goes_on_to_the_same_end(
    command, two_processes, tmp_path
):
    def tell_the_last(process):
        while len(started := children(process.pid)) < 2 and process.poll() is None:
            time.sleep(0.1)
        while not (tmp_path / "checkpoints" / "last.ckpt").exists() and process.poll() is None:
            time.sleep(0.005)
        os.kill(started[-1], signal.SIGTERM)

    run = (f"hydra.run.dir={tmp_path}", "resume=auto", "trainer.checkpoint_every=1", *TWO)
    output = command(*run, batch_size=4, code=75, during=tell_the_last)
    assert f"resume={tmp_path}" in output
    command(*run, batch_size=4)
    for name in ("last", "best"):
        whole, told = (
            torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
            for folder in (two_processes.folder, tmp_path)
        )
        assert whole.keys() == told.keys()
        assert all(torch.equal(value, told[key]) for key, value in whole.items())
    tables = [
        pd.read_csv(folder / "history.csv").drop(columns="seconds")
        for folder in (two_processes.folder, tmp_path)
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_an_error_in_the_processes_is_one_message(command, tmp_path):
    overrides = (f"hydra.run.dir={tmp_path}", "trainer.devices=2", "data.split=[0.5,0.1,0.1]")
    output = command(*overrides, batch_size=4, code=1)
    assert output.count("give three shares") == 1
    assert "Traceback" not in output
