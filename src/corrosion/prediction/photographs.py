"""`corrosion.predict`: probabilities and decisions for files, in Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from corrosion.data.transforms import build_resize
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import check_network
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.decisions import decision_rule
from corrosion.prediction.inputs import find_inputs
from corrosion.prediction.network import look
from corrosion.prediction.reading import Item, Reading, batched
from corrosion.system.processors import usable_processors


@dataclass(frozen=True)
class Prediction:
    """What a network says of a photograph or a frame.

    Attributes:
        path: of the file.
        probability: of corrosion, calibrated, in [0, 1]; None if the file can't be read.
        decision: "corrosion detected" or "no corrosion"; None likewise.
        review: an inspector shall look at it.
        frame: number in the video; None for photographs.
        time: seconds from the video's start; None for photographs.
        error: why the file can't be read.
    """

    path: str
    probability: float | None
    decision: str | None
    review: bool
    frame: int | None
    time: float | None
    error: str | None


def predict(
    network: CorrosionClassifier,
    paths: str | Path | Iterable[str | Path],
    *,
    threshold: str | float | None = None,
    every: float = 1.0,
    recursive: bool = False,
    batch_size: int = 32,
) -> list[Prediction]:
    """Predict photographs and videos.

    Args:
        network: as `corrosion.load_model` gives it.
        paths: a file, folder or pattern, or several: see `find_inputs`.
        threshold: see `decision_rule`.
        every: seconds between the frames of a video, 0 for all.
        recursive: look into subfolders.
        batch_size: images at once through the network.

    Returns:
        One a photograph or frame. Files that can't be read have an `error`.

    Raises:
        CorrosionError: no network, no paths, a path is missing or holds nothing, the threshold is
            unknown, or the network gives NaN.
    """
    check_network(network)
    named = list(paths) if isinstance(paths, Iterable) and not isinstance(paths, str) else [paths]
    for path in named:
        if not isinstance(path, (str, Path)):
            raise CorrosionError(
                f"a {type(path).__name__} is no path: give files, folders or patterns. Images in "
                f"memory are for model.predict_proba, as a batch (N, 3, H, W)."
            )
    items = [
        Item(number, path) for number, path in enumerate(find_inputs(named, recursive=recursive))
    ]
    rule = decision_rule(network, threshold)
    reading = Reading(
        build_resize(network.image_size, network.resize),
        every=every,
        threads=usable_processors(),
        ahead=2 * batch_size,
    )
    found = []
    for shots in batched(reading.shots(items), batch_size):
        for seen in look(network, shots):
            shot, probability = seen.shot, seen.probability
            found.append(
                Prediction(
                    shot.path,
                    probability,
                    rule.decide(probability) if probability is not None else None,
                    rule.needs_review(probability) if probability is not None else False,
                    shot.frame,
                    shot.time,
                    shot.error,
                )
            )
    return found
