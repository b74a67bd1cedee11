"""How hard the embedded sample is: for colour statistics, and for a small network.

    python benchmarks/sample_difficulty.py                 seconds: colour statistics
    python benchmarks/sample_difficulty.py --network       minutes: MobileNetV2 from random weights

Colour alone should fail (under 85 %), a network should succeed (over 95 %). Colour statistics are
judged by logistic regression over many 90/10 splits, the network on the sample's own test split
and on a fresh sample of another seed, large enough for a steady figure.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from corrosion.data.sample import make_sample, sample_dir
from corrosion.models.classifier import CorrosionClassifier

CLASSES = ("no_corrosion", "corrosion")


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = (
            sample_dir(options.count, 256, options.seed) if options.cached else Path(folder) / "s"
        )
        start = time.perf_counter()
        make_sample(root, count=options.count, seed=options.seed)
        print(f"{options.count} images written in {time.perf_counter() - start:.1f} s")
        images, labels = read(root)
        report_colours(images, labels)
        if options.network:
            fresh = Path(folder) / "fresh"
            make_sample(fresh, count=options.fresh, seed=options.seed + 1000)
            train(images, labels, *read(fresh), options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--cached", action="store_true", help="use the sample in the cache")
    parser.add_argument("--network", action="store_true", help="train a network, too")
    parser.add_argument("--fresh", type=int, default=400, help="images of the fresh test set")
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--size", type=int, default=128, help="side of the network's input")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--schedule", choices=("none", "cosine"), default="none")
    parser.add_argument("--warmup", type=float, default=0.0, help="epochs")
    parser.add_argument("--spatial-dropout", type=float, default=0.4667)
    parser.add_argument("--dropout", type=float, default=0.3163)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--run-seed", type=int, default=0, help="of weights and shuffling")
    return parser.parse_args()


def read(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """RGB images (N, H, W, 3) uint8 and labels (N,)."""
    paths = [sorted((root / "images" / name).iterdir()) for name in CLASSES]
    images = [cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB) for p in paths[0] + paths[1]]
    return np.stack(images), np.repeat([0, 1], [len(paths[0]), len(paths[1])])


def hsv_statistics(images: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of hue, saturation and value: (N, 6)."""
    pixels = [cv2.cvtColor(image, cv2.COLOR_RGB2HSV).reshape(-1, 3) for image in images]
    return np.array([np.concatenate([p.mean(0), p.std(0)]) for p in pixels])


def circular_statistics(images: np.ndarray) -> np.ndarray:
    """The same, hue as a direction weighted by saturation: red is then one colour. (N, 8)."""
    rows = []
    for image in images:
        hue, saturation, value = np.moveaxis(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), 2, 0) / 255.0
        angle = hue * 255 / 180 * 2 * np.pi
        channels = (saturation * np.cos(angle), saturation * np.sin(angle), saturation, value)
        rows.append([f(channel) for channel in channels for f in (np.mean, np.std)])
    return np.array(rows)


def histograms(images: np.ndarray) -> np.ndarray:
    """Histograms of hue (12 bins), saturation (6) and value (6): (N, 24)."""
    ranges = ((12, 180), (6, 256), (6, 256))
    rows = []
    for image in images:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        parts = [
            np.histogram(hsv[..., channel], bins, (0, end))[0]
            for channel, (bins, end) in enumerate(ranges)
        ]
        rows.append(np.concatenate(parts) / hsv[..., 0].size)
    return np.array(rows)


def report_colours(images: np.ndarray, labels: np.ndarray) -> None:
    splits = StratifiedShuffleSplit(20, test_size=0.1, random_state=0)
    for name, features in (
        ("mean and std of H, S, V", hsv_statistics(images)),
        ("the same, hue as a direction", circular_statistics(images)),
        ("histograms of H, S, V", histograms(images)),
    ):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        scores = cross_val_score(model, features, labels, cv=splits)
        print(f"{name:<30} accuracy {scores.mean():.3f} (std over 20 splits {scores.std():.3f})")


def train(
    images: np.ndarray,
    labels: np.ndarray,
    fresh_images: np.ndarray,
    fresh_labels: np.ndarray,
    options: argparse.Namespace,
) -> None:
    """A bare training loop: 70 % of the sample, light augmentation, Adam."""
    torch.manual_seed(options.run_seed)
    everything = np.arange(len(labels))
    rest, test = train_test_split(everything, test_size=0.1, stratify=labels, random_state=0)
    fit, _ = train_test_split(rest, train_size=7 / 9, stratify=labels[rest], random_state=0)
    small, fresh = shrink(images, options.size), shrink(fresh_images, options.size)
    targets = torch.from_numpy(labels).float()
    network = CorrosionClassifier(
        options.backbone,
        spatial_dropout=options.spatial_dropout,
        dropout=options.dropout,
        image_size=options.size,
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.lr, fused=True)
    steps = options.epochs * (len(fit) // options.batch)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: rate(s, steps, options))
    start = time.perf_counter()
    for epoch in range(options.epochs):
        network.train()
        losses = []
        order = torch.from_numpy(fit)[torch.randperm(len(fit))]
        for batch in order.split(options.batch)[: len(fit) // options.batch]:
            loss = F.binary_cross_entropy_with_logits(
                network(augment(small[batch])), targets[batch]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        print(
            f"epoch {epoch + 1:2d}  loss {np.mean(losses):.3f}  "
            f"test {accuracy(network, small[test], labels[test]):.3f} ({len(test)} images)  "
            f"fresh {accuracy(network, fresh, fresh_labels):.4f} ({len(fresh)} images)  "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )


def shrink(images: np.ndarray, size: int) -> Tensor:
    """Images (N, H, W, 3) as uint8 (N, 3, size, size)."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    small = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return small.contiguous(memory_format=torch.channels_last)


def augment(images: Tensor) -> Tensor:
    """Flips for half of the images, brightness and saturation by up to 15 and 20 %: floats."""
    count = (len(images), 1, 1, 1)
    pixels = images.float() / 255
    pixels = torch.where(torch.rand(count) < 0.5, pixels.flip(3), pixels)
    pixels = torch.where(torch.rand(count) < 0.5, pixels.flip(2), pixels)
    grey = pixels.mean(1, keepdim=True)
    pixels = grey + (pixels - grey) * (0.8 + 0.4 * torch.rand(count))
    return (pixels * (0.85 + 0.3 * torch.rand(count))).clamp(0, 1)


def rate(step: int, steps: int, options: argparse.Namespace) -> float:
    """The learning rate's factor at a step: linear warm-up, then constant or half a cosine."""
    warmup = options.warmup * steps / options.epochs
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if options.schedule == "none":
        return 1.0
    return 0.5 * (1 + float(np.cos(np.pi * (step - warmup) / max(steps - warmup, 1))))


@torch.inference_mode()
def accuracy(network: CorrosionClassifier, images: Tensor, labels: np.ndarray) -> float:
    network.eval()
    logits = torch.cat([network(part) for part in images.split(100)])
    return float(((logits > 0).numpy() == labels).mean())


if __name__ == "__main__":
    main()
