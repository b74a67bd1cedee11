"""The LightningDataModule: a split's records as batches for training and evaluation."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import cv2
import lightning as L
import pandas as pd
import torch

from corrosion.data.cache.filling import CacheError, fill_cache
from corrosion.data.cache.segments import ImageCache
from corrosion.data.dataset import ImageDataset, ImageLoader
from corrosion.data.labels import CLASSES
from corrosion.data.resizing import build_resize
from corrosion.data.sampler import EpochSampler
from corrosion.data.shortcut import MARKED
from corrosion.errors import CorrosionError
from corrosion.settings.augmentation import AugmentationSettings
from corrosion.settings.data import LoadingSettings
from corrosion.system.processors import usable_processors
from corrosion.system.shared_memory import workers_with_room

if TYPE_CHECKING:
    from corrosion.data.transforms import Augmentation

log = logging.getLogger(__name__)

Split = Literal["train", "val", "test"]

_MOST_WORKERS = 16  # a GPU's appetite for 224-pixel images is stilled by fewer


class CorrosionDataModule(L.LightningDataModule):
    """Batches of the images in a table of records.

    The order and the augmentation of an epoch depend on `seed` and the epoch alone: a run repeats
    for any number of workers, and goes on as it would have when resumed, within an epoch too.

    Args:
        records: one row an image, with the columns path, label and split (train, val or test); for
            prediction path is enough. A column `marked` says which training images get a planted
            mark (`corrosion.data.shortcut`).
        augment: augmentation of training images, as `build_augmentation` takes it.
        extra: further transforms of Albumentations for training images, applied last.
        seed: seed of order and augmentation, 0 or more.
        loading: settings of `LoadingSettings` by name: image_size, resize, batch_size, num_workers
            ("auto" chooses by device and processors, see `worker_count`), repeats, cache (which
            asks for the column content_hash: without it "auto" keeps nothing), cache_gib.

    Raises:
        CorrosionError: the records lack a column, or a setting can't be used.

    Example:
        >>> records = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "label": [1, 0], "split": "train"})
        >>> CorrosionDataModule(records, image_size=64, batch_size=2).samples_per_epoch
        2
    """

    def __init__(
        self,
        records: pd.DataFrame,
        *,
        augment: AugmentationSettings | Mapping[str, Any] | None = None,
        extra: Sequence[Any] = (),
        seed: int = 0,
        **loading: Any,
    ) -> None:
        super().__init__()
        self._settings = LoadingSettings.read(loading)
        if "path" not in records:
            raise CorrosionError("the records have no column path: give the file of each image.")
        hashed = "content_hash" in records
        if self._settings.cache is True and not hashed:
            raise CorrosionError("cache=True: the records have no column content_hash.")
        self._records = records
        self._resize = build_resize(self._settings.image_size, self._settings.resize)
        self._augment = _augmentation(augment, extra)
        self._seed = seed
        self._cached = bool(self._settings.cache) and hashed
        self._prepared = False
        self._drawn = {"epoch": 0, "start": 0}

    def records(self, split: Split) -> pd.DataFrame:
        """The records of a split, numbered as `Batch.index` numbers them.

        Raises:
            CorrosionError: the records say nothing of splits or of labels.
        """
        for column, what in (("split", "train, val or test"), ("label", "0 or 1")):
            if column not in self._records:
                raise CorrosionError(
                    f"the records have no column {column} ({what} for each image): training and "
                    f"tests need one; corrosion.data.splits.split divides images."
                )
        return self._records[self._records["split"] == split].reset_index(drop=True)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """The number of images by split and class: {"train": {"no_corrosion": 7, ...}, ...}."""
        counts = self._records.groupby(["split", "label"]).size()
        return {
            split: {name: int(counts.get((split, label), 0)) for label, name in enumerate(CLASSES)}
            for split in ("train", "val", "test")
        }

    @property
    def samples_per_epoch(self) -> int:
        """The number of training images times the versions of each."""
        return int((self._records["split"] == "train").sum()) * self._settings.repeats

    @property
    def marked(self) -> int:
        """The number of training images with a planted mark."""
        return int(self.records("train").get(MARKED, pd.Series(dtype=bool)).sum())

    def prepare_data(self) -> None:
        """Decode the images that are not kept yet; Lightning calls this in one process a machine.

        Raises:
            CorrosionError: cache is True, and there is no room for them or no way to write.
            ImageError: a file can't be read, naming it.
        """
        if self._prepared or not self._cached:
            return
        self._prepared = True  # Lightning calls this for fitting, validation and test
        try:
            fill_cache(
                self._records["path"].tolist(),
                self._records["content_hash"].tolist(),
                self._resize,
                limit_gib=self._settings.cache_gib,
            )
        except CacheError as error:
            if self._settings.cache is True:
                raise
            log.warning("Every epoch decodes images anew. %s", error)

    def setup(self, stage: str) -> None:
        """Silence Lightning's request for more workers than were chosen here."""
        warnings.filterwarnings("ignore", message=".*does not have many workers")

    def state_dict(self) -> dict[str, int]:
        """How far the training has come: the epoch, and the number of images drawn of it."""
        assert self.trainer is not None
        loop = self.trainer.fit_loop
        epochs: Any = loop.epoch_progress.current
        batches: Any = loop.epoch_loop.batch_progress.current
        within = epochs.started > epochs.processed
        return {
            "epoch": epochs.processed,
            "start": batches.processed * self._settings.batch_size if within else 0,
        }

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Go on from a saved state; Lightning alone would begin the epoch anew."""
        self._drawn = dict(state_dict)

    def train_dataloader(self) -> ImageLoader:
        """The training images, shuffled and augmented.

        A last batch of one image is left out: batch normalisation can't learn anything from it.
        """
        dataset = self._dataset(self._split_records("train"), training=True)
        trainer = self.trainer
        sampler = EpochSampler(
            len(dataset),
            seed=self._seed,
            repeats=self._settings.repeats,
            processes=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
        )
        sampler.resume(**self._drawn)
        samples = len(sampler)
        single_last = (
            samples > self._settings.batch_size and samples % self._settings.batch_size == 1
        )
        return self._loader(dataset, sampler=sampler, drop_last=single_last, keep_workers=True)

    def val_dataloader(self) -> ImageLoader:
        """All validation images, in order, not augmented."""
        return self._loader(self._dataset(self._split_records("val")), keep_workers=True)

    def test_dataloader(self) -> ImageLoader:
        """All test images, in order, not augmented."""
        return self._loader(self._dataset(self._split_records("test")))

    def predict_dataloader(self) -> ImageLoader:
        """All images, whatever their split, in order, not augmented."""
        return self.plain_loader(self._records)

    def plain_loader(self, records: pd.DataFrame) -> ImageLoader:
        """Batches of any records, in order, not augmented, complete.

        Args:
            records: one row an image with the column path, and content_hash where images are kept.
        """
        return self._loader(self._dataset(records))

    @property
    def keeps_images(self) -> bool:
        """Whether decoded images are kept on disk."""
        return self._cached

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
            cache=ImageCache(records["content_hash"], self._resize) if self._cached else None,
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
        wanted = self._settings.num_workers
        if wanted == "auto":
            workers = worker_count(cuda=cuda, processes=trainer.num_devices if trainer else 1)
        else:
            workers = wanted
        side, batch = self._resize.image_size, self._settings.batch_size
        workers = workers_with_room(workers, batch_bytes=batch * side * side * 3)
        return ImageLoader(
            dataset,
            batch_size=self._settings.batch_size,
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
    """Choose how many worker processes read images for one training process.

    A network on a GPU leaves the processors to the workers. One on the CPU keeps all processors
    busy, and workers only pay where there are many: with two processors an epoch takes longest with
    2 workers and shortest with none.

    Args:
        cuda: whether the network runs on a GPU.
        processes: number of training processes on this machine, which share its processors.

    Returns:
        The number of workers, 0 or more.
    """
    share = usable_processors() // processes
    if cuda:
        return min(max(1, share - 1), _MOST_WORKERS)
    return min(share // 4, 4)


def _augmentation(
    augment: AugmentationSettings | Mapping[str, Any] | None, extra: Sequence[Any]
) -> Augmentation | None:
    """`build_augmentation`; where nothing is augmented, Albumentations is not imported."""
    settings = AugmentationSettings.read(augment or {})
    if not extra and not any(dict(settings).values()):
        return None
    from corrosion.data.transforms import build_augmentation

    return build_augmentation(settings, extra=extra)


def _one_thread(worker: int) -> None:  # noqa: ARG001 - PyTorch's signature
    """OpenCV's threads times workers would be more than processors; PyTorch sees to its own."""
    cv2.setNumThreads(0)
