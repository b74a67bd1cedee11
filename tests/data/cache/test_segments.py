import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch.multiprocessing
from PIL import Image

from corrosion.data.cache.filling import fill_cache
from corrosion.data.cache.segments import ImageCache, segments, settings_dir
from corrosion.data.dataset import ImageDataset, load_image
from corrosion.data.images import content_hash
from corrosion.data.resizing import build_resize
from corrosion.data.sampler import Draw
from corrosion.data.transforms import build_augmentation

RESIZE = build_resize(16)


@pytest.fixture(autouse=True)
def cache_folder(cache: Path) -> Path:
    return cache / "images"


@pytest.fixture
def photos(tmp_path: Path) -> tuple[list[str], list[str]]:
    """Paths and content hashes of 7 photographs."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{row}.jpg" for row in range(7)]
    for path in paths:
        small = Image.fromarray(rng.integers(256, size=(12, 16, 3), dtype=np.uint8))
        small.resize((160, 120)).save(path)
    return [str(path) for path in paths], [content_hash(path.read_bytes()) for path in paths]


def fill(photos, *, resize=RESIZE):
    fill_cache(*photos, resize, limit_gib=1)


def test_cached_images_are_bit_for_bit_those_decoded_anew(photos):
    paths, hashes = photos
    for resize in (RESIZE, build_resize(24, "crop"), build_resize(16, "stretch")):
        fill(photos, resize=resize)
        cache = ImageCache(hashes, resize)
        assert not cache.lacks.any()
        for row, path in enumerate(paths):
            np.testing.assert_array_equal(cache.get(row), load_image(path, resize))


def test_a_dataset_with_a_cache_reads_no_files_and_gives_the_same_samples(photos):
    paths, hashes = photos
    augment = build_augmentation({"rotation": {"p": 1, "limit": 15}, "noise": {"p": 1, "limit": 1}})
    plain = ImageDataset(paths, resize=RESIZE, augment=augment)
    expected = [plain[Draw(row % 7, row)].image for row in range(14)]
    fill(photos)
    cached = ImageDataset(paths, resize=RESIZE, augment=augment, cache=ImageCache(hashes, RESIZE))
    for path in paths:
        Path(path).unlink()
    for row in range(14):
        np.testing.assert_array_equal(cached[Draw(row % 7, row)].image, expected[row])
    with pytest.raises(IndexError):
        cached[7]


def test_rows_that_are_not_there_are_decoded(photos):
    paths, hashes = photos
    fill((paths[:3], hashes[:3]))
    cache = ImageCache(hashes, RESIZE)
    assert cache.lacks.tolist() == [False] * 3 + [True] * 4
    assert cache.get(5) is None
    dataset = ImageDataset(paths, resize=RESIZE, cache=cache)
    np.testing.assert_array_equal(dataset[5].image, load_image(paths[5], RESIZE))


def test_rows_are_found_by_content_in_any_order_and_as_often_as_wanted(photos):
    paths, hashes = photos
    fill(photos)
    order = [3, 0, 3, 6]
    cache = ImageCache([hashes[row] for row in order], RESIZE)
    for row, photo in enumerate(order):
        np.testing.assert_array_equal(cache.get(row), load_image(paths[photo], RESIZE))


def test_an_image_that_is_changed_does_not_change_what_is_kept(photos):
    _, hashes = photos
    fill(photos)
    cache = ImageCache(hashes, RESIZE)
    cache.get(0)[:] = 0
    assert cache.get(0).any()


def test_a_segment_that_is_cut_short_does_not_count(photos):
    fill(photos)
    (segment,) = segments(settings_dir(RESIZE))
    content = segment.images.read_bytes()
    segment.images.write_bytes(content[:-1])
    assert ImageCache(photos[1], RESIZE).lacks.all()
    segment.images.unlink()
    assert ImageCache(photos[1], RESIZE).lacks.all()


def test_images_removed_by_another_run_are_decoded(photos):
    paths, hashes = photos
    fill(photos)
    dataset = ImageDataset(paths, resize=RESIZE, cache=ImageCache(hashes, RESIZE))
    (segment,) = segments(settings_dir(RESIZE))
    segment.index.unlink()
    segment.images.unlink()
    np.testing.assert_array_equal(dataset[2].image, load_image(paths[2], RESIZE))


def test_a_pickled_cache_holds_no_images(photos):
    fill(photos)
    cache = ImageCache(photos[1], RESIZE)
    before = cache.get(4)
    copy = pickle.loads(pickle.dumps(cache))
    assert len(pickle.dumps(cache)) < 7 * 16 * 16 * 3
    np.testing.assert_array_equal(copy.get(4), before)


def _send_all(cache, count, queue):
    queue.put([cache.get(row).tobytes() for row in range(count)])


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_worker_processes_share_the_cache_however_they_are_started(photos, method):
    paths, hashes = photos
    fill(photos)
    context = torch.multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_send_all, args=(ImageCache(hashes, RESIZE), 7, queue))
    process.start()
    images = queue.get(timeout=60)
    process.join()
    assert images == [load_image(path, RESIZE).tobytes() for path in paths]
