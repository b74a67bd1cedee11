"""`corrosion.predict`: probabilities and decisions for files and images in memory, in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from corrosion.data.image_reader import ImageReader, batched
from corrosion.data.image_sources import ImageSource, image_items
from corrosion.data.images import read_image, reason_of
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import CLEAN, DETECTED, Rule
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.share_interval import ShareInterval
from corrosion.prediction.journal import RustFacts, TileFacts
from corrosion.prediction.outputs import Inspector, Look, Output
from corrosion.report.inspection.surfaces import Photograph, WholePhotographs
from corrosion.settings.prediction import PredictionSettings, TileRuleName
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
        mask: (H, W) bool, where there is rust, in the image's own size; empty where no corrosion is
            detected, None without `masks` and where it could not be made.
        rust: the rusted share of the whole image with its interval, and grades; None likewise.
        tiles: what its tiles say; None without `tiles`, and where one holds all of it.
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
    mask: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)
    rust: RustFacts | None = None
    tiles: TileFacts | None = None


def predict(
    network: CorrosionClassifier | Inspector,
    images: ImageSource | Iterable[ImageSource],
    *,
    threshold: str | float | None = None,
    every: float = 1.0,
    recursive: bool = False,
    batch_size: int = 32,
    masks: bool = False,
    tiles: bool = False,
    tile_size: int | None = None,
    tile_overlap: float = 0.25,
    tile_rule: TileRuleName = "max",
    tile_k: int = 3,
    tile_share: float = 0.01,
    tile_validation: str | Path | None = None,
    tile_false_alarms: float = 0.05,
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
        masks: outline the rust, and measure it, as `corrosion predict --masks` does: a mask has the
            image's size, so keep an eye on memory.
        tiles: look at images in tiles too, as `corrosion predict --tiles` does; give
            `tile_validation`, or a number as `threshold`.
        tile_size: side of a tile in pixels, 32 at least; that of the network's input by default.
            Smaller tiles are enlarged to it, larger ones shrunk.
        tile_overlap: share of its side that a tile has in common with the next, up to 0.75.
        tile_rule: how many tiles must be corroded: "max" is one, "kth" `tile_k`, "share"
            `tile_share` of them.
        tile_k: number of corroded tiles of "kth".
        tile_share: share of corroded tiles of "share", in (0, 1].
        tile_validation: folder of corroded and one of sound photographs to choose the threshold on.
        tile_false_alarms: share of sound images that may be called corroded, in (0, 1).

    Returns:
        One prediction a photograph or frame, in the order of `images`. Files and bytes that can't
        be read have an `error`.

    Raises:
        CorrosionError: `network` is no network, there are no images, something is no image, a path
            is missing or holds nothing, the threshold is unknown, or the network gives NaN; a value
            is out of its range or means nothing with the others; an exported network is asked for
            masks or tiles.

    Example:
        >>> import numpy as np
        >>> from corrosion.models.classifier import CorrosionClassifier
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64)
        >>> photographs = np.zeros((2, 480, 640, 3), dtype=np.uint8)
        >>> found = predict(network.eval(), photographs, threshold=0.0001)
        >>> [one.decision for one in found]
        ['corrosion detected', 'corrosion detected']
    """
    if batch_size < 1:
        raise CorrosionError(f"batch_size={batch_size}: give a whole number from 1.")
    if not isinstance(network, Inspector):
        from corrosion.models.checkpoint import check_network

        check_network(network)
    rule = decision_rule(network, threshold)
    settings = PredictionSettings(
        threshold=threshold,
        batch_size=batch_size,
        masks=masks,
        tiles=tiles,
        tile_size=tile_size,
        tile_overlap=tile_overlap,
        tile_rule=tile_rule,
        tile_k=tile_k,
        tile_share=tile_share,
        tile_validation=None if tile_validation is None else Path(tile_validation),
        tile_false_alarms=tile_false_alarms,
    )
    look: Look
    measure: Callable[[Output, Prediction], Prediction] | None = None
    if isinstance(network, Inspector):
        _check_exported(settings)
        look = network.look
    else:
        look, measure = _look(network, rule, settings)
    items = image_items(images, recursive=recursive)
    if not items:
        raise CorrosionError("There is nothing to predict: give files, folders or images.")
    reader = ImageReader(
        build_resize(network.image_size, network.resize),
        every=every,
        threads=usable_processors(),
        ahead=2 * batch_size,
        keep_frames=masks or tiles,
    )
    found = []
    for batch in batched(reader.inputs(items), batch_size):
        for output in look(batch):
            one = _predicted(output, rule, named=items[output.image.item].content is None)
            found.append(one if measure is None else measure(output, one))
    return found


def _predicted(output: Output, rule: Rule, *, named: bool) -> Prediction:
    """What is told of an output, without its mask."""
    image, probability, unlike = output.image, output.probability, output.unlike_training
    decision: str | None = None
    review = False
    facts: TileFacts | None = None
    if probability is not None:
        decision, review = rule.decide(probability), rule.needs_review(probability, unlike)
        if output.tiles is not None:
            facts = output.tiles.facts
            decision = DETECTED if output.tiles.detected else CLEAN
            # the band is of probabilities of whole photographs
            review = rule.needs_review(facts.whole_probability, unlike)
    told = output.kind if decision == DETECTED else None
    return Prediction(
        image.path if named else None,
        probability,
        decision,
        review,
        image.frame,
        image.time,
        image.error,
        unlike,
        None if told is None else told.name,
        None if told is None else told.probability,
        tiles=facts,
    )


def _check_exported(settings: PredictionSettings) -> None:
    """Refuse what an exported network can't do.

    Raises:
        CorrosionError: masks or tiles are wanted.
    """
    for name in ("masks", "tiles"):
        if getattr(settings, name):
            raise CorrosionError(
                f"{name}=True: an exported network sees whole photographs at one size. Leave it "
                f"out, or give the checkpoint's network."
            )


def _look(
    network: CorrosionClassifier, rule: Rule, settings: PredictionSettings
) -> tuple[Look, Callable[[Output, Prediction], Prediction] | None]:
    """What asks a network in memory, and what measures rust where that is wanted."""
    from corrosion.prediction.batches import predict_batch

    viewer = None
    if settings.tiles:
        from corrosion.prediction.tile_validation import find_validation
        from corrosion.prediction.tile_viewer import tile_viewer

        chosen = settings.threshold is None
        validation = find_validation(None, settings.tile_validation) if chosen else None
        viewer, _ = tile_viewer(network, rule, settings, validation)
    look = partial(predict_batch, network, masks=rule if settings.masks else None, tiles=viewer)
    if not settings.masks:
        return look, None
    from corrosion.explanation.rust_mask import rust_mask
    from corrosion.prediction.mask_writer import share_interval

    return look, partial(_measured, share_interval(network, None, rust_mask))


def _measured(interval: ShareInterval, output: Output, told: Prediction) -> Prediction:
    """A prediction with its mask, and what it says."""
    from corrosion.prediction.mask_writer import rust_facts

    image = output.image
    if told.decision is None or image.shape is None or image.error is not None:
        return told
    try:
        mask = np.zeros(image.shape, dtype=bool)
        if output.tiles is not None and output.tiles.mask is not None:
            mask = output.tiles.mask
        elif output.evidence is not None:
            pixels = read_image(image.path) if image.photograph is None else image.photograph
            mask = output.evidence.mask(pixels)
        photograph = Photograph(image.path, "", "", "", (mask.shape[0], mask.shape[1]))
        facts = rust_facts(mask, photograph, WholePhotographs(), interval)
    except CorrosionError as error:
        return replace(told, error=f"no mask: {reason_of(error)}")
    return replace(told, mask=mask, rust=facts)
