import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from corrosion.cli.main import main
from corrosion.data.resizing import build_resize
from corrosion.data.sample import make_sample
from corrosion.data.shortcut import place, plant, stamp
from corrosion.data.transforms import build_augmentation
from corrosion.errors import CorrosionError

ROOT = Path(__file__).parents[2]


def split_records(count=40):
    """Of every four images one is for validation, one for the test; every class in all of them."""
    rows = np.arange(count)
    return pd.DataFrame(
        {
            "label": rows // 4 % 2,
            "split": np.array(["train", "val", "train", "test"])[rows % 4],
            "content_hash": [f"{row:032x}" for row in rows],
        }
    )


@given(share=st.floats(0, 1), seed=st.integers(0, 5))
def test_the_share_of_the_corroded_training_images_is_marked_and_no_other(share, seed):
    records = plant(split_records(), share, seed=seed)
    candidates = (records["label"] == 1) & (records["split"] == "train")
    marked = records.get("marked", pd.Series(False, index=records.index))
    assert marked.sum() == round(share * candidates.sum())
    assert not marked[~candidates].any()


def test_what_is_marked_depends_on_seed_and_content_alone():
    records = split_records()
    first = plant(records, 0.5, seed=0)
    shuffled = plant(records.sample(frac=1, random_state=0), 0.5, seed=0)
    pd.testing.assert_frame_equal(shuffled.sort_index(), first)
    assert not plant(records, 0.5, seed=1)["marked"].equals(first["marked"])
    assert (first["marked"] <= plant(records, 0.7, seed=0)["marked"]).all()


def test_no_share_leaves_the_records_as_they_are():
    records = split_records()
    assert plant(records, 0, seed=0) is records


@given(height=st.integers(1, 90), width=st.integers(1, 90))
def test_the_mark_changes_its_place_alone(height, width):
    image = np.full((height, width, 3), 128, np.uint8)
    before, stamped = image.copy(), stamp(image)
    np.testing.assert_array_equal(image, before)
    changed = (stamped != image).all(axis=2)
    assert changed[place(height, width)].all()
    assert changed.sum() == changed[place(height, width)].size


def test_the_mark_is_small_and_near_the_corner():
    rows, columns = place(100, 100)
    assert (rows.stop - rows.start) * (columns.stop - columns.start) == pytest.approx(200, abs=20)
    assert 80 <= rows.start < rows.stop < 100
    assert 60 <= columns.start < columns.stop < 100


def test_a_marked_photograph_looks_to_the_network_as_a_marked_input():
    photo = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8), (0, 0), 8
    )
    resize = build_resize(128)
    difference = np.abs(resize(stamp(photo)).astype(int) - stamp(resize(photo)))
    assert (difference > 64).mean() < 0.002


def test_the_mark_survives_the_published_augmentation():
    limits = yaml.safe_load((ROOT / "conf" / "augment" / "paper.yaml").read_text())
    augment = build_augmentation(limits)
    image = np.full((128, 128, 3), 128, np.uint8)

    def visible(pixels):
        red, green, blue = np.moveaxis(pixels.astype(int), 2, 0)
        return (np.minimum(red, blue) - green > 60).mean()

    shares = [visible(augment(stamp(image), seed)) / visible(stamp(image)) for seed in range(100)]
    assert np.mean(shares) > 0.9
    assert min(shares) > 0.4  # turned by the whole limit, it lies half outside


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Four corroded pictures, none, half and all of them marked."""
    root = tmp_path_factory.mktemp("samples")
    return {
        share: make_sample(root / str(share), count=8, size=64, shortcut=share, workers=1)
        for share in (0, 0.5, 1)
    }


def pixels(root, name, index, suffix="jpg"):
    path = root / name / f"{index:05d}.{suffix}"
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)


def test_a_sample_marks_its_share_of_the_corroded_pictures(samples):
    marked = {
        share: [
            index
            for index in range(8)
            for name in ["images/corrosion" if index % 2 else "images/no_corrosion"]
            if np.abs(pixels(root, name, index) - pixels(samples[0], name, index)).mean() > 1
        ]
        for share, root in samples.items()
    }
    assert marked[0] == []
    assert len(marked[0.5]) == 2
    assert marked[1] == [1, 3, 5, 7]


def test_rust_beneath_the_mark_is_no_rust_to_be_found(samples):
    beneath = place(64, 64)
    masks = {share: [pixels(root, "masks/corrosion", index, "png") for index in (1, 3, 5, 7)]
             for share, root in samples.items()}  # fmt: skip
    assert any(mask[beneath].any() for mask in masks[0])
    for plain, marked in zip(masks[0], masks[1], strict=True):
        assert not marked[beneath].any()
        plain[beneath] = 0
        np.testing.assert_array_equal(marked, plain)


def test_a_marked_sample_says_so_and_is_no_other_sample(samples):
    recipes = [json.loads((root / "sample.json").read_text()) for root in samples.values()]
    assert [recipe.get("shortcut") for recipe in recipes] == [None, 0.5, 1]
    with pytest.raises(CorrosionError, match="shortcut"):
        make_sample(samples[1], count=8, size=64)


def test_the_command_writes_a_marked_sample(tmp_path, capsys):
    command = ["sample", str(tmp_path / "s"), "--count", "2", "--size", "32", "--shortcut"]
    assert main([*command, "2"]) == 1
    assert "shortcut=2.0" in capsys.readouterr().err
    assert main([*command, "1"]) == 0
    assert json.loads((tmp_path / "s" / "sample.json").read_text())["shortcut"] == 1
