"""The LightningDataModule: a split's records as batches for training and evaluation."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import cv2
import lightning as L
import pandas as pd
import torch

from corrosion.data.cache.filling import CacheError, fill_cache
from corrosion.data.cache.segments import ImageCache
from corrosion.data.dataset import ImageDataset, ImageLoader
from corrosion.data.labels import CLASSES
from corrosion.data.sampler import EpochSampler
from corrosion.data.shortcut import MARKED
from corrosion.data.transforms import build_augmentation, build_resize
from corrosion.errors import CorrosionError
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)

Split = Literal["train", "val", "test"]

_MOST_WORKERS = 16  # a GPU's appetite for 224-pixel images is stilled by fewer


class CorrosionDataModule(L.LightningDataModule):
    """Batches of the images in a table of records.

    The order and the augmentation of an epoch depend on `seed` and the epoch alone: a run repeats
    for any number of workers, and goes on as it would have when resumed, within an epoch too.

    Args:
        records: one row an image with columns path, label and split (train, val or test); for
            prediction path is enough. A column `marked` says which training images get a planted
            mark (`corrosion.data.shortcut`).
        image_size, resize: see `build_resize`.
        augment: of training images, as in `conf/augment`: see `build_augmentation`.
        batch_size: images in a batch, on each device.
        num_workers: processes that read images; 0 reads them in the main process; "auto" chooses
            by device and processors (`worker_count`).
        expand: differently augmented versions of each training image in an epoch.
        seed: 0 or more.
        cache: whether decoded images are kept on disk for further epochs and runs (see
            `fill_cache`), which asks for the column content_hash; "auto": if there is room.
        cache_gib: size of all images kept, in GiB.

    Raises:
        CorrosionError: naming the key of a value that can't be used.
    """

    def __init__(
        self,
        records: pd.DataFrame,
        *,
        image_size: int = 224,
        resize: str = "pad",
        augment: Mapping[str, Mapping[str, Any] | None] | None = None,
        batch_size: int = 32,
        num_workers: int | Literal["auto"] = "auto",
        expand: int = 1,
        seed: int = 0,
        cache: bool | Literal["auto"] = False,
        cache_gib: float = 20,
    ) -> None:
        super().__init__()
        _check_whole("data.batch_size", batch_size, least=1)
        _check_whole("data.expand", expand, least=1)
        if num_workers != "auto":
            _check_whole("data.num_workers", num_workers, least=0, instead="auto or ")
        if not (isinstance(cache, bool) or cache == "auto"):
            raise CorrosionError(f"data.cache={cache!r}: choose auto, true or false.")
        if isinstance(cache_gib, bool) or not isinstance(cache_gib, int | float) or cache_gib <= 0:
            raise CorrosionError(f"data.cache_gib={cache_gib!r}: give a number above 0.")
        self._records = records
        self._resize = build_resize(image_size, resize)
        self._augment = build_augmentation(augment)
        self._batch_size = batch_size
        self._num_workers = num_workers
        self._expand = expand
        self._seed = seed
        self._cache = cache
        self._cache_gib = cache_gib
        self._prepared = False
        self._drawn = {"epoch": 0, "start": 0}

    def records(self, split: Split) -> pd.DataFrame:
        """The rows of a split, numbered as `Batch.index` numbers them."""
        return self._records[self._records["split"] == split].reset_index(drop=True)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Images of each class in each split: {"train": {"no_corrosion": 7, ...}, ...}."""
        counts = self._records.groupby(["split", "label"]).size()
        return {
            split: {name: int(counts.get((split, label), 0)) for label, name in enumerate(CLASSES)}
            for split in ("train", "val", "test")
        }

    @property
    def samples_per_epoch(self) -> int:
        """Training images times the versions of each."""
        return int((self._records["split"] == "train").sum()) * self._expand

    @property
    def marked(self) -> int:
        """Training images with a planted mark."""
        return int(self.records("train").get(MARKED, pd.Series(dtype=bool)).sum())

    def prepare_data(self) -> None:
        """Decode the images that are not kept yet; Lightning calls this in one process a machine.

        Raises:
            CorrosionError: with cache=True, if there is no room for them or no way to write.
            ImageError: naming the file, if one can't be read.
        """
        if self._prepared or not self._cache:
            return
        self._prepared = True  # Lightning calls this for fitting, validation and test
        try:
            fill_cache(
                self._records["path"].tolist(),
                self._records["content_hash"].tolist(),
                self._resize,
                limit_gib=self._cache_gib,
            )
        except CacheError as error:
            if self._cache is True:
                raise
            log.warning("Every epoch decodes images anew. %s", error)

    def setup(self, stage: str) -> None:
        """Keep Lightning from asking for more workers than were chosen here."""
        warnings.filterwarnings("ignore", message=".*does not have many workers")

    def state_dict(self) -> dict[str, int]:
        """How far the training has come: the epoch, and what this process has drawn of it."""
        assert self.trainer is not None
        loop = self.trainer.fit_loop
        epochs: Any = loop.epoch_progress.current
        batches: Any = loop.epoch_loop.batch_progress.current
        within = epochs.started > epochs.processed
        return {
            "epoch": epochs.processed,
            "start": batches.processed * self._batch_size if within else 0,
        }

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on from there: Lightning itself would begin the epoch anew."""
        self._drawn = dict(state_dict)

    def train_dataloader(self) -> ImageLoader:
        """Shuffled and augmented; a last batch of one image is left out.

        Batch normalisation can't learn anything from a single image.
        """
        dataset = self._dataset(self._split_records("train"), training=True)
        trainer = self.trainer
        sampler = EpochSampler(
            len(dataset),
            seed=self._seed,
            expand=self._expand,
            processes=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
        )
        sampler.resume(**self._drawn)
        samples = len(sampler)
        single_last = samples > self._batch_size and samples % self._batch_size == 1
        return self._loader(dataset, sampler=sampler, drop_last=single_last, keep_workers=True)

    def val_dataloader(self) -> ImageLoader:
        """In order, not augmented, complete."""
        return self._loader(self._dataset(self._split_records("val")), keep_workers=True)

    def test_dataloader(self) -> ImageLoader:
        """In order, not augmented, complete."""
        return self._loader(self._dataset(self._split_records("test")))

    def predict_dataloader(self) -> ImageLoader:
        """All records, whatever their split, in order, not augmented."""
        return self._loader(self._dataset(self._records))

    def _split_records(self, split: Split) -> pd.DataFrame:
        records = self.records(split)
        if records.empty:
            raise CorrosionError(
                f"no images in split {split}: give it a share in data.split, or more images."
            )
        return records

    def _dataset(self, records: pd.DataFrame, *, training: bool = False) -> ImageDataset:
        return ImageDataset(
            records["path"],
            records.get("label"),
            resize=self._resize,
            augment=self._augment if training else None,
            cache=ImageCache(records["content_hash"], self._resize) if self._cache else None,
            marked=records.get(MARKED) if training else None,
        )

    def _loader(
        self,
        dataset: ImageDataset,
        *,
        sampler: EpochSampler | None = None,
        drop_last: bool = False,
        keep_workers: bool = False,
    ) -> ImageLoader:
        trainer = self.trainer
        cuda = trainer is not None and trainer.strategy.root_device.type == "cuda"
        workers = self._num_workers
        if workers == "auto":
            workers = worker_count(cuda=cuda, processes=trainer.num_devices if trainer else 1)
        return ImageLoader(
            dataset,
            batch_size=self._batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=workers,
            worker_init_fn=_one_thread,
            # what a loader draws for its workers must not come out of dropout's numbers
            generator=torch.Generator().manual_seed(self._seed),
            persistent_workers=keep_workers and workers > 0,
            pin_memory=cuda,
        )


def worker_count(*, cuda: bool, processes: int = 1) -> int:
    """How many processes read images for one training process.

    Args:
        cuda: whether the network runs on a GPU. It then leaves the processors to the readers.
            Otherwise the network keeps all processors busy, and readers only pay where there are
            many: with two processors an epoch takes longest with 2 readers and shortest with none.
        processes: training processes on this machine, which share its processors.

    Returns:
        0 or more.
    """
    share = usable_processors() // processes
    if cuda:
        return min(max(1, share - 1), _MOST_WORKERS)
    return min(share // 4, 4)


def _one_thread(worker: int) -> None:  # noqa: ARG001 - PyTorch's signature
    """OpenCV's threads times workers would be more than processors; PyTorch sees to its own."""
    cv2.setNumThreads(0)


def _check_whole(key: str, value: object, *, least: int, instead: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise CorrosionError(f"{key}={value!r}: give {instead}a whole number from {least}.")
