"""The benchmark of tiles: what is pasted, and detection at equal false alarms."""

import numpy as np
import pytest
from tiles import Patch, equal, pasted, shrunk

from corrosion.data.geometry import Window


def test_a_patch_is_shrunk_and_laid_in_by_its_outline():
    alpha = np.zeros((40, 80, 1), dtype=np.float32)
    alpha[:, :40] = 1
    patch = shrunk(Patch(np.full((40, 80, 3), 200, dtype=np.uint8), alpha), 20)
    assert patch.pixels.shape == (10, 20, 3)
    ground = np.zeros((50, 50, 3), dtype=np.uint8)
    found = pasted(ground, patch, Window(5, 5, 10, 20))
    assert (found[5:15, 5:15] == 200).all()
    assert found.sum() == 200 * 100 * 3
    assert not ground.any()


def test_methods_are_compared_at_the_same_share_of_false_alarms():
    generator = np.random.default_rng(0)
    sound = {name: generator.normal(size=400) * scale for name, scale in (("a", 1), ("b", 9))}
    rust = {"a": sound["a"] + 3, "b": sound["b"] + 3}
    table = equal({"sound": sound, "rust": rust}, 0.1)
    for name, alarms, _ in table.rows:
        assert float(alarms.split()[0]) == pytest.approx(0.1, abs=0.03), name
    detected = {row[0]: float(row[2].split()[0]) for row in table.rows}
    assert detected["a"] > 0.9
    assert detected["b"] < 0.3
