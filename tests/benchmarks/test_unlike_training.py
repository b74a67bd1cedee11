"""The comparison of ways to tell what a network doesn't know, on tiny data."""

import numpy as np
import pytest
import torch
from PIL import Image
from samples import calibration, write_checkpoint
from unlike_training import NEAREST, Seen, main, rates, ways

from corrosion.data.prepare import prepare_records
from corrosion.data.splits import write_split
from corrosion.models.checkpoint import store_choices
from corrosion.settings.data import DataSettings


def seen(count, direction, seed):
    """Features of either class in turn around a direction of 8."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % 2
    centre = np.eye(8)[direction] * 5 + np.outer(label, np.eye(8)[7])
    features = centre + random.normal(size=(count, 8)) * 0.3
    return Seen(np.float32(features), np.float32(0.1 + 0.8 * label), label)


def test_pictures_in_another_direction_are_found_where_a_sure_classifier_finds_none():
    train, val, test = (seen(count, 0, seed) for seed, count in enumerate((40, 40, 20)))
    table = rates(ways(train), val, test, {"other": seen(30, 3, 9)})
    assert table.columns[-1] == "other (30)"
    found = {row[0]: row[2] for row in table.rows}
    assert found[NEAREST] == found["10th nearest"] == found["Mahalanobis"] == "1.000, 1.000"
    assert found["maximum softmax probability"].endswith(", 0.000")
    assert "50th nearest" not in found


@pytest.mark.usefixtures("cache")
def test_the_command_prints_both_tables(tmp_path, capsys):
    random = np.random.default_rng(0)
    for name in ("rust", "clean"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    run, photos = tmp_path / "run", tmp_path / "photos"
    best = run / "checkpoints" / "best.ckpt"
    torch.manual_seed(0)
    write_checkpoint(best, image_size=32)
    store_choices(best, calibration(band=(0.49, 0.51)))
    settings = DataSettings(source="folder", root=photos, image_size=32)
    write_split(prepare_records(settings).records, run / "split.csv")
    main([str(run), "--source", str(photos), "--pictures", str(photos / "rust"), "--made", "2"])
    shown = capsys.readouterr().out
    for text in ("ROC-AUC against", NEAREST, "photos (24)", "rust (12)", "Decided without"):
        assert text in shown
