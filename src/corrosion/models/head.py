"""The head of the study: from a feature map to one logit an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from corrosion.models.pooling import pool
from corrosion.settings.model import Pooling


class ClassifierHead(nn.Module):
    """The head of the study (paper, section 2.3), from a feature map to one logit.

    Spatial dropout (whole channels), pooling (`corrosion.models.pooling`; as published by
    averaging), dense + ReLU, dropout, dense(1).
    The sigmoid is left to the loss and to `CorrosionClassifier.predict_proba`.

    Shapes: (N, C, H, W) float -> (N,) float.

    Example:
        >>> head = ClassifierHead(1280, dense_units=192, spatial_dropout=0.4667, dropout=0.3163)
        >>> head(torch.zeros(2, 1280, 7, 7)).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_features: int,
        *,
        dense_units: int,
        spatial_dropout: float,
        dropout: float,
        pooling: Pooling = "mean",
    ) -> None:
        super().__init__()
        self.pooling: Pooling = pooling
        self.spatial_dropout = nn.Dropout2d(spatial_dropout)
        self.dense = nn.Linear(in_features, dense_units)
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(dense_units, 1)
        for layer in (self.dense, self.logit):  # Keras' Dense initialisation
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, H, W) to logits (N,)."""
        return self.forward_pooled(pool(self.spatial_dropout(features), self.pooling))

    def forward_pooled(self, pooled: Tensor) -> Tensor:
        """Map pooled features (N, C) to logits (N,)."""
        hidden = self.dropout(torch.relu(self.dense(pooled)))
        return self.logit(hidden).squeeze(1)
