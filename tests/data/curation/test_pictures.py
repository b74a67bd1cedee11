import logging
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from corrosion.data.curation import pictures
from corrosion.data.curation.pictures import find_same_pictures
from corrosion.data.curation.policy import inspect, left_out
from corrosion.data.curation.screening import screen
from corrosion.settings.data import CurationSettings

pytestmark = pytest.mark.usefixtures("cache")


def crop(image, share):
    height, width = image.shape[:2]
    down, across = round(share * height), round(share * width)
    return image[down:, : width - across]


def turned(image, degrees):
    """Turned, and enlarged until no corner is empty."""
    height, width = image.shape[:2]
    angle = np.deg2rad(degrees)
    scale = np.cos(angle) + np.sin(angle) * width / height
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    return cv2.warpAffine(image, matrix, (width, height))


def framed(image):
    return cv2.copyMakeBorder(image, 60, 60, 10, 10, cv2.BORDER_CONSTANT)


VERSIONS = {
    "a tenth cut off": lambda image: crop(image, 0.1),
    "a fifth cut off": lambda image: crop(image, 0.2),
    "turned by 5 degrees": lambda image: turned(image, 5),
    "turned by 15 degrees": lambda image: turned(image, 15),
    "framed": framed,
    "cut, reduced and darker": lambda image: cv2.convertScaleAbs(
        cv2.resize(crop(image, 0.15), (240, 180)), alpha=0.7
    ),
}


def saved(folder, **images):
    """Records of pictures that are written to files."""
    for name, image in images.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    paths = [str(folder / f"{name}.png") for name in images]
    return screen(pd.DataFrame({"path": paths})).records


def groups(records, cropped_duplicates="auto", near_duplicates=10):
    return find_same_pictures(
        records, near_duplicates=near_duplicates, cropped_duplicates=cropped_duplicates
    ).group.tolist()


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_versions_that_a_hash_misses_are_found(draw_scene, tmp_path, version):
    one, other = draw_scene(1), draw_scene(2)
    records = saved(tmp_path, one=one, other=other, version=version(one))
    assert groups(records, cropped_duplicates=False) == [0, 1, 2]
    assert groups(records) == [0, 1, 0]
    assert groups(records, near_duplicates=None) == [0, 1, 2]


def test_different_pictures_with_the_same_caption_stay_apart(draw_scene, tmp_path):
    images = {f"scene{seed}": draw_scene(seed) for seed in range(5)}
    caption = draw_scene(9)[:40]
    for image in images.values():
        image[200:] = caption
    assert groups(saved(tmp_path, **images)) == [0, 1, 2, 3, 4]


def test_neighbouring_frames_that_share_little_stay_apart(draw_scene, tmp_path):
    wide = draw_scene(3, width=640)
    frames = {f"at{start}": wide[:, start : start + 320] for start in (0, 100, 320)}
    assert groups(saved(tmp_path, **frames)) == [0, 0, 1]


def test_pictures_without_detail_stay_apart(tmp_path):
    levels = {f"grey{level}": np.full((50, 60, 3), level, np.uint8) for level in (0, 90, 200)}
    assert groups(saved(tmp_path, **levels)) == [0, 1, 2]


def test_what_was_looked_at_is_not_read_again(draw_scene, tmp_path):
    images = {"one": draw_scene(1), "other": draw_scene(2), "version": crop(draw_scene(1), 0.2)}
    records = saved(tmp_path, **images)
    assert groups(records) == [0, 1, 0]
    for path in records["path"]:
        Path(path).unlink()
    assert groups(records) == [0, 1, 0]


def test_photographs_added_later_are_compared_with_those_of_before(draw_scene, tmp_path):
    images = {"one": draw_scene(1), "other": draw_scene(2)}
    assert groups(saved(tmp_path, **images)) == [0, 1]
    assert groups(saved(tmp_path, **images, version=crop(draw_scene(2), 0.2))) == [0, 1, 1]


def test_files_that_have_gone_since_they_were_checked_are_told_by_their_hash(draw_scene, tmp_path):
    records = saved(
        tmp_path, one=draw_scene(1), version=crop(draw_scene(1), 0.2), copy=draw_scene(1)
    )
    for path in records["path"]:
        Path(path).unlink()
    assert groups(records) == [0, 1, 0]


def test_the_order_of_the_photographs_does_not_matter(draw_scene, tmp_path):
    images = {
        f"{seed}-{number}": crop(draw_scene(seed), share)
        for seed in range(3)
        for number, share in enumerate((0.0, 0.12, 0.2))
    }
    records = saved(tmp_path, **images)
    expected = [name.split("-")[0] for name in images]
    for seed in range(3):
        shuffled = records.sample(frac=1, random_state=seed)
        found = groups(shuffled.reset_index(drop=True))
        truth = pd.Series(expected)[shuffled.index]
        assert found == pd.factorize(truth)[0].tolist()


def test_among_too_many_pictures_versions_are_sought_where_it_is_asked_for(
    draw_scene, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(pictures, "MOST_AUTOMATIC", 1)
    records = saved(tmp_path, one=draw_scene(1), version=crop(draw_scene(1), 0.2))
    with caplog.at_level(logging.INFO):
        assert groups(records) == [0, 1]
    assert "cropped_duplicates=true" in caplog.text
    assert groups(records, cropped_duplicates=True) == [0, 0]


def test_a_crop_of_the_other_class_stays_in_one_subset_but_is_no_conflict(draw_scene, tmp_path):
    images = {"rusty": draw_scene(1), "part": crop(draw_scene(1), 0.2), "sound": draw_scene(2)}
    records = saved(tmp_path, **images).assign(label=[1, 0, 0], source="ships")
    policy = CurationSettings()
    inspection = inspect(records, policy)
    assert inspection.duplicates.group.tolist() == [0, 0, 1]
    assert inspection.duplicates.near_pairs() == 1
    assert not inspection.conflicting.any()
    assert left_out(inspection, policy).empty
