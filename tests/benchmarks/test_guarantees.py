"""The benchmark of promises: what it computes is what a drawn world does."""

import guarantees
import numpy as np
import pytest

from corrosion.evaluation.selective import Band, apply_band


@pytest.mark.parametrize("prevalence", [0.5, 0.1])
def test_the_true_risk_and_recall_are_those_of_many_images(prevalence):
    world = guarantees.World(0.97, prevalence)
    label, probability = world.draw(100_000, np.random.default_rng(0))
    band = Band(0.2, 0.9, 0.5, 0.01)
    seen, (risk, decided) = apply_band(band, label, probability), world.risk(band)
    assert seen.risk.value == pytest.approx(risk, abs=0.004)
    assert seen.coverage.value == pytest.approx(decided, abs=0.01)
    assert (probability[label == 1] >= 0.3).mean() == pytest.approx(world.recall(0.3), abs=0.01)
    assert probability.mean() == pytest.approx(prevalence, abs=0.01)  # calibrated


def test_promises_are_broken_less_often_with_a_confidence(capsys):
    guarantees.main(["--cases", "15", "--images", "400", "--confidence", "0.99"])
    printed = capsys.readouterr().out
    assert printed.count("\n") == 7
    found = guarantees.simulate(guarantees.World(0.97, 0.5), 400, cases=15, confidence=0.99, seed=0)
    assert found["risk before"] > 0.3 > found["risk after"]
    assert found["recall before"] > 0.2 > found["recall after"]
    assert found["decided before"] > found["decided after"]
