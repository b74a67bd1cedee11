import json
import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from samples import calibration, write_checkpoint

from corrosion.cli.main import main
from corrosion.models.checkpoint import store_choices

pytestmark = pytest.mark.usefixtures("blank_figures")


@pytest.fixture
def run_dir(tmp_path):
    """A run with a calibrated checkpoint and predictions for its validation images."""
    folder = tmp_path / "run"
    path = folder / "checkpoints" / "best.ckpt"
    write_checkpoint(path, epoch=1, image_size=32)
    store_choices(path, calibration(2.0, band=(0.4, 0.6)))
    label = np.arange(40) % 2
    logit = np.random.default_rng(0).normal(size=40) + 2 * label - 1
    pd.DataFrame(
        {
            "path": [f"{number}.jpg" for number in range(40)],
            "label": label,
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit / 2)),
        }
    ).to_csv(folder / "predictions_val.csv", index=False)
    return folder


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    generator = np.random.default_rng(0)
    for name in ("rust", "clean"):
        (root / name).mkdir(parents=True)
        for index in range(6):
            pixels = generator.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


def test_a_checkpoint_is_judged_on_a_labelled_folder(
    run_dir, photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    checkpoint = run_dir / "checkpoints" / "best.ckpt"
    arguments = ["evaluate", str(checkpoint), str(photos), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert len(table) == 12
    assert table["label"].sum() == 6
    expected = 1 / (1 + np.exp(-table["logit"] / 2))  # the checkpoint's temperature
    assert table["probability"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert evaluation["images"]["corrosion"] == 6
    assert evaluation["choices"]["validation_images"] == 40
    assert "12 test images, 6 with corrosion" in capsys.readouterr().out


def test_a_checkpoint_without_a_band_is_judged_with_a_word_on_what_it_lacks(
    run_dir, photos, tmp_path, monkeypatch, caplog, capsys
):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    last = run_dir / "checkpoints" / "last.ckpt"
    write_checkpoint(last, epoch=1, image_size=32)
    assert main(["evaluate", str(last), str(photos), "--out", str(tmp_path / "out")]) == 0
    assert "The checkpoint has no thresholds and no band for an inspector" in caplog.text
    said = capsys.readouterr().out
    assert "none chosen, and no band for an inspector" in said
    assert "resume=RUN" in said


def test_images_that_were_trained_on_are_warned_of(run_dir, photos, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    checkpoint = run_dir / "checkpoints" / "best.ckpt"
    arguments = ["evaluate", str(checkpoint), str(photos), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    split = pd.read_csv(tmp_path / "out" / "split.csv")
    split["split"] = ["train"] * 3 + ["test"] * 9
    split.to_csv(run_dir / "split.csv", index=False)
    moved = run_dir.rename(tmp_path / "moved")
    monkeypatch.chdir(moved / "checkpoints")
    for data in (photos, tmp_path / "renamed"):
        photos = photos.rename(data)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            out = str(tmp_path / f"out-{data.name}")
            assert main(["evaluate", "best.ckpt", str(data), "--out", out]) == 0
        assert "3 of 12 images were trained or validated on" in caplog.text


def test_a_checkpoint_away_from_its_run_cant_tell_what_it_was_trained_on(
    run_dir, photos, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    moved = (run_dir / "checkpoints" / "best.ckpt").rename(tmp_path / "moved.ckpt")
    assert main(["evaluate", str(moved), str(photos), "--out", str(tmp_path / "o")]) == 0
    assert "whether the checkpoint was trained on these images can't be told" in caplog.text


def test_a_checkpoint_without_data_stands_for_its_run(run_dir, capsys):
    checkpoint = run_dir / "checkpoints" / "best.ckpt"
    assert main(["evaluate", str(checkpoint)]) == 1
    assert "corrosion evaluate CHECKPOINT PATH" in capsys.readouterr().err
    validation = pd.read_csv(run_dir / "predictions_val.csv")
    validation.to_csv(run_dir / "predictions.csv", index=False)
    assert main(["evaluate", str(checkpoint)]) == 0
    assert (run_dir / "evaluation.json").is_file()


def test_folders_with_other_names_are_mapped_by_options(
    run_dir, photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    (photos / "rust").rename(photos / "pitted steel")
    (photos / "masks").mkdir()
    Image.new("RGB", (40, 40)).save(photos / "masks" / "0.png")
    arguments = ["evaluate", str(run_dir), str(photos), "--out", str(tmp_path / "out")]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "--corrosion masks or --no-corrosion masks, or leave them out by --ignore masks" in said
    given = ["--corrosion", "pitted steel", "--ignore", "masks"]
    assert main([*arguments, *given]) == 0
    assert pd.read_csv(tmp_path / "out" / "predictions.csv")["label"].sum() == 6


def test_names_of_folders_go_with_a_folder(run_dir, capsys):
    assert main(["evaluate", str(run_dir), "--ignore", "masks"]) == 1
    assert "--ignore go with PATH" in capsys.readouterr().err
