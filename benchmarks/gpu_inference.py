"""Maps and predictions on one device against the CPU. For `gpu_check.py`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from corrosion.cli.main import main as corrosion
from corrosion.data.dataset import load_image
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import activation_maps
from corrosion.models.classifier import CorrosionClassifier
from corrosion.training.module import CorrosionModule


def maps_under_autocast(
    backbone: str,
    device: torch.device,
    records: pd.DataFrame,
    *,
    image_size: int,
    images: int = 8,
) -> dict[str, Any]:
    """Compare class activation maps under autocast with those in float32.

    Args:
        backbone: of a network with random weights.
        device: where it is explained.
        records: images, the first of which are taken.
        image_size: side of the input in pixels.
        images: how many.

    Returns:
        The largest difference of maps scaled to [0, 1], and that of the device's maps from those
        of the CPU.
    """
    torch.manual_seed(0)
    network = CorrosionClassifier(backbone, image_size=image_size).eval()
    resize = build_resize(image_size, "pad")
    pixels = np.stack([load_image(path, resize) for path in records["path"][:images]])
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    on_cpu = activation_maps(network, batch).scaled()
    network.to(device)
    plain = activation_maps(network, batch).scaled()
    with torch.autocast(device.type, torch.float16 if device.type == "cuda" else torch.bfloat16):
        cast = activation_maps(network, batch).scaled()
    return {
        "map_difference": float((cast - plain).abs().max()),
        "difference_from_cpu": float((plain.cpu() - on_cpu).abs().max()),
    }


def predict(
    backbone: str, device: torch.device, records: pd.DataFrame, folder: Path, image_size: int
) -> dict[str, Any]:
    """`corrosion predict --device` on a device and on the CPU.

    Args:
        backbone: of a network with random weights.
        device: to compare with the CPU.
        records: images.
        folder: new; gets a checkpoint and the predictions.
        image_size: side of the input in pixels.

    Returns:
        Images a second, start and writing included, and the largest difference of probabilities.

    Raises:
        CorrosionError: the command failed.
    """
    folder.mkdir(parents=True)
    checkpoint = folder / "best.ckpt"
    torch.manual_seed(0)
    module = CorrosionModule(backbone, image_size=image_size)
    content = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
    torch.save(content | {"epoch": 0}, checkpoint)
    probability, seconds = {}, 0.0
    for place in ("cpu", device.type):  # the device's seconds stay
        out = folder / f"on-{place}-{len(probability)}"
        began = time.perf_counter()
        arguments = ["predict", str(checkpoint), *records["path"], "--device", place]
        if code := corrosion([*arguments, "--out", str(out)]):
            raise CorrosionError(f"corrosion predict --device {place} ended with exit code {code}.")
        seconds = time.perf_counter() - began
        written = pd.read_csv(out / "predictions.csv").set_index("path")["probability"]
        probability[out.name] = written.loc[records["path"]].to_numpy()
    one, other = probability.values()
    return {
        "images_per_second": len(records) / seconds,
        "probability_difference": float(np.abs(one - other).max()),
    }
