import logging
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.errors import CorrosionError
from corrosion.evaluation.metrics import all_metrics, confusion
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.evaluation.thresholds import (
    at_least_recall,
    best_f1,
    lowest_cost,
    sweep,
)

LABEL = [0, 0, 1, 0, 1, 1]
SCORE = [0.1, 0.2, 0.3, 0.4, 0.6, 0.8]

images = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))),
    min_size=1,
    max_size=25,
).filter(lambda rows: any(label for label, _ in rows))


@given(images)
def test_a_sweep_counts_as_the_confusion_matrix_does_at_every_threshold(rows):
    label, score = zip(*rows, strict=True)
    table = sweep(label, score)
    assert len(table) == len(set(score)) + 1
    assert table["threshold"].is_monotonic_increasing
    for row in table.itertuples():
        counts = confusion(label, score, threshold=row.threshold)
        assert (row.tp, row.fn, row.tn, row.fp) == counts
    assert table["fn"].iloc[0] == table["tn"].iloc[0] == 0
    assert table["tp"].iloc[-1] == table["fp"].iloc[-1] == 0


def test_thresholds_lie_midway_between_probabilities():
    assert best_f1(LABEL, SCORE).value == pytest.approx(0.25)
    assert at_least_recall(LABEL, SCORE, 0.6).value == pytest.approx(0.5)


@given(images)
def test_no_threshold_has_a_better_f1_on_validation(rows):
    label, score = zip(*rows, strict=True)
    best = all_metrics(label, score, threshold=best_f1(label, score).value)["f1"]
    assert all(
        best >= all_metrics(label, score, threshold=other)["f1"] - 1e-12
        for other in (*score, 0, 0.5)
    )


@given(images, st.floats(0.01, 1))
def test_the_highest_threshold_that_reaches_a_recall_is_chosen(rows, recall):
    label, score = map(np.array, zip(*rows, strict=True))
    value = at_least_recall(label, score, recall).value
    reached = (score[label == 1] >= value).mean()
    assert reached >= recall - 1e-9
    higher = [one for one in np.unique(score) if one > value]
    if len(higher) > 1:  # the next threshold leaves out the lowest probability still kept
        assert (score[label == 1] >= higher[1]).mean() < recall


@given(images, st.floats(0.1, 10), st.floats(0.1, 10))
def test_no_threshold_is_cheaper_on_validation(rows, missed, alarm):
    label, score = zip(*rows, strict=True)

    def cost(threshold):
        counts = confusion(label, score, threshold=threshold)
        return missed * counts.fn + alarm * counts.fp

    chosen = lowest_cost(label, score, false_negative=missed, false_positive=alarm)
    assert all(cost(chosen.value) <= cost(other) + 1e-9 for other in (*score, 0, 1.1))


def test_a_dear_miss_lowers_the_threshold_and_a_dear_alarm_raises_it():
    low = lowest_cost(LABEL, SCORE, false_negative=10, false_positive=1)
    high = lowest_cost(LABEL, SCORE, false_negative=1, false_positive=10)
    assert low.value < high.value
    assert low.rule == "lowest cost (missed 10, false alarm 1)"


def test_thresholds_that_cannot_be_chosen_are_refused():
    with pytest.raises(CorrosionError, match="shows corrosion"):
        best_f1([0, 0], [0.1, 0.9])
    with pytest.raises(CorrosionError, match=r"min_recall=1\.5"):
        at_least_recall(LABEL, SCORE, 1.5)
    with pytest.raises(CorrosionError, match="costs 0 1"):
        lowest_cost(LABEL, SCORE, false_negative=0, false_positive=1)


@pytest.mark.parametrize(
    ("threshold", "level", "said"),
    [
        ("recall", "INFO", "of 0.119 to 0.25 count as corroded.* more false alarms than usual"),
        (0.2, "WARNING", "of 0.2 to 0.25 count as corroded"),
        (0.9, "WARNING", "of 0.7 to 0.9 count as free of corrosion.* missed corrosion"),
    ],
)
def test_what_another_threshold_decides_without_an_inspector_is_told(
    threshold, level, said, caplog
):
    thresholds = {"best F1": 0.41, "recall at least 0.98": 0.119414}
    network = SimpleNamespace(threshold=0.41, thresholds=thresholds, band=(0.25, 0.7))
    with caplog.at_level(logging.INFO):
        assert decision_rule(network, threshold).band == (0.25, 0.7)
    [record] = caplog.records
    assert record.levelname == level
    assert re.search(said, record.getMessage())
    assert "that an inspector decides from 0.25 to 0.7 was chosen for" in record.getMessage()
    assert "have them looked at too" in record.getMessage()


@pytest.mark.parametrize("threshold", [None, "F1", 0.3])
def test_a_threshold_among_the_probabilities_for_an_inspector_needs_no_word(threshold, caplog):
    network = SimpleNamespace(threshold=0.41, thresholds={"best F1": 0.41}, band=(0.25, 0.7))
    with caplog.at_level(logging.INFO):
        decision_rule(network, threshold)
    assert not caplog.records
