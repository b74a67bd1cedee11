"""`corrosion.predict`: probabilities and decisions for files and images in memory, in Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from corrosion.data.image_reader import ImageReader, batched
from corrosion.data.image_sources import ImageSource, image_items
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import DETECTED
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.prediction.outputs import Inspector, Look
from corrosion.system.processors import usable_processors

if TYPE_CHECKING:  # torch, which an exported file does without
    from corrosion.models.classifier import CorrosionClassifier


@dataclass(frozen=True)
class Prediction:
    """What a network says of a photograph or a frame.

    Attributes:
        path: path of the file; None for an image in memory.
        probability: probability of corrosion, calibrated, in [0, 1]; None if the image can't be
            read.
        decision: "corrosion detected" or "no corrosion"; None likewise.
        review: whether an inspector shall look at it.
        frame: number of the frame in the video; None for photographs.
        time: seconds from the video's start; None for photographs.
        error: why the image can't be read; None if it can.
        unlike_training: distance to the nearest training photograph over the limit, to three
            decimals: above 1 the photograph is unlike all that the network was trained on, and goes
            to an inspector; None if it can't be read, and for checkpoints that can't tell.
        kind: the likeliest kind of corrosion; None where none is detected, and for checkpoints that
            tell no kinds.
        kind_probability: its probability given that there is corrosion, in [0, 1]; None likewise.
    """

    path: str | None
    probability: float | None
    decision: str | None
    review: bool
    frame: int | None
    time: float | None
    error: str | None
    unlike_training: float | None = None
    kind: str | None = None
    kind_probability: float | None = None


def predict(
    network: CorrosionClassifier | Inspector,
    images: ImageSource | Iterable[ImageSource],
    *,
    threshold: str | float | None = None,
    every: float = 1.0,
    recursive: bool = False,
    batch_size: int = 32,
) -> list[Prediction]:
    """Predict photographs and videos, from files or from memory.

    All images are resized as training resizes them, so an image in memory gets the probability of
    its file.

    Args:
        network: a network as `corrosion.load_model` or `corrosion.runtime.load` gives it.
        images: one or several, of any size, and of different kinds if you like: paths of files,
            folders, patterns and videos; bytes of a file; binary file objects; images of PIL;
            arrays (H, W, 3) or (N, H, W, 3); tensors (3, H, W) or (N, 3, H, W). Arrays and tensors
            are RGB, uint8 in [0, 255] or float in [0, 1]. The EXIF orientation of files, bytes and
            images of PIL is applied.
        threshold: probability from which corrosion counts as detected, in (0, 1), or words of the
            name of a threshold of the checkpoint, as "recall"; None for the checkpoint's own.
        every: seconds between the frames of a video, 0 for all.
        recursive: whether subfolders of folders are searched.
        batch_size: images at once through the network, at least 1.

    Returns:
        One prediction a photograph or frame, in the order of `images`. Files and bytes that can't
        be read have an `error`.

    Raises:
        CorrosionError: `network` is no network, there are no images, something is no image, a path
            is missing or holds nothing, the threshold is unknown, or the network gives NaN.

    Example:
        >>> import numpy as np
        >>> from corrosion.models.classifier import CorrosionClassifier
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64)
        >>> photographs = np.zeros((2, 480, 640, 3), dtype=np.uint8)
        >>> found = predict(network.eval(), photographs, threshold=0.0001)
        >>> [one.decision for one in found]
        ['corrosion detected', 'corrosion detected']
    """
    look = network.look if isinstance(network, Inspector) else _look(network)
    if batch_size < 1:
        raise CorrosionError(f"batch_size={batch_size}: give a whole number from 1.")
    rule = decision_rule(network, threshold)
    items = image_items(images, recursive=recursive)
    if not items:
        raise CorrosionError("There is nothing to predict: give files, folders or images.")
    reader = ImageReader(
        build_resize(network.image_size, network.resize),
        every=every,
        threads=usable_processors(),
        ahead=2 * batch_size,
    )
    found = []
    for batch in batched(reader.inputs(items), batch_size):
        for output in look(batch):
            image, probability = output.image, output.probability
            unlike = output.unlike_training
            decision = rule.decide(probability) if probability is not None else None
            told = output.kind if decision == DETECTED else None
            found.append(
                Prediction(
                    image.path if items[image.item].content is None else None,
                    probability,
                    decision,
                    rule.needs_review(probability, unlike) if probability is not None else False,
                    image.frame,
                    image.time,
                    image.error,
                    unlike,
                    *(told or (None, None)),
                )
            )
    return found


def _look(network: CorrosionClassifier) -> Look:
    from corrosion.models.checkpoint import check_network
    from corrosion.prediction.batches import predict_batch

    check_network(network)
    return partial(predict_batch, network)
