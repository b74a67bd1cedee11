import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from corrosion.evaluation.metric_table import LOGGED
from corrosion.training.epoch_metrics import PredictionStore, compute_metrics

# paper, section 3: TP, FN, TN, FP and accuracy, precision, recall, F1, kappa as published
PAPER = {
    "resnet50": ((180, 9, 215, 5), (0.9658, 0.9730, 0.9524, 0.9626, 0.9310)),
    "mobilenetv2": ((172, 17, 208, 12), (0.9291, 0.9348, 0.9101, 0.9223, 0.8571)),
    "nasnetmobile": ((178, 11, 214, 6), (0.9584, 0.9674, 0.9418, 0.9544, 0.9162)),
    "efficientnetv2b0": ((175, 14, 217, 3), (0.9584, 0.9831, 0.9259, 0.9537, 0.9160)),
}


@pytest.mark.parametrize("model", PAPER)
def test_published_confusion_matrices_give_the_published_metrics(model):
    (tp, fn, tn, fp), published = PAPER[model]
    label = torch.tensor([1] * (tp + fn) + [0] * (tn + fp))
    probability = torch.tensor([0.9] * tp + [0.1] * fn + [0.1] * tn + [0.9] * fp)
    metrics = compute_metrics(probability, label)
    found = [metrics[name] for name in ("accuracy", "precision", "recall", "f1", "kappa")]
    assert [round(value, 4) for value in found] == list(published)
    assert metrics["specificity"] == pytest.approx(tn / (tn + fp))


scored = st.lists(
    st.tuples(st.floats(0, 1, width=32), st.integers(0, 1)), min_size=2, max_size=40
).filter(lambda pairs: len({label for _, label in pairs}) == 2)


@given(scored, st.floats(0.1, 0.9))
def test_metrics_agree_with_scikit_learn(pairs, threshold):
    score = torch.tensor([pair[0] for pair in pairs])
    label = torch.tensor([pair[1] for pair in pairs])
    predicted = (score >= threshold).long()
    metrics = compute_metrics(score, label, threshold=threshold)
    expected = {
        "accuracy": sk.accuracy_score(label, predicted),
        "precision": sk.precision_score(label, predicted, zero_division=math.nan),
        "recall": sk.recall_score(label, predicted, zero_division=0),
        "specificity": sk.recall_score(label, predicted, pos_label=0, zero_division=0),
        "f1": sk.f1_score(label, predicted, zero_division=0),
        "auroc": sk.roc_auc_score(label, score),
        "auprc": sk.average_precision_score(label, score),
        "auprc_negative": sk.average_precision_score(1 - label, 1 - score),
        "kappa": sk.cohen_kappa_score(label, predicted),
    }
    assert metrics == pytest.approx(expected, abs=1e-5, nan_ok=True)


def test_metrics_that_need_both_classes_are_undefined_with_one():
    metrics = compute_metrics(torch.tensor([0.9, 0.8]), torch.tensor([1, 1]))
    assert {"loss", *metrics} == set(LOGGED)
    assert metrics["accuracy"] == 1.0
    for name in ("auroc", "auprc", "auprc_negative", "kappa"):
        assert math.isnan(metrics[name])


@pytest.mark.parametrize(
    ("probability", "label", "undefined"),
    [
        ([0.1, 0.2], [1, 0], {"precision"}),
        ([0.9, 0.2], [0, 0], {"recall", "kappa", "auroc", "auprc", "auprc_negative"}),
        (
            [0.1, 0.2],
            [0, 0],
            {"precision", "recall", "f1", "kappa", "auroc", "auprc", "auprc_negative"},
        ),
        ([0.9, 0.2], [1, 1], {"specificity", "kappa", "auroc", "auprc", "auprc_negative"}),
    ],
)
def test_what_no_image_tells_is_undefined_not_zero(probability, label, undefined):
    metrics = compute_metrics(torch.tensor(probability), torch.tensor(label))
    assert {name for name, value in metrics.items() if math.isnan(value)} == undefined


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_a_store_counts_each_image_once_in_order_of_its_index(indices):
    store = PredictionStore()
    index = torch.tensor(indices)
    for part in index.split(7):
        store.update(part.float(), part % 2, part * 0.1, part)
    predictions = store.predictions()
    assert predictions.index.tolist() == sorted(set(indices))
    torch.testing.assert_close(predictions.logit, predictions.index.float())
    assert torch.equal(predictions.label, predictions.index % 2)


def test_a_store_is_empty_after_a_reset():
    store = PredictionStore()
    store.update(torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.tensor([0, 1]))
    store.reset()
    store.update(torch.ones(1), torch.ones(1), torch.zeros(1), torch.tensor([5]))
    assert store.predictions().index.tolist() == [5]
