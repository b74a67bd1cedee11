"""The second head: what kind of corrosion a photograph shows, given that it shows any.

It is linear, on the same pooled features as the first one, and is found when the training is over
(`corrosion.training.kinds`): the backbone, the first head, and so every answer about corrosion stay
what they are without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models.pooling import pool
from corrosion.settings.model import Pooling


class KindHead(nn.Module):
    """Maps pooled features to a logit a kind; softmax gives probabilities.

    It moves to the network's device with it, but is no part of a state dict. It computes in
    float32, also under autocast.

    Args:
        names: names of K kinds, at least two, all different.
        weight: (K, C) float.
        bias: (K,) float.
        competence: plain values of `corrosion.evaluation.kind_competence.KindCompetence`; None
            where nothing is known of it.

    Shapes:
        features (N, C) float -> (N, K) float32.

    Raises:
        CorrosionError: the shapes don't fit each other, a value is not finite, or a name is there
            twice.

    Example:
        >>> head = KindHead(("pitting", "uniform"), torch.eye(2), torch.zeros(2))
        >>> head(torch.tensor([[2.0, 0.0]])).softmax(dim=1).round(decimals=2)
        tensor([[0.8800, 0.1200]])
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        names: Sequence[str],
        weight: Tensor,
        bias: Tensor,
        competence: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        count = len(names)
        if count < 2 or len(set(names)) < count:
            raise CorrosionError(f"kinds={list(names)}: give two or more, all different.")
        if weight.ndim != 2 or len(weight) != count or bias.shape != (count,):
            raise CorrosionError(
                f"a head of {count} kinds has weights ({count}, C) and biases ({count},), not "
                f"{tuple(weight.shape)} and {tuple(bias.shape)}."
            )
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise CorrosionError("the weights of the head of kinds are not finite (NaN).")
        self.names = tuple(names)
        self.competence = competence
        self.register_buffer("weight", weight.float(), persistent=False)
        self.register_buffer("bias", bias.float(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) float32 of pooled features (N, C)."""
        with torch.autocast(features.device.type, enabled=False):
            return features.float() @ self.weight.T + self.bias

    def stored(self) -> dict[str, Any]:
        """Plain values and tensors, as a checkpoint keeps them."""
        known = {} if self.competence is None else {"competence": dict(self.competence)}
        return {
            "names": list(self.names),
            "weight": self.weight.cpu(),
            "bias": self.bias.cpu(),
            **known,
        }


class KindLogit(nn.Module):
    """The logit of one kind over the mean of all, which a map is evidence for.

    A softmax does not see what all logits have in common, so it is no evidence for any kind.

    Args:
        head: the head.
        number: number of the kind, from 0.
        pooling: how the features that it was found on were pooled.

    Shapes:
        features (N, C, h, w) float -> (N,) float32.
    """

    def __init__(self, head: KindHead, number: int, pooling: Pooling = "mean") -> None:
        super().__init__()
        self.pooling: Pooling = pooling
        weight, bias = (one - one.mean(dim=0) for one in (head.weight, head.bias))
        # parameters, by which pytorch-grad-cam tells the device
        self.weight = nn.Parameter(weight[number].clone(), requires_grad=False)
        self.bias = nn.Parameter(bias[number].clone(), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """Scores (N,) of feature maps (N, C, h, w)."""
        return pool(features.float(), self.pooling) @ self.weight + self.bias
