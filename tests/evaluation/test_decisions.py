import numpy as np
import pandas as pd
import pytest
import torch

from corrosion.evaluation.decisions import Rule, decide, is_corroded, needs_review
from corrosion.evaluation.metrics import all_metrics, confusion
from corrosion.evaluation.selective import Band, apply_band

PROBABILITIES = [0.0, 0.29, 0.3, 0.31, 0.7, 0.71, 1.0]


@pytest.mark.parametrize("of", [np.array, torch.tensor, pd.Series])
def test_arrays_tensors_and_columns_are_decided_as_single_probabilities_are(of):
    single = [is_corroded(one, 0.3) for one in PROBABILITIES]
    assert is_corroded(of(PROBABILITIES), 0.3).tolist() == single
    assert single == [False, False, True, True, True, True, True]
    reviewed = [needs_review(one, (0.3, 0.7)) for one in PROBABILITIES]
    assert needs_review(of(PROBABILITIES), (0.3, 0.7)).tolist() == reviewed
    assert reviewed == [False, False, False, True, False, False, False]


def test_words_counts_metrics_and_bands_decide_alike():
    label = [0, 1, 1, 0, 1, 0, 1]
    words = [decide(one, 0.3) == "corrosion detected" for one in PROBABILITIES]
    counts = confusion(label, PROBABILITIES, threshold=0.3)
    assert counts.tp + counts.fp == sum(words)
    right = sum(word == bool(one) for word, one in zip(words, label, strict=True))
    assert all_metrics(label, PROBABILITIES, threshold=0.3)["accuracy"] == right / len(label)
    rule = Rule(0.3, band=(0.3, 0.7))
    kept = [not rule.needs_review(one) for one in PROBABILITIES]
    found = apply_band(Band(0.3, 0.7, 0.3, 0.01), label, PROBABILITIES)
    assert found.coverage.value == sum(kept) / len(kept)


def test_without_a_band_nothing_is_for_an_inspector():
    assert not Rule(0.5, band=None).needs_review(0.5)
