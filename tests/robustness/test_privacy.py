"""What is sent away of a run tells neither the user's name nor the folders above the data."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import corrosion
from corrosion.cli.main import main
from corrosion.command_check import settings_of
from corrosion.models import weights
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import RunDirectory
from corrosion.training.run import train

NAME = "janedoe"
FOR_THIS_MACHINE = {
    "config.yaml", "split.csv", "left_out.csv", "predictions.csv", "predictions_val.csv",
    "examples.csv", "overrides.yaml", "run.json", "labels.csv",
}  # fmt: skip
"""What a run needs to go on or to find its photographs again (README, "What a run writes")."""


@pytest.fixture(scope="module")
def home(tmp_path_factory, draw_photos):
    """A user's folder with photographs and a finished run."""
    home = tmp_path_factory.mktemp("home") / NAME
    photos, run = home / "photos of a customer", RunDirectory(home / "runs" / "first")
    photos.mkdir(parents=True)
    draw_photos(photos, {"rusty": (150, 80, 40), "clean": (120, 125, 130)}, count=12, noise=60)
    given = torch.nn.Module.state_dict(CorrosionClassifier("test_resnet.r160_in1k").backbone)
    torch.save(given, home / "first weights.pth")
    overrides = [
        "data=folder", f'data.root="{photos}"', f'model.weights="{home}/first weights.pth"',
        "model.backbone=test_resnet.r160_in1k", "model.dense_units=8", "data.image_size=32",
        "data.batch_size=8", "data.num_workers=0", "trainer=cpu", "trainer.max_epochs=1",
        "trainer.progress_bar=false", "augment=none", "logger=csv", "explain.images=2",
    ]  # fmt: skip
    (run.path / ".hydra").mkdir(parents=True)
    (run.path / ".hydra" / "overrides.yaml").write_text(
        "".join(f"- '{one}'\n" for one in overrides)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROSION_CACHE", str(home / "cache"))
        train(settings_of(overrides), run.path)
    return home


def told(folder):
    """Files below a folder that tell the name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return {path.name for path in files if NAME.encode() in path.read_bytes()}


def test_a_run_tells_no_name_but_in_what_is_for_this_machine(home):
    run = RunDirectory(home / "runs" / "first")
    found = told(run.path)
    assert found <= FOR_THIS_MACHINE
    assert "split.csv" in found  # which shows that the search finds names
    page = run.report_file.read_text()
    assert "data.root=&#34;photos of a customer&#34;" in page
    assert "root: photos of a customer" in page
    hyperparameters = torch.load(run.best, weights_only=True)["hyper_parameters"]
    assert hyperparameters["weights"]["requested"] == "first weights.pth"


def test_a_run_that_was_moved_goes_on_with_its_best(home):
    state = torch.load(RunDirectory(home / "runs" / "first").last, weights_only=True)
    [best] = [one for key, one in state["callbacks"].items() if key.startswith("ModelCheckpoint{")]
    assert best["best_model_path"] == "best.ckpt"
    assert list(best["best_k_models"]) == ["best.ckpt"]


@pytest.mark.parametrize(
    "command",
    [
        ("compare", "RUN"),
        ("labels", "RUN"),
        ("audit", "PHOTOS"),
        ("predict", "RUN", "PHOTOS/rusty", "--relative-to", "PHOTOS"),
        ("change", "RUN", "NEW", "NEW"),
        ("next", "RUN", "NEW", "--count", "2"),
    ],
    ids=lambda words: words[0],
)
def test_pages_and_results_tell_no_name(home, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORROSION_CACHE", str(home / "cache"))
    new = home / "new"
    new.mkdir(exist_ok=True)
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(new / f"{number}.png")
    places = {"RUN": home / "runs" / "first", "PHOTOS": home / "photos of a customer", "NEW": new}
    words = [
        f"{places[head]}{'/' * bool(tail)}{tail}" if head in places else word
        for word in command
        for head, _, tail in [word.partition("/")]
    ]
    assert main([*words, "--out", "out"]) == 0, capsys.readouterr().err
    tables = {"changes.csv", "next.csv"}  # where the photographs are
    assert told(tmp_path / "out") <= FOR_THIS_MACHINE | tables


def test_why_weights_are_random_tells_no_folder(monkeypatch):
    monkeypatch.setattr(weights.constants, "HF_HUB_CACHE", f"/home/{NAME}/.cache")
    network = CorrosionClassifier("regnety_002", image_size=32)
    loaded = weights.load_weights(network, "regnety_002", "auto")
    assert loaded.used == "random"
    assert NAME not in loaded.detail


def test_a_checkpoint_that_was_sent_away_predicts(home, tmp_path):
    sent = tmp_path / "sent.ckpt"
    sent.write_bytes(RunDirectory(home / "runs" / "first").best.read_bytes())
    table = pd.read_csv(home / "runs" / "first" / "predictions.csv")
    assert corrosion.load_model(sent).threshold == 0.5
    assert len(table) > 0
