from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photographs of coarse patterns, unlike each other; `draw` below made them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        draw(number).save(folder / f"{number}.png")
    return folder


def draw(number: int, side: int = 64) -> Image.Image:
    """A pattern of 8 x 8 squares, the same at any size."""
    squares = np.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(squares).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def drawn():
    return draw
