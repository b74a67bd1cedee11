"""Whatever becomes of the bytes of a cache: true pixels, or a decoding anew, never wrong pixels."""

import errno
import logging
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from corrosion.data.cache.features import FeatureCache
from corrosion.data.cache.file_states import FileCache
from corrosion.data.cache.filling import CacheError, fill_cache
from corrosion.data.cache.segments import ImageCache, images_dir
from corrosion.data.curation.screening import screen
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.dataset import ImageDataset, load_image
from corrosion.data.images import content_hash
from corrosion.data.resizing import build_resize

RESIZE = build_resize(16)
AGAIN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.fixture
def photographs(tmp_path, cache):
    """Paths and hashes of photographs that are unlike each other."""
    generator = np.random.default_rng(0)
    paths = [str(tmp_path / f"{number}.png") for number in range(5)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    return paths, [content_hash(Path(path).read_bytes()) for path in paths]


@pytest.fixture
def filled(photographs, tmp_path):
    """A copy of a filled cache, to start each example from."""
    fill_cache(*photographs, RESIZE, limit_gib=1)
    FeatureCache("key").save(photographs[1], features_of(photographs[1]))
    shutil.copytree(tmp_path / "cache", tmp_path / "kept")
    return tmp_path


def features_of(hashes):
    return np.array([[float(ord(sign)) for sign in one[:8]] for one in hashes], np.float32)


def restored(folder):
    shutil.rmtree(folder / "cache")
    shutil.copytree(folder / "kept", folder / "cache")


def files(suffix):
    return sorted(path for path in images_dir().parent.rglob("*") if path.name.endswith(suffix))


def dataset(photographs):
    paths, hashes = photographs
    return ImageDataset(paths, resize=RESIZE, cache=ImageCache(hashes, RESIZE))


def assert_true(photographs):
    found = dataset(photographs)
    for row, path in enumerate(photographs[0]):
        assert (found.load(row) == load_image(path, RESIZE)).all()


@AGAIN
@given(
    kind=st.sampled_from((".images", ".index.npy")),
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_flipped_bytes_of_decoded_images_are_never_served(filled, photographs, kind, places):
    restored(filled)
    [path] = files(kind)
    content = bytearray(path.read_bytes())
    for place, flip in places:
        content[place % len(content)] ^= flip
    path.write_bytes(content)
    assert_true(photographs)


@AGAIN
@given(
    kind=st.sampled_from((".images", ".index.npy")),
    start=st.floats(0, 1),
    length=st.integers(0, 3000),
    how=st.sampled_from(("zeroed", "cut", "grown", "left out")),
)
def test_zeroed_cut_and_grown_caches_are_never_served(
    filled, photographs, kind, start, length, how
):
    restored(filled)
    [path] = files(kind)
    content = path.read_bytes()
    place = int(start * len(content))
    behind = content[place + length :]
    made = {
        "zeroed": content[:place] + bytes(len(content[place : place + length])) + behind,
        "cut": content[:place],
        "grown": content + content[:length],
        "left out": content[:place] + behind,
    }
    path.write_bytes(made[how])
    assert_true(photographs)


@AGAIN
@given(order=st.permutations(range(5)))
def test_images_in_another_order_are_never_served(filled, photographs, order):
    restored(filled)
    [path] = files(".images")
    images = np.fromfile(path, np.uint8).reshape(5, -1)
    images[list(order)].tofile(path)
    assert_true(photographs)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\0" * 5000])
@pytest.mark.parametrize("kind", [".images", ".index.npy", ".v2.npz"])
def test_a_file_of_nonsense_is_made_anew(filled, photographs, kind, content):
    [path] = files(kind)
    path.write_bytes(content)
    assert_true(photographs)
    fill_cache(*photographs, RESIZE, limit_gib=1)
    assert not ImageCache(photographs[1], RESIZE).lacks.any()
    held = FeatureCache("key").load()
    assert held == {} if kind == ".v2.npz" else len(held) == 5
    assert not path.exists()  # what is made anew has a name of its own


@pytest.mark.parametrize("kind", [".images", ".index.npy"])
def test_a_damaged_image_is_put_right(filled, photographs, kind, caplog):
    [path] = files(kind)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # the last pixel, or the checksum of the last image
    path.write_bytes(content)
    assert ImageCache(photographs[1], RESIZE).get(4) is None
    with caplog.at_level(logging.WARNING):
        assert_true(photographs)
        assert_true(photographs)
    assert caplog.text.count("holds damaged images") == 1
    held = ImageCache(photographs[1], RESIZE)
    assert all(held.get(row) is not None for row in range(5))


def test_a_file_that_has_changed_since_repairs_nothing(filled, photographs):
    paths, hashes = photographs
    [path] = files(".images")
    path.write_bytes(bytes(path.stat().st_size))
    Image.new("RGB", (20, 24)).save(paths[0])
    assert (dataset(photographs).load(0) == load_image(paths[0], RESIZE)).all()
    assert ImageCache(hashes, RESIZE).get(0) is None


@AGAIN
@given(
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4)
)
def test_flipped_bytes_of_features_are_never_served(filled, photographs, places):
    restored(filled)
    [path] = files(".v2.npz")
    content = bytearray(path.read_bytes())
    for place, flip in places:
        content[place % len(content)] ^= flip
    path.write_bytes(content)
    true = dict(zip(photographs[1], features_of(photographs[1]), strict=True))
    for key, row in FeatureCache("key").load().items():
        assert (row == true[key]).all()


def test_features_in_another_order_or_of_another_type_are_never_served(cache):
    keys = np.array([b"a", b"b"], "S64")
    rows = np.array([[1, 2], [3, 4]], np.float32)
    FeatureCache("key").save(["a", "b"], rows)
    [path] = files(".npz")
    with np.load(path) as held:
        sums = held["checksums"]
    for wrong in (rows[::-1].copy(), rows.astype(np.float64), rows[:1], rows[:, :1], rows.ravel()):
        np.savez(path, hashes=keys, features=wrong, checksums=sums)
        assert FeatureCache("key").load() == {}
    FeatureCache("key").save(["a", "b"], rows)
    [path] = files(".npz")
    np.savez(path, hashes=keys, features=np.array([[1, 2], [9, 9]], np.float32), checksums=sums)
    assert list(FeatureCache("key").load()) == ["a"]
    assert list(FeatureCache("key").load()) == ["a"]  # what fits was kept, in a file of its own


def states(photographs):
    return screen(pd.DataFrame({"path": photographs[0]}), workers=1).records


def test_a_database_that_another_process_has_locked_is_gone_without(
    photographs, caplog, monkeypatch
):
    expected = states(photographs)
    [path] = files(".sqlite")
    monkeypatch.setattr("corrosion.data.cache.file_states._PATIENCE", 0.01)
    monkeypatch.setattr("corrosion.data.curation.screening._PORTION", 2)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        pd.testing.assert_frame_equal(states(photographs), expected)
    assert path.exists()
    assert caplog.text.count("is not used, so images are checked anew: database is locked") == 1
    assert len(FileCache("screening").load(photographs[0])) == 5


@AGAIN
@given(
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4)
)
def test_flipped_bytes_of_the_database_are_never_believed(photographs, tmp_path, places):
    if not (tmp_path / "screening").exists():
        states(photographs)
        shutil.copy(files(".sqlite")[0], tmp_path / "screening")
        (tmp_path / "true").write_bytes(repr(FileCache("screening").load(photographs[0])).encode())
    content = bytearray((tmp_path / "screening").read_bytes())
    for place, flip in places:
        content[place % len(content)] ^= flip
    (images_dir().parent / "screening-4.sqlite").write_bytes(content)
    true = (tmp_path / "true").read_text()
    for path, state in FileCache("screening").load(photographs[0]).items():
        assert f"{path!r}: {state!r}" in true


def failing(code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("where", ["tempfile.mkstemp", "pathlib.Path.mkdir"])
def test_without_a_cache_that_can_be_written_work_goes_on_with_a_line_in_the_log(
    photographs, monkeypatch, caplog, code, where
):
    monkeypatch.setattr(where, failing(code))
    paths, hashes = photographs
    records = pd.DataFrame({"path": paths, "content_hash": hashes, "label": 0, "split": "train"})
    module = CorrosionDataModule(records, image_size=32, cache="auto", num_workers=0)
    module.prepare_data()
    assert "Every epoch decodes images anew" in caplog.text
    [batch] = module.plain_loader(records)
    assert len(batch.image) == 5
    FeatureCache("key").save(hashes, features_of(hashes))
    assert "features are not kept" in caplog.text
    with pytest.raises(CacheError, match="can't be kept"):
        fill_cache(paths, hashes, RESIZE, limit_gib=1)
    assert len(states(photographs)) == 5


def test_a_process_that_fills_the_same_cache_is_waited_for(photographs, caplog):
    images_dir().mkdir(parents=True)
    other = FileLock(images_dir() / "lock")
    other.acquire()
    caplog.set_level(logging.INFO)
    work = threading.Thread(target=fill_cache, args=(*photographs, RESIZE), kwargs={"limit_gib": 1})
    work.start()
    while "waiting for another run" not in caplog.text:
        assert work.is_alive()
    other.release()
    work.join()
    assert not ImageCache(photographs[1], RESIZE).lacks.any()
