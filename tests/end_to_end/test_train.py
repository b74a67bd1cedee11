"""The README's training commands, through the real `train.py`, on tiny photographs."""

import json
import os
import re
import signal
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from commands import Started, run, training
from PIL import Image

import corrosion
from corrosion.command_check import settings_of
from corrosion.errors import CorrosionError
from corrosion.system.locks import sole_writer
from corrosion.training.resuming import find_checkpoint
from corrosion.training.run import train

pytestmark = pytest.mark.usefixtures("blank_figures")  # what starts anew draws them
TINY = (
    "model.backbone=test_resnet.r160_in1k", "model.weights=null", "model.dense_units=8",
    "data.image_size=32", "data.batch_size=8", "data.num_workers=0", "trainer=cpu",
    "trainer.max_epochs=2", "augment=none",
)  # fmt: skip


@pytest.fixture(scope="session")
def photos(tmp_path_factory, draw_photos):
    """24 rusty and 24 grey photographs that a network tells apart at once, one of them broken."""
    root = tmp_path_factory.mktemp("photos")
    colours = {"rusty": (150, 80, 40), "clean": (120, 125, 130)}
    draw_photos(root, colours, count=24, noise=15, size=(40, 48), suffix=".jpg")
    whole = (root / "clean" / "0.jpg").read_bytes()
    (root / "clean" / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    return root


@pytest.fixture
def command(tmp_path, photos):
    """Runs train.py on the photographs; results go to tmp_path/run."""

    def arguments(*overrides, run=tmp_path / "run"):
        own = ("data=folder", f"data.root={photos}", *TINY, f"hydra.run.dir={run}")
        return training(*own, *overrides, cache=tmp_path / "cache")

    return arguments


def test_a_run_writes_what_the_readme_promises(command, tmp_path):
    output = run(command("trainer.max_epochs=12"), anew=True)
    folder = tmp_path / "run"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test/accuracy"] == 1.0
    assert metrics["weights"]["used"] == "random"
    assert metrics["images"]["train"] == {"no_corrosion": 17, "corrosion": 17}
    history = pd.read_csv(folder / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 13))
    assert history["train/loss"].iloc[-1] < history["train/loss"].iloc[0]
    assert metrics["val/loss"] == pytest.approx(history["val/loss"].min())
    predictions = pd.read_csv(folder / "predictions.csv")
    split = pd.read_csv(folder / "split.csv")
    assert set(predictions["path"]) == set(split.loc[split["split"] == "test", "path"])
    assert ((predictions["probability"] >= 0.5) == predictions["prediction"]).all()
    validation = pd.read_csv(folder / "predictions_val.csv")
    assert set(validation["path"]) == set(split.loc[split["split"] == "val", "path"])
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["metrics"]["accuracy"]["low"] < 1
    assert (folder / "figures" / "reliability.png").is_file()
    assert yaml.safe_load((folder / "config.yaml").read_text())["model"]["dense_units"] == 8
    assert Image.open(folder / "figures" / "curves.png").width > 500
    maps = [path.name.split("_")[0] for path in sorted((folder / "gradcam").glob("*.png"))]
    assert maps == [f"{kind}-0{n}" for kind in ("right", "uncertain") for n in range(1, 5)]
    left_out = pd.read_csv(folder / "left_out.csv")
    assert left_out["reason"].tolist() == ["unreadable"]
    assert left_out["path"][0].endswith("broken.jpg")
    assert metrics["curation"]["left_out"] == {"unreadable": 1}
    assert metrics["curation"]["leaks"] == {"val": 0, "test": 0}
    assert "49 images, 1 left out (1 unreadable)" in output
    assert "broken.jpg" in output
    assert "broken.jpg" in (folder / "train.log").read_text()
    assert "ROC-AUC" in output
    assert str(folder) in output

    # the checkpoint elsewhere: plain values only, and the same predictions as the run's own
    content = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert content["hyper_parameters"]["dense_units"] == 8
    assert content["hyper_parameters"]["lr"] == 3e-3  # model.from_random
    chosen = evaluation["choices"]["thresholds"]
    assert content["calibration"]["thresholds"] == {one["rule"]: one["value"] for one in chosen}
    assert content["calibration"]["temperature"] == metrics["temperature"]
    calibrated = 1 / (1 + np.exp(-predictions["logit"] / metrics["temperature"]))
    assert predictions["probability"].to_numpy() == pytest.approx(calibrated, abs=1e-5)
    model = corrosion.load_model(folder / "checkpoints" / "best.ckpt")
    first = predictions.iloc[0]
    photo = Image.open(first["path"]).resize((32, 27), Image.Resampling.BILINEAR)
    square = Image.new("RGB", (32, 32))
    square.paste(photo, (0, 2))
    pixels = torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1)[None]
    assert model.predict_proba(pixels).item() == pytest.approx(first["probability"], abs=0.05)


def test_the_same_seed_gives_the_same_figures_for_any_number_of_workers(command, tmp_path):
    figures = []
    for workers in (0, 2):
        folder = tmp_path / str(workers)
        overrides = (f"data.num_workers={workers}", "augment=paper", "data.repeats=3")
        run(command(*overrides, run=folder))
        metrics = json.loads((folder / "metrics.json").read_text())
        trained = sum(metrics["images"]["train"].values())
        assert (metrics["repeats"], metrics["samples_per_epoch"]) == (3, 3 * trained)
        history = pd.read_csv(folder / "history.csv").drop(columns="seconds")
        figures.append(history)
    pd.testing.assert_frame_equal(*figures)


def test_an_interrupted_run_goes_on_where_it_stopped(command, tmp_path):
    """A resumed run ends with the weights of one that was never interrupted."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    overrides = ("augment=paper", "model.schedule=none")
    run(command(*overrides, "trainer.max_epochs=4", run=whole))
    run(command(*overrides, "trainer.max_epochs=2", run=parts))
    run(command(*overrides, "trainer.max_epochs=4", "resume=auto", run=parts))
    columns = ["epoch", "train/loss", "val/loss", "val/auroc"]
    pd.testing.assert_frame_equal(
        pd.read_csv(whole / "history.csv")[columns], pd.read_csv(parts / "history.csv")[columns]
    )
    first, second = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (whole, parts)
    )
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_ctrl_c_keeps_the_last_epoch_and_says_how_to_go_on(command, tmp_path):
    process = Started(command("trainer.max_epochs=10000", "trainer.progress_bar=false"))
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    output = process.end(130, seconds=60)
    assert f"resume={tmp_path / 'run'}" in output
    assert "Traceback" not in output
    assert corrosion.load_model(checkpoint)


def test_a_run_told_to_end_saves_itself_and_says_how_to_go_on(command, tmp_path):
    process = Started(command("trainer.max_epochs=10000", "trainer.progress_bar=false"))
    history = tmp_path / "run" / "history.csv"
    deadline = time.monotonic() + 120
    while not history.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    before = pd.read_csv(history)
    os.kill(process.pid, signal.SIGTERM)
    output = process.end(75, seconds=60)
    assert f"resume={tmp_path / 'run'}" in output
    assert "Traceback" not in output
    epochs = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["epoch"]
    assert epochs >= len(before) - 1


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_directory_that_holds_a_run_is_not_overwritten(command, tmp_path, name):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    checkpoint = tmp_path / "run" / "checkpoints" / name
    checkpoint.write_bytes(b"precious")
    assert "resume=auto" in run(command(), code=1)
    assert checkpoint.read_bytes() == b"precious"


def test_two_trainings_into_one_new_directory_do_not_mix(command, tmp_path):
    with sole_writer(tmp_path / "run", name="run_dir"):
        output = run(command(), code=1)
    assert "another process is writing there" in output
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_split_file_puts_the_same_images_into_the_same_subsets(command, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    run(command("trainer.max_epochs=1", run=first))
    again = (f"data.split_file={first / 'split.csv'}", "seed=7", "trainer.max_epochs=1")
    run(command(*again, run=second))
    tables = [
        pd.read_csv(folder / "split.csv").sort_values("path").reset_index(drop=True)
        for folder in (first, second)
    ]
    pd.testing.assert_series_equal(tables[0]["split"], tables[1]["split"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.weights=imagenet", r"model\.weights=PATH"),
        ("data.on_bad_image=error", r"broken\.jpg"),
        ("data.root=???", r"data\.root must be given"),
        ("data.batch_size=1", "batch_size=1: batch normalisation learns from several values"),
    ],
)
def test_what_a_user_can_put_right_is_one_message_without_a_traceback(command, override, message):
    output = run(command(override, "model.backbone=mobilenetv2", "data.image_size=32"), code=1)
    assert len(re.findall(message, output)) == 1
    assert "Traceback" not in output
    assert "Error executing job" not in output


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.root=/no/such/folder", "/no/such/folder"),
        ("data.split_file=no.csv", r"no\.csv"),
        ("data.split=[0.5,0.1,0.1]", r"data\.split"),
        ("data.batch_size=0", r"data\.batch_size"),
        ("data.shortcut=1.5", r"data\.shortcut=1\.5"),
        ("model.weights=no.pth", r"no\.pth"),
        ("model.backbone=resnet51", "resnet51"),
        ("model.dropout=1.5", r"model\.dropout"),
        ("model.unfreeze=40", "unfreeze=40"),
        ("model.pos_weight=heavy", r"model\.pos_weight"),
        ("objective=test/accuracy", "objective=test/accuracy"),
        ("trainer.precision=12", "trainer"),
        ("trainer.accelerator=tpu", "trainer"),
        ("trainer.max_epochs=0", r"trainer\.max_epochs"),
        ("trainer.max_epochs=null", r"trainer\.max_epochs"),
        ("logger.name=comet", "comet"),
        ("augment.noise.limit=7", r"augment\.noise"),
        ("explain.images=-1", r"explain\.images"),
    ],
)
def test_bad_values_are_errors_that_name_their_key(
    tmp_path, photos, monkeypatch, override, message
):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    overrides = ["data=folder", f"data.root={photos}", *TINY, "augment=paper", override]
    with pytest.raises(CorrosionError, match=message):
        train(settings_of(overrides), tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("root", ["/no/such/folder", "{0}/clean"])
def test_wrong_folders_are_told_before_weights_are_looked_for(tmp_path, photos, root):
    given = root.format(photos)
    overrides = ["data=folder", f"data.root={given}", *TINY, "model.weights=no.pth"]
    with pytest.raises(CorrosionError, match=given):
        train(settings_of(overrides), tmp_path / "run")


def test_a_planted_shortcut_is_told_wherever_the_run_is_and_stays_when_it_goes_on(
    tmp_path, photos, monkeypatch, caplog, capsys
):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    shared = ["data=folder", f"data.root={photos}", *TINY, "trainer.progress_bar=false"]

    def trained(*overrides, checkpoint=None):
        train(settings_of([*shared, *overrides]), tmp_path / "run", checkpoint=checkpoint)

    trained("data.shortcut=0.5", "trainer.max_epochs=1", "explain.images=0")
    run_dir = tmp_path / "run"
    split = pd.read_csv(run_dir / "split.csv")
    assert split.groupby(["split", "label"])["marked"].sum().to_dict() == {
        (name, label): 8 if (name, label) == ("train", 1) else 0
        for name in ("train", "val", "test")
        for label in (0, 1)
    }
    assert json.loads((run_dir / "metrics.json").read_text())["shortcut"] == {
        "share": 0.5,
        "marked": 8,
    }
    assert yaml.safe_load((run_dir / "config.yaml").read_text())["data"]["shortcut"] == 0.5
    sentence = "8 corroded ones carry a planted mark (data.shortcut=0.5)"
    assert sentence in (run_dir / "report.html").read_text()
    assert sentence in caplog.text
    assert sentence in capsys.readouterr().out

    checkpoint = run_dir / "checkpoints" / "last.ckpt"
    with pytest.raises(CorrosionError, match=r"^shortcut=0: .* shortcut=0\.5"):
        trained("trainer.max_epochs=2", checkpoint=checkpoint)
    trained("data.shortcut=0.5", "trainer.max_epochs=2", checkpoint=checkpoint)
    pd.testing.assert_frame_equal(pd.read_csv(run_dir / "split.csv"), split)


def test_random_weights_keep_the_published_values_on_request(tmp_path, photos, monkeypatch):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    overrides = ["data=folder", f"data.root={photos}", *TINY, "trainer.max_epochs=1"]
    settings = settings_of([*overrides, "model.from_random=null"])
    train(settings, tmp_path / "run")
    content = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    published = {key: getattr(settings.model, key) for key in ("lr", "spatial_dropout", "dropout")}
    assert published.items() <= content["hyper_parameters"].items()


def test_the_experiment_from_scratch_trains_with_all_that_it_bundles(tmp_path, photos, monkeypatch):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    tiny = [one for one in TINY if not one.startswith("augment=")]
    overrides = [*tiny, "experiment=scratch", "data=folder", f"data.root={photos}"]
    settings = settings_of([*overrides, "trainer.max_epochs=1", "explain.images=1"])
    assert settings.augment.jpeg is not None
    train(settings, tmp_path / "run")
    checkpoint = tmp_path / "run" / "checkpoints" / "best.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    assert content["hyper_parameters"]["cutmix"] == 1
    averaged, last = content["state_dict"], content["current_model_state"]
    assert any(not torch.equal(averaged[key], last[key]) for key in last)
    assert corrosion.load_model(checkpoint).tta == "flips"
    predictions = pd.read_csv(tmp_path / "run" / "predictions.csv").set_index("path")
    found = corrosion.predict(corrosion.load_model(checkpoint), list(predictions.index))
    probability = pd.Series({one.path: one.probability for one in found})
    np.testing.assert_allclose(probability, predictions["probability"], atol=1e-5)


@pytest.mark.parametrize(
    ("resume", "message"), [("/no/such.ckpt", r"/no/such\.ckpt"), ("empty", "saved one")]
)
def test_a_checkpoint_that_is_not_there_is_an_error(tmp_path, resume, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorrosionError, match=message):
        find_checkpoint(str(tmp_path / resume), tmp_path)


def test_a_key_that_does_not_exist_is_refused_by_name(command):
    assert "lerning_rate" in run(command("model.lerning_rate=1"), code=1)


def test_a_sweep_runs_every_model_and_each_in_its_own_directory(command, tmp_path):
    arguments = command("trainer.max_epochs=1")
    arguments["args"] += ["-m", f"hydra.sweep.dir={tmp_path / 'sweep'}", "model.dense_units=4,8"]
    run(arguments)
    folders = sorted((tmp_path / "sweep").glob("*/metrics.json"))
    assert len(folders) == 2


def test_the_quick_experiment_trains_on_the_embedded_sample(command, tmp_path):
    arguments = command(
        "experiment=quick", "data.count=40", "model=mobilenetv2", "model.lr=2e-3",
        "choices.confidence=0.9",
    )  # fmt: skip
    own = {*TINY, "data=folder"}
    arguments["args"] = [
        item for item in arguments["args"] if item not in own and "data.root=" not in item
    ]
    output = run(arguments)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    # what such a network is worth, and what so few images can't promise, is told
    assert "SAMPLE:      The network was trained on generated pictures" in output
    assert "A recall of 0.98 can't be promised with confidence 0.9" in output
    best = torch.load(tmp_path / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["competence"]["generated"] is True
    assert best["calibration"]["band_rule"].endswith("can't be promised with confidence 0.9")
    assert metrics["model"] == "mobilenetv2"
    assert metrics["images"]["train"] == {"no_corrosion": 14, "corrosion": 14}
    # what is given goes, also from random weights; the rest is model.from_random's
    assert metrics["hyperparameters"]["lr"] == 2e-3
    assert metrics["hyperparameters"]["spatial_dropout"] == 0.1


def test_composing_a_configuration_needs_no_torch(command):
    arguments = command("--cfg", "job")
    program = (
        "import sys, runpy; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "print('torch' in sys.modules, 'timm' in sys.modules)"
    )
    arguments["args"] = [sys.executable, "-c", program, *arguments["args"][1:]]
    assert run(arguments, anew=True).rstrip().endswith("False False")


def test_a_finished_training_that_goes_on_clears_away_what_a_killed_one_left(tmp_path, photos):
    overrides = ["data=folder", f"data.root={photos}", *TINY, "trainer.max_epochs=1"]
    settings = settings_of([*overrides, "explain.images=0"])
    train(settings, tmp_path / "run")
    checkpoints = tmp_path / "run" / "checkpoints"
    left = checkpoints / ".best-abcdefgh.ckpt"
    left.write_bytes(b"half a checkpoint")
    train(settings, tmp_path / "run", checkpoint=checkpoints / "last.ckpt")
    assert not left.exists()
    assert {path.name for path in checkpoints.iterdir()} == {"best.ckpt", "last.ckpt"}
