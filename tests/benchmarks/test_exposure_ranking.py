"""The ranking of parts by hours of exposure, on tiny data."""

import json

import numpy as np
import pytest
from change_false_alarms import second_view
from exposure_ranking import COMMAND, ground_and_part, main
from PIL import Image
from samples import write_checkpoint

from corrosion.explanation.baselines import cielab


def part(hours):
    """A grey square on white ground, whose right part is the yellower the longer it was exposed."""
    pixels = np.full((120, 160, 3), 245, dtype=np.uint8)
    pixels[30:90, 40:120] = 110
    pixels[30:90, 80:120] = (110 + hours // 2, 100, 100 - hours)
    return pixels


def test_a_part_is_told_from_its_white_ground():
    ground, found = ground_and_part(cielab(part(24)))
    assert ground[0] == pytest.approx(96.5, abs=0.5)
    assert found[35:85, 45:115].all()
    assert not found[:20].any()


@pytest.mark.parametrize("noise", [False, True])
def test_colours_that_grow_with_the_hours_are_ranked_right(tmp_path, capsys, monkeypatch, noise):
    write_checkpoint(tmp_path / "best.ckpt", image_size=32)
    for hours in (0, 24, 48):
        Image.fromarray(part(hours)).save(tmp_path / f"Bolt-T{hours}-1.jpg", quality=95)
    file = tmp_path / "found.json"
    arguments = [str(tmp_path / "best.ckpt"), str(tmp_path), "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["x", *arguments, *["--noise"] * noise])
    main()
    said = capsys.readouterr().out
    assert "Bolt: 3 pairs of 1 series" in said
    assert ("changes are significant" in said) == noise
    found = {row["way"]: row for row in json.loads(file.read_text()) if row["pairs"] == "Bolt"}
    assert found["colour: yellowness of the part, balanced"]["value"] == 1
    assert found[COMMAND]["count"] == 3


def test_a_second_view_shows_the_same_from_elsewhere():
    image = part(48)
    seen = second_view(image, np.random.default_rng(0))
    assert (seen.shape, seen.dtype) == (image.shape, np.uint8)
    assert (seen != image).any()
    assert np.abs(seen.astype(int).mean((0, 1)) - image.mean((0, 1))).max() < 60
