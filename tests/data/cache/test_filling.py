import logging
import multiprocessing
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from corrosion.data.cache import filling as cache_filling
from corrosion.data.cache.filling import CacheError, fill_cache
from corrosion.data.cache.segments import ImageCache, segments, settings_dir
from corrosion.data.images import ImageError, content_hash
from corrosion.data.resizing import build_resize

RESIZE = build_resize(32)
IMAGE = 32 * 32 * 3
GIB = 2**30


@pytest.fixture(autouse=True)
def cache_folder(cache):
    return cache / "images"


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that were decoded."""
    names = []
    load = cache_filling.load_image

    def counted(path, *args, **kwargs):
        names.append(Path(path).name)
        return load(path, *args, **kwargs)

    monkeypatch.setattr(cache_filling, "load_image", counted)
    return names


def photographs(folder, count, *, first=0):
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{row}.png" for row in range(first, first + count)]
    for row, path in enumerate(paths, start=first):
        rng = np.random.default_rng(row)
        Image.fromarray(rng.integers(256, size=(32, 32, 3), dtype=np.uint8)).save(path)
    return [str(path) for path in paths]


def hashes_of(paths):
    return [content_hash(Path(path).read_bytes()) for path in paths]


def fill(paths, *, resize=RESIZE, limit_gib=1.0):
    fill_cache(paths, hashes_of(paths), resize, limit_gib=limit_gib)


def kept(paths, resize=RESIZE):
    return ~ImageCache(hashes_of(paths), resize).lacks


def test_a_second_run_decodes_nothing(tmp_path, decoded):
    paths = photographs(tmp_path / "a", 5)
    fill(paths)
    assert len(decoded) == 5
    fill(paths)
    fill(paths[1:3])
    assert len(decoded) == 5


def test_images_added_later_and_shared_by_datasets_cost_only_themselves(tmp_path, decoded):
    fill(photographs(tmp_path / "a", 5))
    decoded.clear()
    other = photographs(tmp_path / "b", 4, first=3)  # two of them have the same bytes
    fill(other)
    assert sorted(decoded) == ["5.png", "6.png"]
    assert kept(other).all()


def test_copies_of_a_file_are_decoded_once(tmp_path, decoded):
    (path,) = photographs(tmp_path / "a", 1)
    copy = shutil.copy(path, tmp_path / "copy.png")
    fill([path, str(copy)])
    assert len(decoded) == 1
    assert kept([path, str(copy)]).all()


def test_other_sizes_and_ways_of_resizing_are_kept_apart(tmp_path, decoded):
    paths = photographs(tmp_path / "a", 2)
    for resize in (RESIZE, build_resize(16), build_resize(32, "crop")):
        fill(paths, resize=resize)
    assert len(decoded) == 6


def test_many_images_come_in_several_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_filling, "_SEGMENT", 2 * IMAGE)
    paths = photographs(tmp_path / "a", 5)
    fill(paths)
    assert len(segments(settings_dir(RESIZE))) == 3
    cache = ImageCache(hashes_of(paths), RESIZE)
    for row, path in enumerate(paths):
        np.testing.assert_array_equal(cache.get(row), np.array(Image.open(path)))


def test_a_changed_file_is_not_kept_under_its_old_hash(tmp_path, caplog):
    paths = photographs(tmp_path / "a", 3)
    hashes = hashes_of(paths)
    Image.new("RGB", (32, 32)).save(paths[1])
    fill_cache(paths, hashes, RESIZE, limit_gib=1)
    assert ImageCache(hashes, RESIZE).lacks.tolist() == [False, True, False]
    assert "1 files have changed" in caplog.text
    fill(paths)  # checked anew, it has another hash
    assert kept(paths).all()


def test_an_unreadable_file_is_named_and_leaves_nothing_behind(tmp_path, cache_folder):
    paths = photographs(tmp_path / "a", 3)
    Path(paths[2]).write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"2\.png"):
        fill(paths)
    assert list(settings_dir(RESIZE).iterdir()) == []


def test_what_a_killed_run_left_does_not_count_and_is_removed(tmp_path):
    folder = settings_dir(RESIZE)
    folder.mkdir(parents=True)
    paths = photographs(tmp_path / "a", 3)
    np.save(folder / "0.npy", np.zeros((3, 32, 32, 3), np.uint8))  # killed before its hashes came
    (folder / ".1-x.npy").write_bytes(b"half")
    (folder / ".2.hashes-x.npy").write_bytes(b"half")
    assert not kept(paths).any()
    fill(paths)
    assert kept(paths).all()
    assert len(list(folder.iterdir())) == 2


def test_the_segments_unused_for_the_longest_time_make_room(tmp_path, caplog):
    old = photographs(tmp_path / "a", 4)
    middle = photographs(tmp_path / "b", 4, first=4)
    new = photographs(tmp_path / "c", 4, first=8)
    fill(old, resize=build_resize(31))
    fill(middle)
    for age, resize in ((100, build_resize(31)), (50, RESIZE)):
        for segment in segments(settings_dir(resize)):
            time = segment.index.stat().st_mtime - age
            os.utime(segment.index, (time, time))
    with caplog.at_level(logging.INFO):
        fill(new, limit_gib=9 * IMAGE / GIB)
    assert not kept(old, build_resize(31)).any()
    assert kept(middle).all()
    assert kept(new).all()
    assert "makes room" in caplog.text


def test_use_makes_a_segment_young_again(tmp_path):
    first, second = photographs(tmp_path / "a", 4), photographs(tmp_path / "b", 4, first=4)
    fill(first)
    fill(second)
    for segment in segments(settings_dir(RESIZE)):
        os.utime(segment.index, (0, 0))
    fill(first)
    fill(photographs(tmp_path / "c", 1, first=8), limit_gib=6 * IMAGE / GIB)
    assert kept(first).all()
    assert not kept(second).any()


def test_images_beyond_the_limit_are_refused_before_any_is_decoded(tmp_path, decoded):
    fill(photographs(tmp_path / "a", 1))
    decoded.clear()
    with pytest.raises(CacheError, match=r"cache_gib"):
        fill(photographs(tmp_path / "b", 5, first=1), limit_gib=4 * IMAGE / GIB)
    assert not decoded
    assert kept(photographs(tmp_path / "a", 1)).all()


def test_images_beyond_the_disk_are_refused(tmp_path, monkeypatch, decoded):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9 * GIB, 7 * GIB, 2 * GIB + IMAGE))
    with pytest.raises(CacheError, match="GiB free"):
        fill(photographs(tmp_path / "a", 2))
    assert not decoded


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a disk that is full")
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_behind(tmp_path, monkeypatch):
    opened = Path.open

    def full(path, mode="r", **options):
        return opened(Path("/dev/full") if "w" in mode else path, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(CacheError, match="No space left"):
        fill(photographs(tmp_path / "a", 2))
    assert list(settings_dir(RESIZE).iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="CORROSION_CACHE"):
        fill(photographs(tmp_path / "a", 2))


def _fill(paths, start):
    start.wait()
    fill(paths)


def test_two_runs_at_once_share_the_work(tmp_path):
    paths = photographs(tmp_path / "a", 40)
    context = multiprocessing.get_context("fork")
    start = context.Barrier(3)
    runs = [context.Process(target=_fill, args=(paths, start)) for _ in range(2)]
    for run in runs:
        run.start()
    start.wait()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0]
    assert kept(paths).all()
    assert len(segments(settings_dir(RESIZE))) == 1


def test_a_complete_cache_needs_no_lock(tmp_path, cache_folder):
    paths = photographs(tmp_path / "a", 3)
    fill(paths)
    with FileLock(cache_folder / "lock"):
        run = multiprocessing.get_context("fork").Process(target=fill, args=(paths,), daemon=True)
        run.start()
        run.join(20)
    assert run.exitcode == 0


def test_the_size_is_told(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        fill(photographs(tmp_path / "a", 3))
    assert "3 of 3 images are kept decoded" in caplog.text
    assert "GiB of at most 1" in caplog.text
