"""Seconds until a network tells the validation photographs apart, ours against bare PyTorch loops.

    python benchmarks/time_to_accuracy.py PHOTOS [--accuracy 0.93] [--limit 600] [--json FILE]
        [--recipes probe fast best timm keras]

PHOTOS is a folder with a folder for each of the two classes. Every recipe starts from the same
ImageNet weights of EfficientNet-Lite, and is judged on the same validation photographs, none of
which has a near-duplicate in training (`data.split`). The clock starts before anything is read, and
stops after the first validation that reaches the accuracy; images are not kept decoded from earlier
runs, nor features.

    probe, fast, best   ours: `experiment=...`, through the Trainer, with checkpoints and history
    timm                a loop by hand with timm's own pieces: RandomResizedCrop, RandAugment m7,
                        random erasing 0.25, AdamW with weight decay 0.05, label smoothing 0.1,
                        cosine over 15 epochs
    keras               a loop by hand with the recipe of Keras' guide "Image classification via
                        fine-tuning with EfficientNet" (Y. Fu, keras.io, 2023): a new head of batch
                        normalisation and dropout 0.2 on a frozen backbone, Adam at 1e-2, batch 64,
                        rotations, shifts, flips and contrast; then the last 20 layers at 1e-5.
                        Keras has no EfficientNet-Lite, so its recipe runs on these weights here

Losses of a loop by hand that others would write too: images are decoded anew in every epoch, and
glibc gives freed memory back. With --same-memory it keeps it, as ours does.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image
from timm.data import create_transform
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import corrosion
from corrosion.command_check import settings_of
from corrosion.data.prepare import prepare_records
from corrosion.data.resizing import build_resize
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.weights import load_weights
from corrosion.system.processors import keep_freed_memory

OURS = ("probe", "fast", "best")
BY_HAND = ("timm", "keras")
Progress = list[dict[str, float]]


def main() -> None:
    options = parse()
    if options.same_memory or not set(options.recipes) & set(BY_HAND):
        keep_freed_memory()
    results = {}
    # loops by hand come first: ours changes how this process keeps memory
    for recipe in sorted(options.recipes, key=lambda name: name in OURS):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CORROSION_CACHE"] = f"{folder}/cache"
            if recipe in OURS:
                progress = ours(recipe, options, Path(folder))
            else:
                progress = by_hand(recipe, options)
        reached = [one["seconds"] for one in progress if one["accuracy"] >= options.accuracy]
        results[recipe] = {
            "seconds": reached[0] if reached else None,
            "best": max(one["accuracy"] for one in progress),
            "progress": progress,
        }
        print(f"{recipe}: {described(results[recipe], options)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


def described(result: dict[str, Any], options: argparse.Namespace) -> str:
    last = result["progress"][-1]["seconds"]
    if result["seconds"] is None:
        return f"not reached in {last:.0f} s; best {result['best']:.3f}"
    return f"{result['seconds']:.1f} s to {options.accuracy:g}"


def overrides(options: argparse.Namespace) -> list[str]:
    return ["data=folder", f"data.root={options.photos}", *options.override]


class Watch(L.Callback):
    """Notes when which accuracy was reached, and stops the training there."""

    def __init__(self, started: float, options: argparse.Namespace) -> None:
        self.progress: Progress = []
        self._started, self._options = started, options

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn != TrainerFn.FITTING:  # calibration, after the training
            return
        accuracy = float(trainer.callback_metrics["val/accuracy"])
        seconds = time.perf_counter() - self._started
        self.progress.append({"seconds": seconds, "accuracy": accuracy})
        if accuracy >= self._options.accuracy or seconds > self._options.limit:
            trainer.should_stop = True


def ours(recipe: str, options: argparse.Namespace, folder: Path) -> Progress:
    """A run of ours; a probe counts when its test and report are written too."""
    started = time.perf_counter()
    settings = settings_of(
        [
            f"experiment={recipe}", "trainer.progress_bar=false", "explain.images=0",
            *overrides(options),
        ]
    )  # fmt: skip
    watch = Watch(started, options)
    corrosion.train(settings, folder / "run", callbacks=[watch])
    if not watch.progress:
        metrics = json.loads((folder / "run" / "metrics.json").read_text())
        seconds = time.perf_counter() - started
        return [{"seconds": seconds, "accuracy": metrics["val/accuracy"]}]
    return watch.progress


def by_hand(recipe: str, options: argparse.Namespace) -> Progress:
    """A bare loop: no metrics but the accuracy, no checkpoint, history, logger or progress bar."""
    started = time.perf_counter()
    settings = settings_of(["model=efficientnet_lite0", *overrides(options)])
    records = prepare_records(settings.data).records  # the split that ours uses
    torch.manual_seed(0)
    network = CorrosionClassifier(
        settings.model.backbone, image_size=settings.data.image_size, dropout=0.2
    ).to(memory_format=torch.channels_last)
    load_weights(network, settings.model.backbone, settings.model.weights)
    steps = timm_epochs if recipe == "timm" else keras_epochs
    train, val = (records[records["split"] == split] for split in ("train", "val"))
    judged = DataLoader(Photographs(val, plain(settings.data.image_size)), batch_size=64)
    progress: Progress = []
    for _ in steps(network, train, settings.data.image_size):
        progress.append(
            {"accuracy": accuracy(network, judged), "seconds": time.perf_counter() - started}
        )
        last = progress[-1]
        if last["accuracy"] >= options.accuracy or last["seconds"] > options.limit:
            break
    return progress


def timm_epochs(network: CorrosionClassifier, train: pd.DataFrame, size: int) -> Iterator[None]:
    """Trains an epoch each time: the whole network by timm's pieces."""
    # at magnitude 9 timm asks Pillow for colours of 0 bits now and then, which Pillow 12 refuses
    transform = create_transform(
        size, is_training=True, auto_augment="rand-m7-mstd0.5-inc1", re_prob=0.25,
        mean=(0.0,) * 3, std=(1.0,) * 3,
    )  # fmt: skip
    loader = DataLoader(
        Photographs(train, transform), batch_size=32, shuffle=True, drop_last=len(train) > 32
    )
    epochs = 15
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=5e-4, total_steps=epochs * len(loader), pct_start=0.1
    )
    for _ in range(epochs):
        network.train()
        for images, labels in loader:
            loss = F.binary_cross_entropy_with_logits(network(images), labels * 0.9 + 0.05)
            step(optimizer, loss)
            schedule.step()
        yield


def keras_epochs(network: CorrosionClassifier, train: pd.DataFrame, size: int) -> Iterator[None]:
    """Trains an epoch each time: a new head for 25 epochs, then the last 20 layers for 4."""
    transform = v2.Compose(
        [
            plain(size),
            v2.RandomRotation(54),  # 0.15 of a turn
            v2.RandomAffine(0, translate=(0.1, 0.1)),
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.ColorJitter(contrast=0.1),
        ]
    )
    loader = DataLoader(
        Photographs(train, transform), batch_size=64, shuffle=True, drop_last=len(train) > 64
    )
    network.head = KerasHead(network.head.dense.in_features)  # type: ignore[assignment]
    network.set_trainable("none")
    optimizer = torch.optim.Adam(network.head.parameters(), lr=1e-2)
    for epoch in range(29):
        if epoch == 25:
            layers = [one for one in network.backbone.modules() if isinstance(one, nn.Conv2d)][
                -20:
            ]  # batch normalisation stays frozen, as in the guide
            parameters = [one for layer in layers for one in layer.parameters()]
            for parameter in parameters:
                parameter.requires_grad_()
            optimizer = torch.optim.Adam([*parameters, *network.head.parameters()], lr=1e-5)
        network.train()
        for images, labels in loader:
            step(optimizer, F.binary_cross_entropy_with_logits(network(images), labels))
        yield


class KerasHead(nn.Module):
    """The guide's head: pooling, batch normalisation, dropout 0.2, one unit."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(features), nn.Dropout(0.2), nn.Linear(features, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.layers(features.mean(dim=(2, 3))).squeeze(1)
        return logits


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.inference_mode()
def accuracy(network: CorrosionClassifier, loader: DataLoader[Any]) -> float:
    network.eval()
    right = [((network(images) > 0) == (labels > 0.5)) for images, labels in loader]
    return float(torch.cat(right).float().mean())


def plain(size: int) -> Any:
    """A photograph as ours sees it without augmentation."""
    resize = build_resize(size, "pad")

    def prepared(image: Any) -> Tensor:
        return torch.from_numpy(resize(np.asarray(image))).permute(2, 0, 1).float() / 255

    return prepared


class Photographs(Dataset[Any]):
    """Photographs and labels of records, decoded each time."""

    def __init__(self, records: pd.DataFrame, transform: Any) -> None:
        self.paths, self.labels = records["path"].tolist(), records["label"].tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        image = Image.open(self.paths[index]).convert("RGB")
        return self.transform(image), float(self.labels[index])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--accuracy", type=float, default=0.93)
    parser.add_argument("--limit", type=float, default=600, help="seconds, of each recipe")
    parser.add_argument(
        "--recipes", nargs="+", choices=(*OURS, *BY_HAND), default=[*OURS, *BY_HAND]
    )
    parser.add_argument("--same-memory", action="store_true", help="loops by hand keep memory too")
    parser.add_argument("--json", type=Path, help="write all validations there")
    parser.add_argument("--override", nargs="*", default=[], help="settings of all recipes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
