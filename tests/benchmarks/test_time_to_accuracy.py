"""The benchmark of the time to an accuracy, on a tiny network."""

import json
import sys

import pytest
import time_to_accuracy


@pytest.fixture
def photos(tmp_path, draw_photos):
    root = tmp_path / "photos"
    root.mkdir()
    draw_photos(root, {"rust": (150, 80, 40), "norust": (120, 125, 130)}, count=24, noise=15)
    return root


def run(monkeypatch, tmp_path, photos, *arguments):
    command = [
        "time_to_accuracy", str(photos), "--json", str(tmp_path / "times.json"), *arguments,
        "--override", "model.backbone=test_resnet.r160_in1k", "model.weights=null",
        "data.image_size=32", "data.num_workers=0", "trainer=cpu",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path))
    time_to_accuracy.main()
    return json.loads((tmp_path / "times.json").read_text())


def test_each_recipe_stops_at_the_first_validation_that_is_good_enough(
    monkeypatch, tmp_path, photos, capsys
):
    times = run(monkeypatch, tmp_path, photos, "--accuracy", "0", "--limit", "60")
    assert list(times) == ["timm", "keras", "probe", "fast", "best"]
    for recipe, found in times.items():
        assert len(found["progress"]) == 1, recipe
        assert found["seconds"] == found["progress"][0]["seconds"] > 0
    assert "timm: " in capsys.readouterr().out


def test_an_accuracy_out_of_reach_is_told_with_the_best_one(monkeypatch, tmp_path, photos, capsys):
    times = run(
        monkeypatch, tmp_path, photos, "--accuracy", "1.1", "--limit", "0.1", "--recipes", "keras",
    )  # fmt: skip
    assert times["keras"]["seconds"] is None
    assert 0 <= times["keras"]["best"] <= 1
    assert "not reached" in capsys.readouterr().out
