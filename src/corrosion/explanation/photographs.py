"""`corrosion.explain`, and photographs from files explained one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from corrosion.data.failing_images import each_or_error
from corrosion.data.geometry import shrink_to
from corrosion.data.image_reader import ImageInput, ImageReader, Item, batched
from corrosion.data.image_sources import ImageSource, image_items
from corrosion.data.images import ImageError, read_image, reason_of
from corrosion.data.resizing import Resize, build_resize, whole
from corrosion.errors import CorrosionError, RunEndingError
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.cam import activation_maps
from corrosion.explanation.explaining import explain_inputs, explanations_of
from corrosion.explanation.explanation import Explanation, over_photograph
from corrosion.explanation.pyramid import MAP_SIDE, check_fine_method, refined
from corrosion.models.batch import image_batch, square_batch
from corrosion.models.checkpoint import check_network
from corrosion.models.classifier import CorrosionClassifier
from corrosion.system.processors import usable_processors


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph and its explanation.

    Attributes:
        path: path of the file.
        image: (H, W, 3) uint8 RGB, upright, at full resolution.
        explanation: explanation whose map has the same (H, W).
    """

    path: str
    image: NDArray[np.uint8]
    explanation: Explanation


def explain(
    network: CorrosionClassifier,
    images: ImageSource | Iterable[ImageSource],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    threshold: str | float | None = None,
    fine: bool = False,
    every: float = 1.0,
    recursive: bool = False,
    batch_size: int = 32,
) -> list[Explanation]:
    """Explain photographs, from files or from memory, by class activation maps.

    Args:
        network: a network as `corrosion.load_model` gives it.
        images: one or several, of any size, as `corrosion.predict` takes them; they are resized as
            training resizes them. A tensor (N, 3, H, W) or an array (N, H, W, 3) whose images have
            the network's `image_size` is explained as it is, floats unrounded.
        method: a name of `corrosion.explanation.cam.METHODS`.
        target: what the maps are evidence for: "corrosion", "no_corrosion" (or "none"), or
            "predicted" for each image's own decision.
        threshold: probability from which an image counts as corroded, in (0, 1), or words of the
            name of a threshold of the checkpoint, as "recall"; None for the checkpoint's own.
        fine: whether maps are means over several resolutions of the photograph, at the price of
            about 30 predictions each: see `corrosion.explanation.pyramid`.
        every: seconds between the frames of a video, 0 for all.
        recursive: whether subfolders of folders are searched.
        batch_size: images at once through the network, at least 1.

    Returns:
        One explanation an image, in the order of `images`, with the map over the whole photograph:
        (H, W) is the photograph's own. All maps are in memory at once; for many large photographs
        there is `explain_photographs`.

    Raises:
        CorrosionError: `network` is no network; the method, target or threshold is unknown, or the
            method gives no fine maps; there are no images, or something is no image; a logit or map
            is not finite.
        ImageError: naming the file that can't be read.

    Example:
        >>> import numpy as np
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64)
        >>> [found] = explain(network.eval(), np.zeros((480, 640, 3), dtype=np.uint8))
        >>> found.map.shape, found.map.dtype, found.target
        ((480, 640), dtype('float32'), 'corrosion')
    """
    check_network(network)
    if batch_size < 1:
        raise CorrosionError(f"batch_size={batch_size}: give a whole number from 1.")
    if fine:
        check_fine_method(method)
    least = decision_rule(network, threshold).threshold
    if not fine and _is_batch(images, network.image_size):
        batch = image_batch(images)  # type: ignore[arg-type]  # one of both, as was just asked
        maps = activation_maps(network, batch, method=method, target=target, threshold=least)
        height, width = batch.shape[-2:]
        return explanations_of(maps, maps.scaled((height, width)), least)
    items = image_items(images, recursive=recursive)
    if not items:
        raise CorrosionError("There is nothing to explain: give files, folders or images.")
    found = []
    for image, square, resize in _over_squares(
        network,
        items,
        method=method,
        target=target,
        threshold=least,
        every=every,
        keep_frames=fine,
        batch_size=batch_size,
    ):
        if isinstance(square, ImageError):
            raise square
        assert image.shape is not None
        content = items[image.item].content
        named = replace(
            square,
            path=image.path if content is None else None,
            frame=image.frame,
            time=image.time,
        )
        if fine:
            pixels = content if isinstance(content, np.ndarray) else image.photograph
            if pixels is None:
                encoded = content if isinstance(content, bytes) else None
                pixels = read_image(image.path, content=encoded, min_side=MAP_SIDE)
            named, resize = refined(network, named, pixels, method=method), whole(resize)
        found.append(over_photograph(named, resize, *image.shape))
    return found


def _is_batch(images: object, size: int) -> bool:
    """Whether images are a batch of the network's own size, which need not be resized."""
    if not isinstance(images, (Tensor, np.ndarray)) or images.ndim != 4:
        return False
    rows_first = isinstance(images, np.ndarray) and images.shape[1:] == (size, size, 3)
    return rows_first or tuple(images.shape[1:]) == (3, size, size)


def explain_photographs(
    network: CorrosionClassifier,
    paths: Iterable[str | Path],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    threshold: str | float | None = None,
    fine: bool = False,
    batch_size: int = 32,
    num_workers: int | None = None,
    max_side: int | None = None,
) -> Iterator[Photograph]:
    """Explain photographs from files, at their own resolution.

    Files are read as for a prediction (large JPEGs at reduced scale), so probabilities are the
    same; then once more in full, one at a time, so memory stays flat.

    Args:
        network: a network whose `image_size` and `resize` say how photographs become its input.
        paths: paths of image files.
        method: method of class activation maps, as `explain` takes it.
        target: what the maps are evidence for, as `explain` takes it.
        threshold: threshold of the decision, as `explain` takes it.
        fine: whether maps are means over several resolutions, as `explain` takes it.
        batch_size: number of images at once through the network.
        num_workers: number of threads that decode; None for one a processor.
        max_side: longest side in pixels, to which larger photographs are shrunk; None keeps them.

    Yields:
        One photograph a path, in their order.

    Raises:
        CorrosionError: the method, target or threshold is unknown, the method gives no fine maps,
            or a logit or map is not finite.
        ImageError: naming the file that can't be read.
    """
    for found in attempt_photographs(
        network,
        paths,
        method=method,
        target=target,
        threshold=threshold,
        fine=fine,
        batch_size=batch_size,
        num_workers=num_workers,
        max_side=max_side,
    ):
        if isinstance(found, ImageError):
            raise found
        yield found


def attempt_photographs(
    network: CorrosionClassifier,
    paths: Iterable[str | Path],
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    threshold: str | float | None = None,
    fine: bool = False,
    batch_size: int = 32,
    num_workers: int | None = None,
    max_side: int | None = None,
) -> Iterator[Photograph | ImageError]:
    """Explain photographs as `explain_photographs`; of one that can't be, yield what is wrong.

    Raises:
        CorrosionError: as `explain_photographs`, where it is no fault of a photograph.
    """
    if fine:
        check_fine_method(method)
    for image, square, resize in _over_squares(
        network,
        (Item(number, str(path)) for number, path in enumerate(paths)),
        method=method,
        target=target,
        threshold=decision_rule(network, threshold).threshold,
        batch_size=batch_size,
        num_workers=num_workers,
    ):
        if isinstance(square, ImageError):
            yield square
            continue
        try:
            pixels = shrink_to(read_image(image.path, min_side=max_side), max_side)
            named = replace(square, path=image.path)
            if fine:
                named, resize = refined(network, named, pixels, method=method), whole(resize)
            explanation = over_photograph(named, resize, *pixels.shape[:2])
        except RunEndingError:
            raise
        except Exception as error:  # whatever one file does must not stop the others
            yield ImageError(image.path, reason_of(error))
            continue
        yield Photograph(image.path, pixels, explanation)


def _over_squares(
    network: CorrosionClassifier,
    items: Iterable[Item],
    *,
    method: str,
    target: str,
    threshold: float,
    batch_size: int,
    every: float = 1.0,
    keep_frames: bool = False,
    num_workers: int | None = None,
) -> Iterator[tuple[ImageInput, Explanation | ImageError, Resize]]:
    """Each item's inputs with their explanations over the network's square input, or errors."""
    resize = build_resize(network.image_size, network.resize)
    threads = num_workers or usable_processors()
    reader = ImageReader(
        resize, every=every, keep_frames=keep_frames, threads=threads, ahead=2 * batch_size
    )

    def run(images: Sequence[ImageInput]) -> list[Explanation]:
        batch = square_batch(images)
        return explain_inputs(network, batch, method=method, target=target, threshold=threshold)

    for batch in batched(reader.inputs(items), batch_size):
        readable = [image for image in batch if image.square is not None]
        squares = iter(each_or_error(run, readable) if readable else ())
        for image in batch:
            failed = ImageError(image.path, image.error or "")
            yield image, failed if image.square is None else next(squares), resize
