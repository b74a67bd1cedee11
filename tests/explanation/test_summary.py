from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from corrosion.explanation.summary import summarise


def summary(**values):
    """Scores from {"network_map": values of one measure on each photograph}."""
    rows = [
        {"path": f"{number}.jpg", "network": network, "map": name, "energy": value}
        for key, column in values.items()
        for network, name in [key.split("_")]
        for number, value in enumerate(column)
    ]
    networks = {row["network"]: Path("best.ckpt") for row in rows}
    return summarise(pd.DataFrame(rows), method="cam", checkpoints=networks)


def test_means_have_the_interval_of_the_bootstrap():
    scores = summary(a_cam=[0.0, 1.0] * 50)
    mean = scores.means["a"]["cam"]["energy"]
    assert mean.value == 0.5
    # the normal approximation: 0.5 -+ 1.96 * 0.5 / sqrt(100)
    assert (mean.low, mean.high) == pytest.approx((0.402, 0.598), abs=0.02)
    assert scores.count == 100


def test_differences_are_tested_on_the_same_photographs():
    """A small gain on every photograph is significant, though the intervals overlap widely."""
    generator = np.random.default_rng(0)
    base = generator.random(30)
    gain = generator.uniform(0.01, 0.03, 30)
    scores = summary(a_cam=base, a_random=base[::-1], b_cam=base + gain, b_random=base[::-1])
    assert scores.ranking("energy") == ["b", "a"]
    between = scores.tests[scores.tests["network"] == ""].iloc[0]
    assert (between["a"], between["b"]) == ("a", "b")
    assert between["difference"] == pytest.approx(-gain.mean())
    assert between["low"] < -gain.mean() < between["high"] < 0
    assert between["p_holm"] == pytest.approx(2 / 2001)
    assert between["significant"]
    against = scores.tests[scores.tests["network"] == "a"].iloc[0]
    assert (against["a"], against["b"], bool(against["significant"])) == ("cam", "random", False)
    assert against["difference"] == pytest.approx(0)


def test_one_photograph_settles_nothing():
    scores = summary(a_cam=[0.9], a_random=[0.1])
    mean = scores.means["a"]["cam"]["energy"]
    assert (mean.value, mean.method) == (0.9, "undefined")
    assert not scores.tests["significant"].any()
