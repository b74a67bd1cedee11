"""The network over batches of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from corrosion.data.image_reader import ImageInput, square_batch
from corrosion.errors import CorrosionError
from corrosion.explanation.explanation import Explanation, explain_inputs
from corrosion.models.classifier import CorrosionClassifier


@dataclass(frozen=True, eq=False)
class Output:
    """What the network says of one input.

    Attributes:
        image: the input, as it was read.
        logit: logit of corrosion, as the network gives it; None if the input can't be read.
        probability: probability of corrosion, calibrated, in [0, 1]; None likewise.
        explanation: explanation whose map covers the network's square input, if it was asked for.
    """

    image: ImageInput
    logit: float | None = None
    probability: float | None = None
    explanation: Explanation | None = None


def predict_batch(
    network: CorrosionClassifier, images: Sequence[ImageInput], *, explain: bool = False
) -> list[Output]:
    """Run the network over a batch.

    Args:
        network: a network in evaluation mode, on any device.
        images: inputs as an `ImageReader` gives them; those that can't be read are passed through.
        explain: make a class activation map of each too.

    Returns:
        One output an input, in their order.

    Raises:
        CorrosionError: the network gives NaN.
    """
    readable = [one for one in images if one.square is not None]
    if not readable:
        return [Output(one) for one in images]
    batch = square_batch(readable).to(network.mean.device)
    found: list[tuple[float, float, Explanation | None]]
    if explain:
        found = [(one.logit, one.probability, one) for one in explain_inputs(network, batch)]
    else:
        with torch.inference_mode():
            logits = network.predict_logits(batch).float().cpu()
        if not logits.isfinite().all():
            raise CorrosionError("The network gives NaN: its weights are damaged.")
        probabilities = network.calibrated(logits)
        found = [
            (*pair, None) for pair in zip(logits.tolist(), probabilities.tolist(), strict=True)
        ]
    remaining = iter(found)
    return [Output(one) if one.square is None else Output(one, *next(remaining)) for one in images]
