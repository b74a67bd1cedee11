import json
import runpy
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from corrosion.data.sample import make_sample

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = {"backbone": "test_resnet.r160_in1k", "epochs": 1}


def example(name):
    return runpy.run_path(str(EXAMPLES / name))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return make_sample(folder, count=24, size=64, seed=0) / "images"


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    example("train_from_python.py")["main"](photos, folder, **TINY)
    return folder


def test_a_training_from_python_leaves_a_run_as_the_command_does(run):
    assert (run / "checkpoints" / "best.ckpt").is_file()
    assert "test/accuracy" in json.loads((run / "metrics.json").read_text())


def test_module_and_data_module_work_in_a_trainer_of_ones_own(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the Trainer's own logs
    paths = sorted(photos.glob("*/*.jpg"))
    table = pd.DataFrame(
        {
            "path": paths,
            "label": [int(path.parent.name == "corrosion") for path in paths],
            "split": ["train", "train", "val", "test"] * (len(paths) // 4),
        }
    )
    table.to_csv("images.csv", index=False)
    metrics = example("plain_trainer.py")["main"]("images.csv", **TINY)
    assert 0 <= metrics["test/accuracy"] <= 1


def test_the_notebook_runs(run, photos, tmp_path):
    (tmp_path / "run").symlink_to(run)
    (tmp_path / "photos").symlink_to(photos)
    notebook = nbformat.read(EXAMPLES / "explain.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 2
