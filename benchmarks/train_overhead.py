"""Seconds an epoch through our trainer and datamodule, over a bare PyTorch loop.

    python benchmarks/train_overhead.py [--model mobilenetv2] [--images 400] [--epochs 3]
        [--same-memory]

Both train the same network on the same images with the same augmentation, batch size, loss and
optimiser, in one process, taking turns epoch by epoch; both validate after each epoch. The bare
loop is what one would write by hand: no metrics but the loss, no checkpoint, history, logger or
progress bar. Prints the seconds of every epoch and the ratio of the medians, in processor time too,
which other programs lengthen less. Ours keeps freed memory, as `train.py` does; with --same-memory
the bare loop does so too, and 1.00 means that our trainer costs nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Checkpoint
from torch.utils.data import DataLoader

from corrosion.command_check import settings_of
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.dataset import ImageDataset, collate
from corrosion.data.prepare import prepare_records
from corrosion.data.resizing import build_resize
from corrosion.data.transforms import build_augmentation
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import RunDirectory
from corrosion.settings.run import RunSettings
from corrosion.system.processors import keep_freed_memory
from corrosion.training.callbacks import History
from corrosion.training.module import CorrosionModule
from corrosion.training.trainer import build_logger, build_trainer


def main() -> None:
    options = parse()
    settings = settings_of(overrides(options))
    records = prepare_records(settings.data).records
    shape = ("backbone", "dense_units", "spatial_dropout", "dropout")
    network = {
        **{key: getattr(settings.model, key) for key in shape},
        "image_size": options.size,
    }
    turns = TakeTurns(Bare(network, settings, records), same_memory=options.same_memory)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            settings.trainer,
            run_dir=Path(folder),
            objective="val/loss",
            mode="min",
            history=History(RunDirectory(Path(folder))),
            seed=0,
            logger=build_logger(settings.logger, run_dir=Path(folder)),
        )
        trainer.callbacks.insert(0, turns)
        datamodule = CorrosionDataModule(
            records,
            image_size=options.size,
            augment=settings.augment,
            batch_size=options.batch,
            num_workers=options.workers,
        )
        trainer.fit(CorrosionModule(**network, lr=1e-3), datamodule=datamodule)
    counts = {name: sum(classes.values()) for name, classes in datamodule.counts.items()}
    print(
        f"{options.model}, {counts['train']} training and {counts['val']} validation images at "
        f"{options.size} px, batch {options.batch}, {options.workers} workers, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    # the first epoch warms both up
    bare, ours = turns.bare[1:], turns.ours[1:]
    for epoch, (one, other) in enumerate(zip(bare, ours, strict=True), start=1):
        print(f"epoch {epoch}: bare {one[0]:.2f} s, ours {other[0]:.2f} s")
    for clock, name in enumerate(("seconds", "processor time")):
        medians = [statistics.median(times[clock] for times in one) for one in (ours, bare)]
        print(f"ours / bare, {name}: {medians[0] / medians[1]:.3f}")


class TakeTurns(Checkpoint):
    """Runs a bare epoch before each of ours; ours last from there to the next one's start.

    `bare` and `ours` hold seconds and processor seconds of each epoch.
    """

    def __init__(self, bare: Bare, *, same_memory: bool) -> None:
        self.bare: list[tuple[float, float]] = []
        self.ours: list[tuple[float, float]] = []
        self._bare = bare
        self._same_memory = same_memory
        self._began = (0.0, 0.0)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch:
            self.ours.append(self._spent())
        if not self._same_memory:
            give_freed_memory_back()
        self._begin()
        self._bare.epoch()
        self.bare.append(self._spent())
        keep_freed_memory()
        self._begin()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.ours.append(self._spent())

    def _begin(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def _spent(self) -> tuple[float, float]:
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


def give_freed_memory_back() -> None:
    """What glibc does by itself (mallopt(3)), with the thresholds that it has raised by then."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-4, 65536)  # M_MMAP_MAX
    libc.mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
    libc.mallopt(-1, 64 << 20)  # M_TRIM_THRESHOLD
    libc.malloc_trim(0)


class Bare:
    """The loop one would write by hand."""

    def __init__(
        self, network: dict[str, Any], settings: RunSettings, records: pd.DataFrame
    ) -> None:
        data = settings.data
        resize = build_resize(data.image_size, data.resize)
        augment = build_augmentation(settings.augment)
        loaders = {}
        for split, transform in (("train", augment), ("val", None)):
            rows = records[records["split"] == split]
            images = ImageDataset(rows["path"], rows["label"], resize=resize)
            loaders[split] = DataLoader(
                Augmented(images, transform),
                batch_size=data.batch_size,
                shuffle=split == "train",
                collate_fn=collate,
                num_workers=data.num_workers,
                persistent_workers=data.num_workers > 0,
            )
        self.train, self.val = loaders["train"], loaders["val"]
        self.network = CorrosionClassifier(**network).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=True)

    def epoch(self) -> float:
        """Train and validate once; returns the validation loss."""
        self.network.train()
        for batch in self.train:
            self.optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(self.network(batch.image), batch.label)
            loss.backward()
            self.optimizer.step()
        self.network.eval()
        total = 0.0
        with torch.inference_mode():
            for batch in self.val:
                logits = self.network(batch.image)
                total += float(F.binary_cross_entropy_with_logits(logits, batch.label))
        return total / len(self.val)


class Augmented(torch.utils.data.Dataset[Any]):
    """Images augmented with a random seed."""

    def __init__(self, images: ImageDataset, augment: Any) -> None:
        self.images, self.augment = images, augment

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        sample = self.images[index]
        if self.augment is None:
            return sample
        seed = int(torch.randint(2**62, ()))
        return sample._replace(image=self.augment(sample.image, seed))


def overrides(options: argparse.Namespace) -> list[str]:
    """What makes the project's own configuration as large as the benchmark."""
    return [
        f"model={options.model}",
        f"data.count={round(options.images / 0.7)}",
        f"data.image_size={options.size}",
        f"data.num_workers={options.workers}",
        f"data.batch_size={options.batch}",
        f"trainer.max_epochs={options.epochs + 1}",
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--images", type=int, default=400, help="training images")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3, help="measured, after one to warm up")
    parser.add_argument("--same-memory", action="store_true", help="the bare loop keeps memory too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
