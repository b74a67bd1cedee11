from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corrosion.models.classifier import CorrosionClassifier


def scene(seed: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A picture with detail of several sizes, unlike that of any other seed."""
    generator = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for cells in (4, 16, 64):
        grid = generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        enlarged = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(enlarged, dtype=float) / 3
    return total.astype(np.uint8)


@pytest.fixture(scope="session")
def draw_scene():
    return scene


@pytest.fixture(scope="session")
def network():
    import torch

    torch.manual_seed(0)
    return CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=32).eval()


@pytest.fixture
def inspections(tmp_path: Path) -> tuple[Path, Path]:
    """Three places, the second inspection a little to the right; a broken file, one photo more."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    for number in range(3):
        wide = scene(number, width=340)
        Image.fromarray(wide[:, :-20]).save(old / f"place {number}.png")
        Image.fromarray(wide[:, 20:]).save(new / f"place {number}.png")
    Image.fromarray(scene(7)).save(old / "gone.png")
    (new / "broken.jpg").write_bytes(b"no image")
    return old, new
