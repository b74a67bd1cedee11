"""Rounds of labelling: choose, sort, train on all, and see whether it helped."""

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import corrosion
from corrosion.arguments import with_data
from corrosion.cli.main import main
from corrosion.command_check import settings_of
from corrosion.runs import RunDirectory

pytestmark = pytest.mark.usefixtures("blank_figures")
_TINY = (
    "model.weights=null", "model.backbone=test_resnet.r160_in1k", "model.dense_units=8",
    "data.image_size=32", "data.num_workers=0", "trainer=cpu", "trainer.progress_bar=false",
    "explain.images=0",
)  # fmt: skip


@pytest.fixture
def photos(tmp_path):
    """Photographs of coarse patterns, no two alike: sorted ones, and others in `unsorted`."""
    generator = np.random.default_rng(0)

    def draw(folder, colour, count):
        folder.mkdir(parents=True)
        for number in range(count):
            squares = np.clip(generator.normal(colour, 60, (8, 8, 3)), 0, 255).astype(np.uint8)
            large = Image.fromarray(squares).resize((64, 64), Image.Resampling.BICUBIC)
            large.save(folder / f"{folder.name}-{number}.png")

    for parent in (tmp_path / "ships", tmp_path / "unsorted"):
        draw(parent / "rusty", (150, 80, 40), 15)
        draw(parent / "clean", (120, 125, 130), 15)
    return tmp_path


def trained(overrides, run):
    corrosion.train(settings_of([*overrides, *_TINY]), run)
    return set(pd.read_csv(run / "predictions.csv")["path"])


def test_the_training_after_a_round_is_compared_with_the_one_before(
    photos, cache, monkeypatch, capsys
):
    monkeypatch.chdir(photos)
    before = trained(with_data(["--data", "ships", "experiment=probe"]), Path("first"))
    assert main(["next", "first", "unsorted", "--recursive", "--count", "20", "--out", "out"]) == 0
    for path in sorted(Path("out/to-sort").iterdir()):
        path.rename(
            Path("out") / ("corrosion" if "rusty" in path.name else "no_corrosion") / path.name
        )
    said = capsys.readouterr().out.splitlines()
    command = shlex.split(next(line for line in said if line.startswith("corrosion train ")))
    after = trained(with_data([*command[2:], "experiment=probe"]), Path("second"))
    assert after == before
    split = pd.read_csv("second/split.csv")
    assert set(split.loc[split["source"] == "out", "split"]) == {"train"}
    assert (split["source"] == "out").sum() == 20
    assert main(["compare", "first", "second", "--out", "compared"]) == 0
    assert "No difference" in capsys.readouterr().out


def test_a_run_goes_on_with_what_was_judged_and_is_tested_on_the_same_images(
    photos, cache, monkeypatch, capsys
):
    monkeypatch.chdir(photos)
    before = trained(
        ["data=folder", "data.root=ships", "trainer.max_epochs=1", "model.lr=0.01"], Path("first")
    )
    Path("judged").mkdir()
    Path("unsorted/rusty").rename("judged/corrosion")
    Path("unsorted/clean").rename("judged/no_corrosion")
    assert main(["update", "first", "--verdicts", "judged", "--out", "second"]) == 0
    assert set(pd.read_csv("second/predictions.csv")["path"]) == before
    split = pd.read_csv("second/split.csv")
    assert set(split.loc[split["source"] == "judged", "split"]) == {"train"}
    config = RunDirectory(Path("second")).read_config()
    assert config["model"]["lr"] == pytest.approx(0.001)
    assert "our checkpoint, backbone and head" in Path("second/metrics.json").read_text()
    assert Path("second/comparison/compare.html").is_file()
    assert "No difference" in capsys.readouterr().out
