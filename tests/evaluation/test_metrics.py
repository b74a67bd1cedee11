import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import EVALUATED
from corrosion.evaluation.metrics import (
    Confusion,
    WeightedMetrics,
    all_metrics,
    bin_of,
    confusion,
    decision_metrics,
)

# paper, section 3: TP, FN, TN, FP and accuracy, precision, recall, F1, kappa as published
PAPER = {
    "resnet50": ((180, 9, 215, 5), (0.9658, 0.9730, 0.9524, 0.9626, 0.9310)),
    "mobilenetv2": ((172, 17, 208, 12), (0.9291, 0.9348, 0.9101, 0.9223, 0.8571)),
    "nasnetmobile": ((178, 11, 214, 6), (0.9584, 0.9674, 0.9418, 0.9544, 0.9162)),
    "efficientnetv2b0": ((175, 14, 217, 3), (0.9584, 0.9831, 0.9259, 0.9537, 0.9160)),
}

# few distinct probabilities, so that ties, edges of bins and 0 and 1 are frequent
images = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(st.sampled_from([0.0, 0.2, 0.5, 0.6, 1.0]), st.floats(0, 1)),
        st.integers(0, 3),
    ),
    min_size=2,
    max_size=30,
)


def reference(label, score, weight, threshold):
    """Every metric by scikit-learn."""
    decided = (score >= threshold).astype(int)
    w = {"sample_weight": weight}
    nan = {**w, "zero_division": np.nan}
    values = {
        "accuracy": sk.accuracy_score(label, decided, **w),
        "precision": sk.precision_score(label, decided, **nan),
        "recall": sk.recall_score(label, decided, **nan),
        "specificity": sk.recall_score(label, decided, pos_label=0, **nan),
        "f1": sk.f1_score(label, decided, **nan),
        "kappa": sk.cohen_kappa_score(label, decided, **w),
        "mcc": sk.matthews_corrcoef(label, decided, **w),
        "balanced_accuracy": sk.balanced_accuracy_score(label, decided, **w),
        "auroc": sk.roc_auc_score(label, score, **w),
        "auprc": sk.average_precision_score(label, score, **w),
        "auprc_negative": sk.average_precision_score(1 - label, -score, **w),
        "brier": sk.brier_score_loss(label, score, **w),
        "log_loss": sk.log_loss(label, np.stack([1 - score, score], axis=1), **w),
    }
    expanded = np.repeat(np.arange(len(label)), weight)
    if len(expanded):
        values["ece"] = reference_ece(label[expanded], score[expanded])
    return values


def reference_ece(label, score):
    share, mean = calibration_curve(label, score, n_bins=15)
    images = np.histogram(bin_of(score), bins=np.arange(16) - 0.5)[0]
    return float((np.abs(share - mean) * images[images > 0]).sum() / len(label))


@given(images, st.sampled_from([0.2, 0.5, 0.55]))
def test_weighted_metrics_agree_with_scikit_learn(rows, threshold):
    label, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    assume(len(set(label[weight > 0])) == 2)
    found = WeightedMetrics(label, score, threshold=threshold)(weight[None].astype(float))
    expected = reference(label, score, weight, threshold)
    assert {name: float(found[name][0]) for name in EVALUATED} == pytest.approx(
        expected, abs=1e-9, nan_ok=True
    )


def test_each_row_of_weights_gives_the_metrics_of_that_resample():
    rng = np.random.default_rng(0)
    label, score = rng.integers(0, 2, 50), rng.random(50)
    drawn = rng.integers(50, size=(4, 50))
    weight = np.stack([np.bincount(row, minlength=50) for row in drawn]).astype(float)
    found = WeightedMetrics(label, score)(weight)
    for number, row in enumerate(drawn):
        expected = all_metrics(label[row], score[row])
        assert {name: found[name][number] for name in EVALUATED} == pytest.approx(expected)


@pytest.mark.parametrize("model", PAPER)
def test_published_confusion_matrices_give_the_published_metrics(model):
    (tp, fn, tn, fp), published = PAPER[model]
    found = decision_metrics(tp=tp, fn=fn, tn=tn, fp=fp)
    names = ("accuracy", "precision", "recall", "f1", "kappa")
    assert [round(float(found[name]), 4) for name in names] == list(published)


@given(images)
def test_the_confusion_matrix_agrees_with_scikit_learn(rows):
    label, score, _ = (np.array(column) for column in zip(*rows, strict=True))
    tn, fp, fn, tp = sk.confusion_matrix(label, score >= 0.5, labels=[0, 1]).ravel()
    assert confusion(label, score) == Confusion(tp=tp, fn=fn, tn=tn, fp=fp)


def test_a_probability_at_the_threshold_counts_as_corroded():
    assert confusion([1, 0], [0.3, 0.3], threshold=0.3) == Confusion(tp=1, fn=0, tn=0, fp=1)


@pytest.mark.parametrize("label", [0, 1])
def test_with_one_class_what_needs_both_is_undefined_and_the_rest_is_not(label):
    values = all_metrics([label] * 3, [0.9, 0.2, 0.6])
    undefined = {"kappa", "mcc", "balanced_accuracy", "auroc", "auprc", "auprc_negative"}
    undefined |= {"specificity"} if label else {"recall"}
    assert {name for name, value in values.items() if math.isnan(value)} == undefined
    assert values["accuracy"] == pytest.approx(2 / 3 if label else 1 / 3)


def test_precision_without_an_image_called_corroded_is_undefined_and_f1_is_0():
    values = all_metrics([1, 0, 1], [0.1, 0.2, 0.3])
    assert math.isnan(values["precision"])
    assert (values["f1"], values["recall"], values["specificity"]) == (0, 0, 1)


def test_f1_is_undefined_where_nothing_is_corroded_nor_called_so():
    assert math.isnan(all_metrics([0, 0], [0.1, 0.2])["f1"])


def test_constant_scores_are_worth_a_guess():
    values = all_metrics([1, 0, 0, 0], [0.7] * 4)
    assert (values["auroc"], values["kappa"], values["mcc"]) == (0.5, 0, 0)
    assert (values["auprc"], values["auprc_negative"]) == (0.25, 0.75)


def test_sure_and_wrong_costs_a_finite_log_loss():
    assert all_metrics([1, 0], [0.0, 0.0])["log_loss"] == pytest.approx(
        -math.log(2.2e-16) / 2, rel=1e-2
    )


@pytest.mark.parametrize(
    ("label", "score", "message"),
    [
        ([], [], "no predictions"),
        ([1, 0], [0.5], r"\(2,\) and \(1,\)"),
        ([1, 0, 1, 0], [0.5, math.nan, 0.5, math.nan], r"2 row\(s\) with no probability.*: 1, 3 "),
        ([1, 0], [0.5, 1.2], r"outside \[0, 1\]: 1 "),
        ([1, 2], [0.5, 0.5], "neither 0 nor 1: 1 "),
        ([1, math.nan], [0.5, 0.5], "neither 0 nor 1: 1 "),
        ([3] * 9, [0.5] * 9, r"0, 1, 2, 3, 4, \.\.\."),
    ],
)
def test_bad_predictions_are_refused_naming_their_rows(label, score, message):
    with pytest.raises(CorrosionError, match=message):
        all_metrics(label, score)
