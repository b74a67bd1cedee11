import json

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from corrosion.data.sample import make_sample, sample_dir
from corrosion.data.synthesis.picture import draw
from corrosion.errors import CorrosionError


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return make_sample(tmp_path_factory.mktemp("cache") / "s", count=80, size=96, seed=3, workers=1)


def contents(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_sample_is_the_same_for_any_number_of_processes(sample, tmp_path):
    again = make_sample(tmp_path / "again", count=80, size=96, seed=3, workers=2)
    assert contents(again) == contents(sample)


def test_another_seed_gives_other_pictures(sample, tmp_path):
    other = make_sample(tmp_path / "other", count=4, size=96, seed=4, workers=1)
    name = "images/corrosion/00001.jpg"
    assert (other / name).read_bytes() != (sample / name).read_bytes()


def test_classes_are_of_equal_size_and_every_corroded_image_has_a_mask(sample):
    corroded = sorted(path.stem for path in (sample / "images/corrosion").iterdir())
    assert len(corroded) == len(list((sample / "images/no_corrosion").iterdir())) == 40
    assert corroded == sorted(path.stem for path in (sample / "masks/corrosion").iterdir())
    assert not (sample / "masks/no_corrosion").exists()


def test_masks_mark_a_visible_part_of_the_picture(sample):
    for path in (sample / "masks/corrosion").iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (96, 96)
        assert set(np.unique(mask)) <= {0, 255}
        assert 0.01 < (mask > 0).mean() < 1


@pytest.mark.parametrize("corroded", [False, True])
def test_sound_metal_has_no_rust(corroded):
    assert draw(0, 5, size=64, corroded=corroded).mask.any() == corroded


def test_colour_statistics_alone_do_not_tell_the_classes_apart(sample):
    features, labels = [], []
    for label, name in enumerate(("no_corrosion", "corrosion")):
        for path in sorted((sample / "images" / name).iterdir()):
            hsv = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2HSV).reshape(-1, 3)
            features.append(np.concatenate([hsv.mean(0), hsv.std(0)]))
            labels.append(label)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(model, np.array(features), labels, cv=10).mean() < 0.85


def test_a_complete_sample_is_not_drawn_again(sample):
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    assert make_sample(sample, count=80, size=96, seed=3) == sample
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_the_marker_says_what_the_sample_was_made_with(sample):
    marker = json.loads((sample / "sample.json").read_text())
    assert (marker["count"], marker["size"], marker["seed"]) == (80, 96, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 1}, "at least 2"),
        ({"size": 8}, "pixels"),
        ({"seed": -1}, "0 or more"),
        ({"count": 40}, "another|name a new folder"),
    ],
)
def test_what_cant_be_made_is_an_error_with_the_way_out(sample, options, message):
    with pytest.raises(CorrosionError, match=message):
        make_sample(sample, **{"count": 80, "size": 96, "seed": 3, **options})


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(CorrosionError, match="no complete sample"):
        make_sample(tmp_path, count=4, size=64)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cant_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorrosionError, match="CORROSION_CACHE"):
        make_sample(tmp_path / "file" / "sample", count=4, size=64, workers=1)


def test_the_cache_has_a_place_for_every_recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path))
    places = {sample_dir(), sample_dir(count=10), sample_dir(size=64), sample_dir(seed=1)}
    assert len(places) == 4
    assert all(place.is_relative_to(tmp_path) for place in places)
