"""Metrics of kinds of corrosion, compared with scikit-learn's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from corrosion.errors import CorrosionError
from corrosion.evaluation.kind_competence import KindCompetence, is_guessed, kinds_caution
from corrosion.evaluation.kind_tests import compare_kinds
from corrosion.evaluation.kinds import evaluate_kinds

NAMES = ("crevice", "pitting", "stress")
kinds = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=40)


def table(pairs, **columns):
    found = pd.DataFrame(pairs, columns=["kind", "told"])
    return found.assign(**{"detected": 1} | columns)


@settings(max_examples=15, deadline=None)
@given(kinds)
def test_metrics_are_those_of_scikit_learn(pairs):
    found = evaluate_kinds(table(pairs), NAMES)
    true, told = zip(*pairs, strict=True)
    assert (found.confusion == confusion_matrix(true, told, labels=list(NAMES))).all()
    there = sorted(set(true))
    assert found.metrics["accuracy"].value == pytest.approx(np.mean(np.equal(true, told)))
    macro = f1_score(true, told, labels=there, average="macro", zero_division=0)
    assert found.metrics["macro_f1"].value == pytest.approx(macro)
    recalls = [found.kinds[name].recall.value for name in there]
    assert found.metrics["balanced_accuracy"].value == pytest.approx(np.mean(recalls))
    if set(told) <= set(true) and len(there) > 1:
        expected = balanced_accuracy_score(true, told)
        assert found.metrics["balanced_accuracy"].value == pytest.approx(expected)
    for one in found.metrics.values():
        assert np.isnan(one.low) or one.low <= one.value <= one.high


def test_what_is_undefined_is_nan_and_told():
    found = evaluate_kinds(table([("crevice", "crevice"), ("crevice", "pitting")]), NAMES)
    stress = found.kinds["stress"]
    assert stress.images == 0
    assert np.isnan([stress.recall.value, stress.precision.value, stress.f1]).all()
    assert np.isnan(found.kinds["pitting"].recall.value)
    assert found.kinds["pitting"].precision.value == 0
    assert found.metrics["balanced_accuracy"].value == 0.5
    assert found.cautions[1:] == [
        "No test photograph shows pitting, stress: nothing is known of them.",
        "Fewer than 10 test photographs, so that figures are a hint only: crevice (2).",
    ]


def test_without_any_photograph_everything_is_undefined():
    found = evaluate_kinds(table([]), NAMES)
    assert found.images == 0
    assert all(np.isnan(one.value) for one in found.metrics.values())


def test_how_often_corrosion_is_detected_is_told_of_each_kind():
    pairs = [("crevice", "crevice")] * 4 + [("pitting", "crevice")] * 2
    found = evaluate_kinds(table(pairs, detected=[1, 1, 1, 0, 0, 0]), NAMES)
    assert found.kinds["crevice"].detected.value == 0.75
    assert found.kinds["pitting"].detected.value == 0


def test_near_duplicates_widen_the_intervals():
    right = [("crevice", "crevice"), ("crevice", "pitting")] * 10
    pairs = right + [("pitting", "pitting")] * 20
    alone = evaluate_kinds(table(pairs), NAMES)
    twins = evaluate_kinds(table(pairs, group=[*([0, 1] * 10), *range(2, 22)]), NAMES)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        wide, narrow = twins.metrics[name], alone.metrics[name]
        assert wide.value == narrow.value
        assert wide.high - wide.low > narrow.high - narrow.low


def test_a_kind_that_was_not_learnt_is_refused():
    with pytest.raises(CorrosionError, match="rust is no kind among crevice"):
        evaluate_kinds(table([("rust", "crevice")]), NAMES)


def test_plain_values_hold_the_matrix_and_every_kind():
    values = evaluate_kinds(table([("crevice", "pitting")]), NAMES).as_dict()
    assert values["confusion"] == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert values["kinds"]["crevice"]["images"] == 1
    assert values["accuracy"]["value"] == 0


@pytest.mark.parametrize(
    ("right", "others", "said"),
    [
        (9, 3, "accuracy 0.750 (95% interval"),  # as often as always saying pitting
        (12, 0, "on 12 test photographs, of which always saying pitting gets 0.750 right"),
        (18, 0, None),
        (0, 0, "no corroded test photograph"),
    ],
)
def test_kinds_that_guessing_tells_as_well_are_said_to_be_guesses(right, others, said):
    # the last quarter shows another kind, `others` of which are not told
    count = right + others
    pairs = [("pitting", "pitting")] * (3 * count // 4)
    pairs += [("crevice", "crevice")] * (count - len(pairs) - others)
    pairs += [("crevice", "pitting")] * others
    found = evaluate_kinds(table(pairs), NAMES)
    told = KindCompetence.read(found.competence.plain()).caution
    if said is None:
        assert told is None
        assert not is_guessed([])
    else:
        assert said in told
        assert told in found.cautions
        assert is_guessed(["another", told])
    assert is_guessed([kinds_caution(None)])  # of an earlier version


def test_networks_are_tested_on_the_photographs_whose_kind_both_were_tested_on():
    pairs = [("pitting", "pitting")] * 9 + [("crevice", "crevice")] * 3
    a = table(pairs, path=[f"{number}.jpg" for number in range(12)])
    b = a.assign(told=["crevice"] * 8 + ["pitting"] + ["crevice"] * 3)[::-1]
    more = pd.DataFrame({"path": ["new.jpg"], "kind": "stress", "told": "stress"})
    test, *others = compare_kinds(
        {"a": pd.concat([a, more]), "b": b, "c": b, "d": more.assign(path="another.jpg")}
    )
    assert (test.a, test.b, test.images) == ("a", "b", 12)
    assert test.difference.value == pytest.approx(8 / 12)
    assert 0 < test.difference.low < test.difference.value < test.difference.high <= 1
    assert test.p_exact == pytest.approx(2 * 0.5**8)  # McNemar's: 8 of 8 speak for a
    assert test.p_value == pytest.approx(0.5**8)
    assert test.p_holm == pytest.approx(3 * test.p_value)
    assert [(one.a, one.b, one.p_value) for one in others][-1] == ("b", "c", 1.0)
