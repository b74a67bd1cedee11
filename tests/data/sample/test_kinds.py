"""Kinds of corrosion in the sample."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from corrosion.cli.main import main
from corrosion.data.sample import make_sample, sample_dir
from corrosion.data.sample.kinds import KINDS
from corrosion.data.sample.picture import draw


def test_each_kind_lies_in_a_folder_of_its_own_with_its_masks(tmp_path):
    root = make_sample(tmp_path / "s", count=16, size=32, kinds=True)
    for kind in KINDS:
        images = {path.stem for path in (root / "images/corrosion" / kind).glob("*.jpg")}
        assert len(images) == 2
        assert {path.stem for path in (root / "masks/corrosion" / kind).glob("*.png")} == images
    assert len(list((root / "images/no_corrosion").glob("*.jpg"))) == 8
    assert json.loads((root / "sample.json").read_text())["kinds"] is True
    assert sample_dir(kinds=True) != sample_dir()


def test_sound_pictures_are_those_of_the_sample_without_kinds(tmp_path):
    plain = make_sample(tmp_path / "plain", count=4, size=32)
    kinds = make_sample(tmp_path / "kinds", count=4, size=32, kinds=True)
    name = "images/no_corrosion/00002.jpg"
    assert (plain / name).read_bytes() == (kinds / name).read_bytes()
    assert "kinds" not in json.loads((plain / "sample.json").read_text())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_covers_some_of_the_metal_and_is_repeatable(kind):
    pictures = [draw(1, number, size=96, corroded=True, kind=kind) for number in range(1, 12, 2)]
    shares = [(picture.mask == 255).mean() for picture in pictures]
    assert min(shares) > 0.002
    assert np.median(shares) > 0.01
    again = draw(1, 1, size=96, corroded=True, kind=kind)
    assert np.array_equal(again.image, pictures[0].image)


def test_kinds_can_be_told_apart_by_the_shape_of_what_is_corroded():
    """By sizes and numbers of connected regions and how round they are, without any colour."""
    import cv2

    features, labels = [], []
    for number in range(1, 97, 2):
        kind = KINDS[number // 2 % len(KINDS)]
        mask = draw(2, number, size=128, corroded=True, kind=kind).mask
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        areas = stats[1:, cv2.CC_STAT_AREA]
        boxes = stats[1:, cv2.CC_STAT_WIDTH] * stats[1:, cv2.CC_STAT_HEIGHT]
        filled = areas.sum() / boxes.sum()
        features.append([np.log(count), np.log(areas.max()), (mask > 0).mean(), filled])
        labels.append(kind)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    assert cross_val_score(model, features, labels, cv=4).mean() > 0.7


def test_the_command_writes_kinds_and_refuses_them_for_an_inspection(tmp_path, capsys):
    assert main(["sample", str(tmp_path / "s"), "--count=8", "--size=32", "--kinds"]) == 0
    assert (tmp_path / "s/images/corrosion/crevice/00005.jpg").is_file()
    assert main(["sample", str(tmp_path / "i"), "--inspection", "--kinds"]) == 1
    assert "--kinds are of the other sample" in capsys.readouterr().err
