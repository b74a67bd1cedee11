"""Sweeps through the real `train.py`, on a few small photographs."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from commands import run, training

ROOT = Path(__file__).parents[2]
TINY = (
    "model.backbone=test_resnet.r160_in1k", "model.weights=null", "data=folder",
    "data.image_size=32", "data.batch_size=8", "data.num_workers=0", "trainer=cpu",
    "trainer.max_epochs=1", "trainer.progress_bar=false", "augment=none", "logger=none",
    "explain.images=0",
)  # fmt: skip


@pytest.fixture(scope="session")
def photos(tmp_path_factory, draw_photos):
    """10 rusty and 10 grey photographs."""
    root = tmp_path_factory.mktemp("photos")
    colours = {"rusty": (150, 80, 40), "clean": (120, 125, 130)}
    draw_photos(root, colours, count=10, noise=15, size=(40, 48))
    return root


@pytest.fixture
def command(tmp_path, photos):
    """Arguments of a sweep in tmp_path/sweep."""

    def arguments(*overrides, mode=("-m",)):
        own = (f"data.root={photos}", f"hydra.sweep.dir={tmp_path / 'sweep'}")
        return training(*mode, *TINY, *own, *overrides, cache=tmp_path / "cache")

    return arguments


def sweep_json(tmp_path):
    return json.loads((tmp_path / "sweep" / "sweep.json").read_text())


def test_the_same_command_goes_on_and_the_best_trial_is_a_model_to_train(command, photos, tmp_path):
    folder = tmp_path / "sweep"
    run(command("sweep=paper", "hydra.sweeper.n_trials=1"))
    output = run(command("sweep=paper", "hydra.sweeper.n_trials=3"), figures=True)
    assert "trial=0" not in output  # it was run already
    result = sweep_json(tmp_path)
    assert [trial["number"] for trial in result["trials"]] == [0, 1, 2]
    assert result["trials_by_state"] == {"complete": 3}
    assert result["objectives"] == {"val/loss": "minimize"}
    (best,) = result["best"]
    losses = [trial["objectives"]["val/loss"] for trial in result["trials"]]
    assert best["objectives"]["val/loss"] == min(losses) == best["metrics"]["val/loss"]
    assert 0 <= best["metrics"]["test/accuracy"] <= 1
    for name in ("history", "slice", "importance"):
        assert (folder / "figures" / f"{name}.png").is_file()
    for trial in result["trials"]:  # random weights are trained with the values that are searched
        facts = json.loads((Path(trial["run_dir"]) / "metrics.json").read_text())
        used = {f"model.{key}": value for key, value in facts["hyperparameters"].items()}
        assert used == pytest.approx(trial["params"])

    train_it = re.search(r"train it: +python train.py (.*)", output)[1]
    arguments = command(mode=())
    arguments["args"][2:] = [*shlex.split(train_it), "--cfg", "job"]
    composed = yaml.safe_load(run(arguments))
    assert composed["model"]["lr"] == best["params"]["model.lr"]
    assert composed["model"]["from_random"] is None
    assert composed["data"]["root"] == str(photos)
    assert composed["trainer"]["max_epochs"] == 1

    refused = run(command("sweep=paper", "seed=1"), code=1)
    assert "seed: 0, now 1" in refused
    assert "Traceback" not in refused


def test_failed_trials_are_recorded_until_they_are_too_many(command, tmp_path):
    arguments = ("sweep=paper", "data.batch_size=choice(1,4)", "hydra.sweeper.n_trials=5")
    output = run(command(*arguments, "hydra.sweeper.max_failure_rate=0.3"), code=1)
    assert "2 of 5 trials failed" in output
    result = sweep_json(tmp_path)
    failed = [trial for trial in result["trials"] if trial["state"] == "fail"]
    assert len(failed) == 2
    assert "batch_size=1: batch normalisation" in failed[0]["error"]
    assert result["trials_by_state"].get("complete", 0) >= 1  # the sweep went on after the first


def test_two_trials_at_a_time_of_which_the_pruner_stops_some(command, tmp_path):
    run(
        command(
            "sweep=pruned", "hydra/launcher=parallel", "hydra.sweeper.n_jobs=2",
            "hydra.sweeper.n_trials=4", "sweep.pruner.n_startup_trials=1",
            "sweep.pruner.n_warmup_steps=0", "trainer.max_epochs=2",
        ),
        anew=True,  # joblib's processes end with an interpreter of their own
    )  # fmt: skip
    result = sweep_json(tmp_path)
    assert sum(result["trials_by_state"].values()) == 4
    assert result["trials_by_state"]["pruned"] >= 1
    assert "fail" not in result["trials_by_state"]
    lengths = {trial["state"]: len(trial["epochs"]) for trial in result["trials"]}
    assert lengths["complete"] == 2


def test_accuracy_is_weighed_against_the_number_of_parameters(command, tmp_path):
    run(
        command(
            "sweep=tradeoff", "sweep.cost=parameters", "model=mobilenetv2", "data.image_size=32",
            "model.backbone=test_resnet.r160_in1k", "model.dense_units=choice(8,64)",
            "hydra.sweeper.n_trials=3",
        ),
        figures=True,
    )  # fmt: skip
    result = sweep_json(tmp_path)
    assert result["objectives"] == {"val/auroc": "maximize", "parameters": "minimize"}
    sizes = {
        trial["params"]["model.dense_units"]: trial["objectives"]["parameters"]
        for trial in result["trials"]
    }
    assert sizes[8] < sizes[64]
    assert (tmp_path / "sweep" / "figures" / "pareto.png").is_file()
    for trial in result["best"]:
        name = f"best-{trial['number']}.yaml"
        model = yaml.safe_load((tmp_path / "sweep" / "conf" / "model" / name).read_text())
        assert model["dense_units"] == trial["params"]["model.dense_units"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("sweep=pruned", "sweep.pruner.name=wilcoxon"), "median or hyperband"),
        (("sweep=paper", "hydra.sweeper.storage=nonsense"), "postgresql+psycopg"),
    ],
)
def test_what_would_make_every_trial_fail_is_refused_before_the_first(
    command, tmp_path, overrides, message
):
    output = run(command(*overrides), code=1)
    assert message in output
    assert "Traceback" not in output
    assert not list((tmp_path / "sweep").glob("*_test_resnet*"))


def test_a_sweep_without_m_says_what_is_missing(command):
    assert "python train.py -m" in run(command("sweep=paper", mode=()), code=1)
