"""Trainings in two processes on the CPU: the figures of one process, and its files once."""

import json
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import psutil
import pytest
import torch
from commands import Started, run, training

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
def command(photos, tmp_path_factory):
    """Arguments of train.py; no dropout, no batch normalisation, which see one process's share."""
    cache = tmp_path_factory.mktemp("cache")

    def arguments(*overrides, batch_size):
        return training(
            "data=folder", f"data.root={photos}", f"data.kinds={photos / 'kinds.csv'}",
            "data.image_size=32", f"data.batch_size={batch_size}", "data.num_workers=0",
            "data.split=[0.7,0.2,0.1]", "model.backbone=test_convnext.r160_in1k",
            "model.weights=null", "model.from_random=null", "model.dense_units=8",
            "model.spatial_dropout=0", "model.dropout=0", "model.lr=1e-3", "trainer=cpu",
            "trainer.max_epochs=2", "trainer.progress_bar=false", "explain.images=0", *overrides,
            cache=cache,
        )  # fmt: skip

    return arguments


@pytest.fixture(scope="module")
def two_processes(command, tmp_path_factory):
    """An undisturbed run in two processes, and what it printed."""
    folder = tmp_path_factory.mktemp("two")
    output = run(command(f"hydra.run.dir={folder}", *TWO, batch_size=4), anew=True)
    return SimpleNamespace(folder=folder, output=output)


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
    run(command(f"hydra.run.dir={one}", WARM, batch_size=8))
    assert_same_figures(one, two)
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    assert len((two / "train.log").read_text().splitlines()) == len(
        (one / "train.log").read_text().splitlines()
    )

    three = tmp_path / "three"
    arguments = command(f"hydra.run.dir={three}", *TWO, batch_size=4)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    arguments["args"][1:1] = torchrun
    output = run(arguments, anew=True)
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
    run(
        command(
            "-m", "sweep=pruned", "trainer.devices=2", "trainer.max_epochs=1",
            "hydra.sweeper.n_trials=2", f"hydra.sweep.dir={tmp_path}", batch_size=4,
        )
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
    overrides = (f"hydra.run.dir={tmp_path}", "resume=auto", "trainer.checkpoint_every=1", *TWO)
    arguments = command(*overrides, batch_size=4)
    process = Started(arguments)
    while not (tmp_path / "checkpoints" / "last.ckpt").exists() and process.running():
        time.sleep(0.005)
    _, last = sorted(child.pid for child in psutil.Process(process.pid).children())
    os.kill(last, signal.SIGTERM)
    assert f"resume={tmp_path}" in process.end(75)
    run(arguments)
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
    output = run(command(*overrides, batch_size=4), code=1)
    assert output.count("give three shares") == 1
    assert "Traceback" not in output
