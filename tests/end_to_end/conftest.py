from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def draw_alike_photos(draw_photos: Callable[..., None]) -> Callable[..., Path]:
    """Draws photographs that are not easily told apart: weights and losses move to the end."""

    def draw(root: Path, *, count: int) -> Path:
        colours = {"rusty": (130, 120, 120), "clean": (120, 120, 120)}
        draw_photos(root, colours, count=count, noise=40)
        return root

    return draw
