"""The network over batches of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch

from corrosion.data.image_reader import ImageInput
from corrosion.data.images import read_image, reason_of
from corrosion.errors import CorrosionError, RunEndingError
from corrosion.evaluation.decisions import DETECTED, Rule
from corrosion.evaluation.told_kinds import told_kinds
from corrosion.explanation.explaining import explain_inputs
from corrosion.explanation.pyramid import MAP_SIDE, Pyramid
from corrosion.explanation.rust_mask import rust_evidence
from corrosion.models.batch import square_batch
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.training_distance import as_column
from corrosion.prediction.outputs import Output, each_output
from corrosion.prediction.tiled import TileViewer

_PIXELS = 13 * 2**20  # bytes of a batch's pixels on a processor: 16 of 260 x 260 in float32
_FEWEST = 8


def predict_batch(
    network: CorrosionClassifier,
    images: Sequence[ImageInput],
    *,
    explain: bool = False,
    fine: bool = False,
    masks: Rule | None = None,
    tiles: TileViewer | None = None,
) -> list[Output]:
    """Run the network over a batch.

    Args:
        network: a network in evaluation mode, on any device.
        images: inputs as an `ImageReader` gives them; those that can't be read are passed through.
        explain: make a class activation map of each too.
        fine: with `explain`, make fine maps, for which photographs are read once more.
        masks: give the evidence of masks of rust, where this rule detects corrosion; photographs
            are read once more for it. None for no masks.
        tiles: look at photographs in tiles too, for which they are read once more. None for not.

    Returns:
        One output an input, in their order. An input of which the fine map or the evidence can't be
        made has neither, and an error that says why; where the network or its tiles fail, it has no
        probability either.

    Raises:
        CorrosionError: the network gives NaN, whatever the image.
    """
    outputs = each_output(partial(_in_parts, network, explain=explain), images)
    if tiles is not None:
        outputs = [_tiled(network, output, tiles) for output in outputs]
    return [_looked_at(network, output, fine=explain and fine, masks=masks) for output in outputs]


def _in_parts(
    network: CorrosionClassifier, images: Sequence[ImageInput], *, explain: bool
) -> list[Output]:
    """Run the network over readable inputs, on a processor over few at a time.

    There a larger batch is no faster, and its features would be most of the process's memory.
    """
    step = len(images)
    if network.mean.device.type == "cpu":
        pixels = 3 * network.image_size**2 * network.mean.element_size()
        step = max(_FEWEST, _PIXELS // pixels)
    parts = (images[first : first + step] for first in range(0, len(images), step))
    return [output for part in parts for output in _outputs(network, part, explain)]


def _outputs(
    network: CorrosionClassifier, images: Sequence[ImageInput], explain: bool
) -> list[Output]:
    batch = square_batch(images).to(network.mean.device)
    if explain:
        return [
            Output(image, one.logit, one.probability, one.unlike_training, one, kind=one.kind)
            for image, one in zip(images, explain_inputs(network, batch), strict=True)
        ]
    with torch.inference_mode():
        raw, distance, kinds = network.answers(batch)
    logits = raw.float().cpu()
    if not logits.isfinite().all():
        raise CorrosionError("The network gives NaN: its weights are damaged.")
    probabilities = network.calibrated(logits).tolist()
    unlike = [None] * len(logits) if distance is None else as_column(distance).tolist()
    chances = None if kinds is None else kinds.float().softmax(dim=1).cpu().numpy()
    told = told_kinds(network.kinds, chances, len(logits))
    rows = zip(images, logits.tolist(), probabilities, unlike, strict=True)
    return [replace(Output(*row), kind=kind) for row, kind in zip(rows, told, strict=True)]


def _tiled(network: CorrosionClassifier, output: Output, tiles: TileViewer) -> Output:
    """An output of which the tiles decide, where there are several."""
    image, probability = output.image, output.probability
    if probability is None or image.shape is None or tiles.tiling.grid(*image.shape) is None:
        return output
    try:
        pixels = read_image(image.path) if image.photograph is None else image.photograph
        view = tiles.look(
            network, pixels, whole_probability=probability, explained=output.explanation
        )
    except RunEndingError:
        raise
    except Exception as error:  # whatever one file does must not stop the others
        return Output(replace(image, square=None, error=f"no tiles: {reason_of(error)}"))
    if view is None:  # another photograph than a moment ago
        return output
    return replace(output, probability=view.probability, explanation=view.explanation, tiles=view)


def _looked_at(
    network: CorrosionClassifier, output: Output, *, fine: bool, masks: Rule | None
) -> Output:
    """An output with what takes the photograph at a higher resolution than the network's input."""
    image, explanation, probability = output.image, output.explanation, output.probability
    if output.tiles is not None:
        return output
    masked = masks is not None and probability is not None and masks.decide(probability) == DETECTED
    if not masked and (explanation is None or not fine):
        return output
    try:
        pixels = image.photograph
        if pixels is None:
            pixels = read_image(image.path, min_side=MAP_SIDE)  # more would be shrunk
        pyramid = Pyramid(network, pixels)  # two of its levels serve both
        if explanation is not None and fine:
            output = replace(output, explanation=replace(explanation, map=pyramid.map()))
        if not masked:
            return output
        return replace(output, evidence=rust_evidence(network, pixels, pyramid))
    except RunEndingError:
        raise
    except Exception as error:
        what = "fine map" if fine and output.explanation is explanation else "mask"
        failed = replace(image, error=f"no {what}: {reason_of(error)}")
        return replace(output, image=failed, explanation=None if fine else explanation)
