from pathlib import Path

import pytest
from PIL import Image

from corrosion.models.classifier import CorrosionClassifier


@pytest.fixture(scope="session")
def network():
    import torch

    torch.manual_seed(0)
    return CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=32).eval()


@pytest.fixture
def inspections(tmp_path: Path, draw_scene) -> tuple[Path, Path]:
    """Three places, the second inspection a little to the right; a broken file, one photo more."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    for number in range(3):
        wide = draw_scene(number, width=340)
        Image.fromarray(wide[:, :-20]).save(old / f"place {number}.png")
        Image.fromarray(wide[:, 20:]).save(new / f"place {number}.png")
    Image.fromarray(draw_scene(7)).save(old / "gone.png")
    (new / "broken.jpg").write_bytes(b"no image")
    return old, new
