import json
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from corrosion.data.sample import generate as sample_module
from corrosion.data.sample import make_sample, sample_dir
from corrosion.data.sample.picture import draw
from corrosion.errors import CorrosionError

SIZE = 64
CLASSES = ("no_corrosion", "corrosion")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 images of 128 px, written by two processes."""
    root = tmp_path_factory.mktemp("cache") / "sample"
    return make_sample(root, count=200, size=128, seed=3, workers=2)


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def leftovers(root: Path) -> list[str]:
    return sorted(path.name for path in root.parent.iterdir() if path != root)


def test_half_of_the_images_are_of_each_class(sample):
    counts = {name: len(list((sample / "images" / name).glob("*.jpg"))) for name in CLASSES}
    assert counts == {"no_corrosion": 100, "corrosion": 100}


def test_odd_count_is_written_in_full(tmp_path):
    root = make_sample(tmp_path / "s", count=3, size=SIZE)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    assert names == [
        "images/corrosion/00001.jpg",
        "images/no_corrosion/00000.jpg",
        "images/no_corrosion/00002.jpg",
    ]


def test_images_are_square_and_in_colour(sample):
    image = cv2.imread(str(sample / "images/corrosion/00001.jpg"), cv2.IMREAD_UNCHANGED)
    assert image.shape == (128, 128, 3)
    assert image.dtype == np.uint8


def test_every_corroded_image_and_no_sound_one_has_a_mask(sample):
    stems = {path.stem for path in (sample / "images/corrosion").iterdir()}
    assert {path.stem for path in (sample / "masks/corrosion").iterdir()} == stems
    assert not (sample / "masks/no_corrosion").exists()


def test_masks_are_black_and_white_and_cover_from_a_little_to_most(sample):
    masks = [
        cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        for path in sorted((sample / "masks/corrosion").iterdir())
    ]
    assert {mask.shape for mask in masks} == {(128, 128)}
    assert set(np.unique(np.stack(masks))) == {0, 255}
    shares = np.array([(mask == 255).mean() for mask in masks])
    assert shares.min() >= 0.06
    assert shares.min() < 0.2
    assert shares.max() > 0.5
    assert shares.max() < 0.95


def test_rust_is_where_the_mask_says():
    warmer = []
    for index in range(20):
        picture = draw(5, index, size=SIZE, corroded=True)
        warmth = picture.image[..., 0].astype(float) - picture.image[..., 2]  # red over blue
        rust = picture.mask == 255
        warmer.append(warmth[rust].mean() > warmth[~rust].mean())
    assert np.mean(warmer) >= 0.8  # not all: the paint around may be warmer still


def test_sound_picture_has_an_empty_mask():
    assert not draw(0, 0, size=SIZE, corroded=False).mask.any()


def test_same_seed_gives_the_same_files_for_any_number_of_workers(tmp_path):
    roots = [tmp_path / str(workers) for workers in (1, 2)]
    for workers, root in enumerate(roots, start=1):
        make_sample(root, count=36, size=SIZE, seed=7, workers=workers)
    assert files(roots[0]) == files(roots[1])


def test_larger_sample_begins_with_the_smaller_one(tmp_path):
    small = files(make_sample(tmp_path / "small", count=4, size=SIZE))
    large = files(make_sample(tmp_path / "large", count=8, size=SIZE))
    small.pop("sample.json")
    assert small.items() <= large.items()


def test_another_seed_gives_other_images(tmp_path):
    first = files(make_sample(tmp_path / "0", count=4, size=SIZE, seed=0))
    second = files(make_sample(tmp_path / "1", count=4, size=SIZE, seed=1))
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)


def test_sample_json_says_what_the_sample_was_made_with(tmp_path):
    root = make_sample(tmp_path / "s", count=2, size=SIZE, seed=5)
    content = json.loads((root / "sample.json").read_text())
    assert content == {
        "count": 2,
        "size": SIZE,
        "seed": 5,
        "generator": sample_module.GENERATOR_VERSION,
    }


def test_complete_sample_is_not_drawn_again(tmp_path, monkeypatch):
    root = make_sample(tmp_path / "s", count=2, size=SIZE)
    before = files(root)
    monkeypatch.setattr(sample_module, "draw", lambda *_, **__: pytest.fail("drawn again"))
    assert make_sample(root, count=2, size=SIZE) == root
    assert files(root) == before


def test_interrupted_build_leaves_no_sample_and_the_next_one_completes_it(tmp_path, monkeypatch):
    root = tmp_path / "s"

    def interrupt(seed, index, **options):
        if index == 2:
            raise KeyboardInterrupt
        return draw(seed, index, **options)

    with monkeypatch.context() as patch:
        patch.setattr(sample_module, "draw", interrupt)
        with pytest.raises(KeyboardInterrupt):
            make_sample(root, count=4, size=SIZE, workers=1)
    assert not root.exists()
    assert leftovers(root) == []
    make_sample(root, count=4, size=SIZE)
    assert len(list(root.rglob("*.jpg"))) == 4


def test_what_a_killed_run_left_long_ago_is_removed_but_not_a_build_under_way(tmp_path):
    killed, running = tmp_path / ".s-killed.part", tmp_path / ".s-running.part"
    for folder in (killed, running):
        (folder / "images").mkdir(parents=True)
    day_ago = time.time() - 86400
    os.utime(killed, (day_ago, day_ago))
    root = make_sample(tmp_path / "s", count=2, size=SIZE)
    assert leftovers(root) == [".s-running.part"]


def test_runs_that_build_at_once_end_with_one_whole_sample(tmp_path):
    root = tmp_path / "s"
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(make_sample, root, count=8, size=SIZE, workers=1) for _ in range(3)]
        assert [future.result() for future in made] == [root] * 3
    assert len(list(root.rglob("*.jpg"))) == 8
    assert leftovers(root) == []


def test_empty_folder_is_filled(tmp_path):
    root = tmp_path / "s"
    root.mkdir()
    make_sample(root, count=2, size=SIZE)
    assert (root / "sample.json").exists()


def test_folder_with_other_files_is_left_alone(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"mine")
    with pytest.raises(CorrosionError, match="name a new folder"):
        make_sample(tmp_path, count=2, size=SIZE)
    assert photo.read_bytes() == b"mine"


def test_file_in_place_of_the_folder_is_left_alone(tmp_path):
    (tmp_path / "s").write_text("mine")
    with pytest.raises(CorrosionError, match="name a new folder"):
        make_sample(tmp_path / "s", count=2, size=SIZE)


def test_sample_of_other_parameters_is_not_overwritten(tmp_path):
    root = make_sample(tmp_path / "s", count=2, size=SIZE)
    with pytest.raises(CorrosionError, match="name a new folder"):
        make_sample(root, count=4, size=SIZE)


def test_damaged_sample_json_is_an_error_that_names_it(tmp_path):
    root = make_sample(tmp_path / "s", count=2, size=SIZE)
    (root / "sample.json").write_text("{")
    with pytest.raises(CorrosionError, match="sample.json"):
        make_sample(root, count=2, size=SIZE)


def test_place_that_cannot_be_written_is_an_error_that_tells_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorrosionError, match="CORROSION_CACHE"):
        make_sample(tmp_path / "file" / "s", count=2, size=SIZE)


def test_full_disk_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CorrosionError, match="No space left on device"):
        make_sample(tmp_path / "s", count=2, size=SIZE, workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"count": 1}, "count"),
        ({"count": "many"}, "count"),
        ({"size": 8}, "size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameter_out_of_range_is_named(tmp_path, options, name):
    with pytest.raises(CorrosionError, match=f"{name}="):
        make_sample(tmp_path / "s", **options)


def test_sample_dir_is_in_the_cache_and_differs_by_parameters(monkeypatch, tmp_path):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path))
    first = sample_dir(600, 256, 0)
    assert first.is_relative_to(tmp_path)
    assert len({first, sample_dir(600, 256, 1), sample_dir(400, 256, 0), sample_dir(600)}) == 3


def test_colour_statistics_do_not_tell_the_classes_apart(sample):
    features, labels = [], []
    for label, name in enumerate(CLASSES):
        for path in sorted((sample / "images" / name).iterdir()):
            hsv = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2HSV).reshape(-1, 3)
            features.append(np.concatenate([hsv.mean(0), hsv.std(0)]))
            labels.append(label)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(model, np.array(features), labels, cv=10).mean() < 0.85


def test_a_process_that_may_start_no_others_draws_alone(tmp_path):
    trial = multiprocessing.get_context("spawn").Process(
        target=make_sample, args=(tmp_path / "s",), kwargs={"count": 40, "size": 32}, daemon=True
    )
    trial.start()
    trial.join()
    assert trial.exitcode == 0
    assert len(list((tmp_path / "s" / "images").glob("*/*.jpg"))) == 40
