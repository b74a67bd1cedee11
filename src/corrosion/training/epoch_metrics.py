"""What a network's predictions are worth: the metrics of the study, computed once an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd
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
)

from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.metric_table import LOGGED, METRICS
from corrosion.evaluation.predictions import predictions_table
from corrosion.models.training_distance import as_column

_UNDEFINED: Any = {"zero_division": math.nan, "validate_args": False}  # 0 by default, a bad value

_NEED_BOTH_CLASSES = tuple(key for key in LOGGED if METRICS[key].needs_both_classes)


@dataclass(frozen=True)
class Predictions:
    """Predictions for distinct images, sorted by index.

    Attributes:
        index: (N,) int64, row in the records, strictly increasing.
        logit: (N,) float32, as the network gives it, without temperature.
        label: (N,) int64, 0 or 1.
        loss: (N,) float32, binary cross-entropy of each image.
        distance: (N,) float32, distance of each to the nearest training image over the limit, as
            `CorrosionClassifier.unlike_training` gives it; None where the network has none.
    """

    index: Tensor
    logit: Tensor
    label: Tensor
    loss: Tensor
    distance: Tensor | None = None

    def probability(self, temperature: float = 1.0) -> Tensor:
        """Probability of corrosion, (N,) float32 in [0, 1]: sigmoid(logit / temperature)."""
        return (self.logit / temperature).sigmoid()

    def table(
        self, records: pd.DataFrame, *, threshold: float, temperature: float = 1.0
    ) -> pd.DataFrame:
        """The predictions beside the files they are for.

        Args:
            records: with a column `path`, whose rows the predictions are for.
            threshold: probability from which an image counts as corroded.
            temperature: of the probabilities.

        Returns:
            One row an image, as `corrosion.evaluation.predictions.predictions_table` gives it, and
            with distances a column `unlike_training`.
        """
        table = predictions_table(
            records["path"].to_numpy()[self.index.numpy()],
            self.label.numpy(),
            self.logit.numpy(),
            self.probability(temperature).numpy(),
            threshold=threshold,
        )
        if self.distance is None:
            return table
        return table.assign(unlike_training=as_column(self.distance))


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
    distances: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for state in ("logits", "labels", "losses", "indices", "distances"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(
        self,
        logits: Tensor,
        labels: Tensor,
        losses: Tensor,
        indices: Tensor,
        distances: Tensor | None = None,
    ) -> None:
        """Append a batch.

        Args:
            logits: (N,) float.
            labels: (N,) float or integer, 0 or 1.
            losses: (N,) float, loss of each image.
            indices: (N,) int64, row of each image in the records.
            distances: (N,) float, distance of each to the training images; None for unknown.
        """
        self.logits.append(logits.detach().float())
        self.labels.append(labels.detach())
        self.losses.append(losses.detach().float())
        self.indices.append(indices)
        unknown = torch.full_like(self.logits[-1], math.nan)
        self.distances.append(unknown if distances is None else distances.detach().float())

    def compute(self) -> Tensor:
        """Index, logit, label, loss and distance (NaN for unknown), (5, N) float64, of all batches.

        They come from all processes.
        """
        states = (self.indices, self.logits, self.labels, self.losses, self.distances)
        return torch.stack(
            [torch.cat(state if isinstance(state, list) else [state]).double() for state in states]
        )

    def restore(self, state: Tensor | None) -> None:
        """Take over what `compute` gave, (5, N) float64, or nothing, in place of all batches.

        Distances are not needed: an epoch that goes on is one of training.
        """
        self.reset()
        if state is not None:
            index, logits, labels, losses = state[:4]  # version 0.1 had no more
            self.update(logits, labels.float(), losses, index.long())

    def predictions(self) -> Predictions:
        """All images seen since the last reset, each once, on the CPU."""
        index, logit, label, loss, distance = self.compute().cpu()
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
            distance=None if distance.isnan().any() else distance[keep].float(),
        )


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
        (average precision of "no corrosion"). What is undefined is NaN: with one class only the
        last four, recall without corroded images, specificity without sound ones, precision where
        nothing is called corroded, F1 where nothing is and is called so.

    Example:
        >>> metrics = compute_metrics(torch.tensor([0.9, 0.2, 0.6]), torch.tensor([1, 0, 0]))
        >>> round(metrics["accuracy"], 4), metrics["auroc"]
        (0.6667, 1.0)
    """
    decision = is_corroded(probability, threshold).long()
    values = {
        "accuracy": float(binary_accuracy(decision, label, validate_args=False)),
        "precision": float(binary_precision(decision, label, **_UNDEFINED)),
        "recall": float(binary_recall(decision, label, **_UNDEFINED)),
        "specificity": float(binary_recall(1 - decision, 1 - label, **_UNDEFINED)),
        "f1": float(binary_f1_score(decision, label, **_UNDEFINED)),
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
