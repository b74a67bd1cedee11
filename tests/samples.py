"""Small data that the tests of several rooms share."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from corrosion.models.checkpoint import Calibration
from corrosion.models.digest import sign
from corrosion.training.module import CorrosionModule


def predictions(folder: str, count: int, seed: int, *, separation: float) -> pd.DataFrame:
    """Predictions for images of either class in turn, whose logits lie so far apart."""
    label = np.arange(count) % 2
    score = np.random.default_rng(seed).normal(size=count) + separation * (label - 0.5)
    paths = [f"/{folder}/{number}.jpg" for number in range(count)]
    return pd.DataFrame(
        {"path": paths, "label": label, "probability": 1 / (1 + np.exp(-2 * score))}
    )


def write_checkpoint(
    path: Path, *, seed: int = 0, epoch: int = 0, image_size: int = 64, **settings: Any
) -> CorrosionModule:
    """A checkpoint of a tiny untrained network, with the keys that Lightning's have."""
    torch.manual_seed(seed)
    module = CorrosionModule(
        "test_resnet.r160_in1k", dense_units=8, image_size=image_size, **settings
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "state_dict": module.state_dict(),
        "hyper_parameters": dict(module.hparams),
        "epoch": epoch,
    }
    sign(content)
    torch.save(content, path)
    return module


def calibration(temperature: float = 1.0, **changes: Any) -> Calibration:
    """What a training may have chosen on 80 validation images."""
    values = {"thresholds": {}, "band": (0.2, 0.7), "images": 80, **changes}
    return Calibration(temperature=temperature, **values)
