import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from corrosion.data.dataset import Batch, ImageDataset, ImageLoader, Sample, collate
from corrosion.data.images import ImageError
from corrosion.data.resizing import build_resize
from corrosion.data.sampler import Draw
from corrosion.data.transforms import build_augmentation
from corrosion.errors import CorrosionError

PAPER = {"horizontal_flip": {"p": 0.5}, "brightness": {"p": 1.0, "limit": 0.15}}


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / name for name in ("a.png", "rost-größe.png", "c d.png")]
    for path in paths:
        Image.fromarray(rng.integers(256, size=(20, 30, 3), dtype=np.uint8)).save(path)
    return [str(path) for path in paths]


def dataset(paths: list[str], labels: list[int] | None = None) -> ImageDataset:
    return ImageDataset(paths, labels, resize=build_resize(16), augment=build_augmentation(PAPER))


def test_rows_give_resized_images_with_their_label_and_row(paths):
    samples = [dataset(paths, [0, 1, 1])[row] for row in range(3)]
    assert [sample.label for sample in samples] == [0, 1, 1]
    assert [sample.index for sample in samples] == [0, 1, 2]
    for sample, path in zip(samples, paths, strict=True):
        np.testing.assert_array_equal(sample.image, build_resize(16)(np.array(Image.open(path))))


def test_only_draws_are_augmented_and_their_seed_decides_how(paths):
    images = dataset(paths)
    np.testing.assert_array_equal(images[0].image, images.load(0))
    np.testing.assert_array_equal(images[Draw(0, 5)].image, images[Draw(0, 5)].image)
    assert len({images[Draw(0, seed)].image.tobytes() for seed in range(10)}) > 5


def test_labels_may_be_unknown(paths):
    assert np.isnan(dataset(paths)[0].label)


def test_length_and_iteration_end_with_the_last_row(paths):
    assert len(dataset(paths)) == 3
    with pytest.raises(IndexError):
        dataset(paths)[3]


def test_a_file_that_goes_bad_is_an_error_that_names_it(paths):
    images = dataset(paths)
    Path(paths[1]).write_bytes(b"not an image")
    Path(paths[2]).unlink()
    for row in (1, 2):
        with pytest.raises(ImageError, match=Path(paths[row]).name):
            images[row]


class _Killed(ImageDataset):
    """Whoever reads it is killed, as by a system without memory."""

    def load(self, index: int) -> np.ndarray:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().load(index)


def test_a_reading_process_that_is_killed_is_told_with_the_way_out(paths):
    loader = ImageLoader(_Killed(paths, resize=build_resize(16)), batch_size=1, num_workers=1)
    with pytest.raises(CorrosionError, match=r"reads images was killed .* give num_workers=0"):
        next(iter(loader))


def test_a_batch_is_uint8_nchw_in_channels_last_memory():
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(4, 8, 8, 3), dtype=np.uint8)
    batch = collate([Sample(image, float(row % 2), row) for row, image in enumerate(images)])
    assert isinstance(batch, Batch)
    assert batch.image.dtype == torch.uint8
    assert batch.image.shape == (4, 3, 8, 8)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(batch.image.permute(0, 2, 3, 1).numpy(), images)
    assert batch.label.dtype == torch.float32
    assert batch.label.tolist() == [0, 1, 0, 1]
    assert batch.index.dtype == torch.int64
    assert batch.index.tolist() == [0, 1, 2, 3]
