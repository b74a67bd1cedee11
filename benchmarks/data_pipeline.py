"""Training images a second: our first epoch, our cached epochs, torchvision, decoding alone.

    python benchmarks/data_pipeline.py [--count 1000] [--workers 0 2]

Draws photograph-like JPEGs of 1600 x 1200 pixels, then measures for each number of workers

    (a) our first epoch: decoding every image into an empty cache, and the epoch itself
    (b) our epochs after it
    (c) torchvision's ImageFolder with transforms v2: the same size, padding and order, and the same
        augmentations with the same limits and probabilities where it has them (not hue with
        saturation and value in shares of full scale, CLAHE, and salt-and-pepper noise)

and, once, (d) reading all images with PIL at full size, in one thread. The epochs only collect
batches; no network runs. Prints images a second, and the ratios of (a) and (b) to (c).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.images import content_hash
from corrosion.data.sample.picture import draw
from corrosion.system.processors import usable_processors

WIDTH, HEIGHT, SIZE, BATCH = 1600, 1200, 224, 32
PICTURES = 4  # drawn; the photographs are parts of them, with noise of their own
SENSOR_NOISE = 3.0  # grey levels: makes the files as large as a camera's
QUALITY = 90


def main() -> None:
    options = parse()
    # as in loader processes: on a busy machine, threads that wait for each other slow torchvision
    # down twentyfold
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        records = photographs(Path(folder) / "photos", options.count)
        size = np.mean([Path(path).stat().st_size for path in records["path"]])
        print(
            f"{options.count} JPEGs of {WIDTH} x {HEIGHT} px, {size / 1e3:.0f} kB each, to {SIZE} "
            f"px, batch {BATCH}; {usable_processors()} processors, torch {torch.__version__}"
        )
        rate = options.count / seconds(lambda: decode_all(records["path"]))
        print(f"(d) decoding alone: {rate:.1f} images/s")
        for workers in options.workers:
            os.environ["CORROSION_CACHE"] = str(Path(folder) / f"cache-{workers}")
            measure(records, Path(folder) / "photos", workers=workers, epochs=options.epochs)


def measure(records: pd.DataFrame, root: Path, *, workers: int, epochs: int) -> None:
    """Print the rates of one number of workers."""
    augment = yaml.safe_load(
        (Path(__file__).parents[1] / "conf" / "augment" / "paper.yaml").read_text()
    )
    ours = CorrosionDataModule(
        records,
        image_size=SIZE,
        augment=augment,
        batch_size=BATCH,
        num_workers=workers,
        cache=True,
    )

    def first() -> Iterable[object]:
        ours.prepare_data()
        return ours.train_dataloader()

    loaders = {"(c)": torchvision_loader(root, augment, workers=workers)}
    rates = {"(c)": len(records) / seconds(lambda: consume(loaders["(c)"]))}
    rates["(a)"] = len(records) / seconds(lambda: consume(first()))
    cached = ours.train_dataloader()
    consume(cached)  # starts the workers
    rates["(b)"] = len(records) / min(seconds(lambda: consume(cached)) for _ in range(epochs))
    print(
        f"{workers} workers: (a) first epoch {rates['(a)']:.1f}, (b) cached {rates['(b)']:.1f}, "
        f"(c) torchvision {rates['(c)']:.1f} images/s; "
        f"a / c {rates['(a)'] / rates['(c)']:.2f}, b / c {rates['(b)'] / rates['(c)']:.2f}"
    )


def torchvision_loader(
    root: Path, augment: dict[str, dict[str, float]], *, workers: int
) -> DataLoader[object]:
    """What one would write with torchvision for the same training."""
    colour = v2.RandomApply([v2.ColorJitter(brightness=augment["brightness"]["limit"])], p=0.5)
    saturation = v2.RandomApply([v2.ColorJitter(saturation=augment["saturation"]["limit"])], p=0.5)
    hue = v2.RandomApply([v2.ColorJitter(hue=augment["hsv"]["hue"] / 360)], p=0.2)
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize(None, max_size=SIZE, antialias=True),
            v2.CenterCrop(SIZE),  # pads what is smaller
            v2.RandomHorizontalFlip(0.5),
            v2.RandomVerticalFlip(0.5),
            v2.RandomApply(
                [v2.RandomRotation(augment["rotation"]["limit"], v2.InterpolationMode.BILINEAR)],
                p=0.5,
            ),
            saturation,
            colour,
            v2.RandomApply([v2.Lambda(gamma)], p=0.5),
            hue,
        ]
    )
    return DataLoader(
        ImageFolder(str(root), transform),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def gamma(image: torch.Tensor) -> torch.Tensor:
    return v2.functional.adjust_gamma(image, float(torch.empty(()).uniform_(0.95, 1.05)))


def photographs(root: Path, count: int) -> pd.DataFrame:
    """Write JPEGs into two class folders; returns their records."""
    pictures = [
        cv2.resize(draw(0, index, size=800, corroded=bool(index % 2)).image, (2000, 2000))
        for index in range(PICTURES)
    ]

    def write(index: int) -> dict[str, object]:
        rng = np.random.default_rng(index)
        picture = pictures[index % PICTURES]
        top, left = rng.integers(2000 - HEIGHT), rng.integers(2000 - WIDTH)
        part = picture[top : top + HEIGHT, left : left + WIDTH]
        noise = rng.normal(0, SENSOR_NOISE, (HEIGHT, WIDTH, 1)).astype(np.float32)
        pixels = np.clip(part + noise, 0, 255).astype(np.uint8)
        label = index % PICTURES % 2
        path = root / ("corrosion" if label else "no_corrosion") / f"{index:05}.jpg"
        Image.fromarray(pixels).save(path, quality=QUALITY)
        return {
            "path": str(path),
            "label": label,
            "split": "train",
            "content_hash": content_hash(path.read_bytes()),
        }

    for name in ("corrosion", "no_corrosion"):
        (root / name).mkdir(parents=True)
    with ThreadPoolExecutor(usable_processors()) as pool:
        return pd.DataFrame(list(pool.map(write, range(count))))


def decode_all(paths: Iterable[str]) -> None:
    for path in paths:
        Image.open(path).convert("RGB")


def consume(batches: Iterable[object]) -> None:
    for _ in batches:
        pass


def seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--epochs", type=int, default=3, help="cached ones; the fastest counts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
