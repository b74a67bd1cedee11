"""What a network's predictions are worth: the metrics of the study, computed once an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import (
    binary_accuracy,
    binary_auroc,
    binary_average_precision,
    binary_cohen_kappa,
    binary_f1_score,
    binary_precision,
    binary_recall,
    binary_specificity,
)

from corrosion.evaluation.metric_table import LOGGED
from corrosion.evaluation.metric_table import METRICS as TABLE

_OF_DECISIONS = {
    "accuracy": binary_accuracy,
    "precision": binary_precision,
    "recall": binary_recall,
    "specificity": binary_specificity,
    "f1": binary_f1_score,
}

METRICS = tuple(key for key in LOGGED if key != "loss")
"""Keys of what `compute_metrics` computes."""

_NEED_BOTH_CLASSES = tuple(key for key in METRICS if TABLE[key].needs_both_classes)


@dataclass(frozen=True)
class Predictions:
    """Predictions for distinct images, sorted by index.

    Attributes:
        index: (N,) int64, row in the records, strictly increasing.
        logit: (N,) float32, as the network gives it, without temperature.
        label: (N,) int64, 0 or 1.
        loss: (N,) float32, binary cross-entropy of each image.
    """

    index: Tensor
    logit: Tensor
    label: Tensor
    loss: Tensor

    def probability(self, temperature: float = 1.0) -> Tensor:
        """Probability of corrosion, (N,) float32 in [0, 1]: sigmoid(logit / temperature)."""
        return (self.logit / temperature).sigmoid()


class PredictionStore(Metric):
    """Collects logits over an epoch; `compute` gives each image once, from all processes.

    A distributed sampler repeats images to fill the last batches; counted twice they would
    change every metric (pytorch-lightning#7929), so images are told apart by their index.
    Appending tensors costs no synchronisation with the GPU, unlike updating metrics per batch.
    """

    full_state_update = False
    logits: list[Tensor]
    labels: list[Tensor]
    losses: list[Tensor]
    indices: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("logits", "labels", "losses", "indices"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor, losses: Tensor, indices: Tensor) -> None:
        """Append a batch.

        Args:
            logits: (N,) float.
            labels: (N,) float or integer, 0 or 1.
            losses: (N,) float, loss of each image.
            indices: (N,) int64, row of each image in the records.
        """
        self.logits.append(logits.detach().float())
        self.labels.append(labels.detach())
        self.losses.append(losses.detach().float())
        self.indices.append(indices)

    def compute(self) -> Tensor:
        """Index, logit, label and loss, (4, N) float64, of all batches of all processes."""
        states = (self.indices, self.logits, self.labels, self.losses)
        return torch.stack(
            [torch.cat(state if isinstance(state, list) else [state]).double() for state in states]
        )

    def restore(self, state: Tensor | None) -> None:
        """Take over what `compute` gave, (4, N) float64, or nothing, in place of all batches."""
        self.reset()
        if state is not None:
            index, logits, labels, losses = state
            self.update(logits, labels.float(), losses, index.long())

    def predictions(self) -> Predictions:
        """All images seen since the last reset, each once, on the CPU."""
        index, logit, label, loss = self.compute().cpu()
        # stable: of an image seen twice (padding, or several augmented versions) the first counts
        order = torch.argsort(index, stable=True)
        ordered = index[order]
        first = torch.ones_like(ordered, dtype=torch.bool)
        first[1:] = ordered[1:] != ordered[:-1]
        keep = order[first]
        return Predictions(
            index=index[keep].long(),
            logit=logit[keep].float(),
            label=label[keep].long(),
            loss=loss[keep].float(),
        )


def decide(probability: Tensor, threshold: float) -> Tensor:
    """Decisions (N,) int64, 1 = corrosion, from probabilities (N,): 1 from the threshold on."""
    return (probability >= threshold).long()


def compute_metrics(
    probability: Tensor, label: Tensor, *, threshold: float = 0.5
) -> dict[str, float]:
    """All metrics of a set of predictions.

    Args:
        probability: (N,) float in [0, 1], of corrosion.
        label: (N,) integer, 0 or 1.
        threshold: probability from which an image counts as corroded.

    Returns:
        accuracy, precision, recall, specificity, f1, kappa, auroc, auprc and auprc_negative
        (average precision of "no corrosion"). With one class only, the last four (kappa, auroc,
        auprc, auprc_negative) are NaN: they are undefined.

    Example:
        >>> metrics = compute_metrics(torch.tensor([0.9, 0.2, 0.6]), torch.tensor([1, 0, 0]))
        >>> round(metrics["accuracy"], 4), metrics["auroc"]
        (0.6667, 1.0)
    """
    decision = decide(probability, threshold)
    values = {
        name: float(metric(decision, label, validate_args=False))
        for name, metric in _OF_DECISIONS.items()
    }
    if label.unique().numel() < 2:
        return {**values, **dict.fromkeys(_NEED_BOTH_CLASSES, math.nan)}
    return {
        **values,
        "kappa": float(binary_cohen_kappa(decision, label, validate_args=False)),
        "auroc": float(binary_auroc(probability, label, validate_args=False)),
        "auprc": float(binary_average_precision(probability, label, validate_args=False)),
        "auprc_negative": float(
            binary_average_precision(1 - probability, 1 - label, validate_args=False)
        ),
    }
