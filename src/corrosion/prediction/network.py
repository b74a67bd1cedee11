"""The network over batches of shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from corrosion.errors import CorrosionError
from corrosion.explanation.explanation import Explanation, explain_inputs
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.reading import Shot


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network says of a shot.

    Attributes:
        shot: as it was read.
        logit: of corrosion, as the network gives it; None if the shot can't be read.
        probability: of corrosion, calibrated, in [0, 1]; None likewise.
        explanation: over the network's square input, if it was asked for.
    """

    shot: Shot
    logit: float | None = None
    probability: float | None = None
    explanation: Explanation | None = None


def look(
    network: CorrosionClassifier, shots: Sequence[Shot], *, explain: bool = False
) -> list[Seen]:
    """Run the network over a batch.

    Args:
        network: in evaluation mode, on any device.
        shots: those that can't be read are passed through.
        explain: make a class activation map of each too.

    Returns:
        One a shot, in their order.

    Raises:
        CorrosionError: the network gives NaN.
    """
    squares = [shot.square for shot in shots if shot.square is not None]
    if not squares:
        return [Seen(shot) for shot in shots]
    # permuted, not copied: this is channels_last
    images = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).to(network.mean.device)
    found: list[tuple[float, float, Explanation | None]]
    if explain:
        found = [(one.logit, one.probability, one) for one in explain_inputs(network, images)]
    else:
        with torch.inference_mode():
            logits = network.predict_logits(images).float().cpu()
        if not logits.isfinite().all():
            raise CorrosionError("The network gives NaN: its weights are damaged.")
        probabilities = network.calibrated(logits)
        found = [
            (*pair, None) for pair in zip(logits.tolist(), probabilities.tolist(), strict=True)
        ]
    remaining = iter(found)
    return [Seen(shot) if shot.square is None else Seen(shot, *next(remaining)) for shot in shots]
