"""How far photographs are from those a network was trained on: out-of-distribution detection.

A classifier of corrosion gives a probability for a flower too, and may be sure of it. What the
head sees of a photograph, its pooled features, lies near that of some training photograph if the
network has learnt from anything like it. So the distance to the nearest one tells the two apart
(Sun, Ming, Zhu & Li, "Out-of-distribution detection with deep nearest neighbors", ICML 2022:
features normalised to length 1, distance to the k-th neighbour; here k = 1, which
`benchmarks/unlike_training.py` compares with larger k and with Mahalanobis distances).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models.pooling import pool
from corrosion.settings.model import Pooling

MOST_REFERENCES = 2_000
"""Training photographs that a checkpoint keeps the features of, at most."""

POOLING: Pooling = "rms"
"""How feature maps are pooled for it where the head does not say: pictures without metal stand out
more than by means, above all after fine-tuning (docs/results.md)."""

ACCEPTED = 0.95
"""Share of the validation photographs that the limit lets pass."""

# half precision moves a feature vector by about 3e-4: below that all distances are the same
_SMALLEST_LIMIT = 1e-3


class TrainingDistance(nn.Module):
    """Distance of pooled features to the nearest of the training photographs, over a limit.

    The reference moves to the network's device with it, but is no part of a state dict. It is kept
    in half precision; distances are computed in float32, also under autocast.

    Args:
        reference: (M, C) float, pooled features of M training photographs; of any length, which
            becomes 1.
        limit: distance from which on photographs count as unlike the training photographs, above
            0; `with_limit` chooses it.
        pooling: how the features were pooled: see `corrosion.models.pooling.pool`.

    Shapes:
        features (N, C) float -> (N,) float32, at least 0; above 1 is unlike.

    Raises:
        CorrosionError: the reference has another shape, is empty or not finite, or the limit is not
            above 0.

    Example:
        >>> distance = TrainingDistance(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), limit=0.5)
        >>> distance(torch.tensor([[3.0, 3.0], [0.0, 1.0]])).round(decimals=2)
        tensor([0.0000, 1.5300])
    """

    reference: Tensor
    limit: float

    def __init__(self, reference: Tensor, limit: float = 1.0, *, pooling: Pooling = "mean") -> None:
        super().__init__()
        if reference.ndim != 2 or not len(reference) or not reference.isfinite().all():
            raise CorrosionError(
                f"reference of shape {tuple(reference.shape)}: give finite features (M, C) of at "
                f"least one training photograph."
            )
        if not 0 < limit < math.inf:
            raise CorrosionError(f"limit={limit}: give a distance above 0.")
        self.limit = limit
        self.pooling: Pooling = pooling
        directions = F.normalize(reference.float(), dim=1).half()
        self.register_buffer("reference", directions, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Distances of features (N, C) over the limit, (N,) float32."""
        with torch.autocast(features.device.type, enabled=False):
            directions = F.normalize(features.float(), dim=1)
            reference = F.normalize(self.reference.float(), dim=1)  # undoes what rounding did
            nearest = (directions @ reference.T).amax(dim=1)
            return (2 - 2 * nearest).clamp_min(0).sqrt() / self.limit

    def of_map(self, features: Tensor) -> Tensor:
        """Distances of feature maps (N, C, H, W) over the limit, (N,) float32."""
        return self(pool(features.float(), self.pooling))

    def with_limit(self, distances: Tensor) -> TrainingDistance:
        """The same reference with a limit that lets `ACCEPTED` of validation pass.

        Args:
            distances: (V,) float, what `forward` gave for the validation photographs.

        Raises:
            CorrosionError: a distance is not finite, or there is none.

        Example:
            >>> distance = TrainingDistance(torch.eye(2))
            >>> round(distance.with_limit(torch.linspace(0.1, 2.0, 20)).limit, 2)
            1.9
        """
        if not len(distances) or not distances.isfinite().all():
            raise CorrosionError("The distances of validation photographs are not finite.")
        # "inverted_cdf" is a distance that occurs, so that at least this share lies within it
        within = np.quantile(distances.double().cpu().numpy(), ACCEPTED, method="inverted_cdf")
        limit = max(float(within) * self.limit, _SMALLEST_LIMIT)
        return TrainingDistance(self.reference, limit, pooling=self.pooling)

    def with_limit_among(self, group: NDArray[Any]) -> TrainingDistance:
        """The same reference with a limit that lets `ACCEPTED` of its own photographs pass.

        For where no photograph is left that was not learnt from: each is taken for a new one, and
        those of its own group for unknown.

        Args:
            group: (M,) what near-duplicates have in common.

        Raises:
            CorrosionError: all photographs are of one group.

        Example:
            >>> distance = TrainingDistance(torch.eye(2))
            >>> round(distance.with_limit_among(np.array([0, 1])).limit, 2)
            1.41
        """
        directions = F.normalize(self.reference.float(), dim=1)
        alike = directions @ directions.T
        same = torch.from_numpy(group[:, None] == group[None, :]).to(alike.device)
        if same.all():
            raise CorrosionError("All photographs are of one group: nothing tells what is unlike.")
        nearest = alike.masked_fill(same, -1).amax(dim=1)
        distances = (2 - 2 * nearest).clamp_min(0).sqrt()
        return TrainingDistance(self.reference, pooling=self.pooling).with_limit(distances)


def as_column(distances: Tensor) -> NDArray[np.float64]:
    """Distances as tables show them and as decisions use them: to three decimals.

    Args:
        distances: (N,) float, on any device.

    Returns:
        (N,) float64.

    Example:
        >>> as_column(torch.tensor([1.0004, 1.0006])).tolist()
        [1.0, 1.001]
    """
    return np.round(distances.double().cpu().numpy(), 3)
