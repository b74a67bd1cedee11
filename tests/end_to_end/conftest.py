from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def draw_photos() -> Callable[..., None]:
    """Draws photographs of 40 px: folders of one colour each, with noise upon it."""

    def draw(
        root: Path,
        colours: Mapping[str, tuple[int, int, int]],
        *,
        count: int,
        noise: float,
        size: tuple[int, int] = (40, 40),
        suffix: str = ".png",
    ) -> None:
        generator = np.random.default_rng(0)
        for name, colour in colours.items():
            (root / name).mkdir()
            for index in range(count):
                pixels = np.clip(generator.normal(colour, noise, (*size, 3)), 0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index}{suffix}")

    return draw


@pytest.fixture(scope="session")
def draw_alike_photos(draw_photos: Callable[..., None]) -> Callable[..., Path]:
    """Draws photographs that are not easily told apart: weights and losses move to the end."""

    def draw(root: Path, *, count: int) -> Path:
        colours = {"rusty": (130, 120, 120), "clean": (120, 120, 120)}
        draw_photos(root, colours, count=count, noise=40)
        return root

    return draw
