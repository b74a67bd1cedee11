"""An exported network: `corrosion.runtime.load`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrosion.data.image_reader import ImageInput, ImageReader, batched, squares
from corrosion.data.image_sources import ImageSource, image_items
from corrosion.data.images import ImageError
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.evaluation.told_kinds import told_kinds
from corrosion.explanation.explanation import EMPTY_SHARE, Explanation, over_photograph
from corrosion.prediction.outputs import Output, each_output
from corrosion.prediction.predict_images import Prediction, predict
from corrosion.runtime.metadata import INPUT, KINDS, REQUIRED, Metadata
from corrosion.runtime.seal import check_seal
from corrosion.runtime.sessions import SUFFIXES, Session, open_session
from corrosion.system.processors import usable_processors

_DISTANCE = "unlike_training"
_BESIDE = (_DISTANCE, KINDS)  # only in files that have them


def load(path: str | Path, *, backend: str = "auto") -> ExportedNetwork:
    """Load a network that `corrosion export` has written; torch is not needed.

    Args:
        path: path of the file: .onnx, .xml or .pt2 (which does need torch).
        backend: "onnxruntime", "openvino", "opencv", or "auto" for the first of them that is
            installed.

    Raises:
        CorrosionError: the file is missing, damaged or not of corrosion export; the backend is
            unknown or not installed.

    Example:
        >>> network = load("model.onnx")  # doctest: +SKIP
        >>> network.predict("photographs")[0].probability  # doctest: +SKIP
        0.9731
        >>> load("model.ckpt")
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: model.ckpt is no exported file: give one that ends in \
.onnx, .xml, .pt2, as corrosion export writes it. Checkpoints are loaded by corrosion.load_model.
    """
    path = Path(path)
    if path.suffix in SUFFIXES and path.is_file():
        check_seal(path)
    session = open_session(path, backend)
    return ExportedNetwork(path, Metadata.parse(session.metadata, path), session)


class ExportedNetwork:
    """A network in a file of its own, with what training has chosen for it.

    Fulfils `corrosion.prediction.outputs.Inspector`.

    Args:
        path: path of the file, for messages.
        metadata: what the file says of itself.
        session: runs it.
    """

    image_size: int
    resize: str
    threshold: float
    thresholds: Mapping[str, float]
    band: tuple[float, float] | None

    def __init__(self, path: Path, metadata: Metadata, session: Session) -> None:
        self.path = path
        self.metadata = metadata
        self.image_size = metadata.image_size
        self.resize = metadata.resize
        self.threshold = metadata.threshold
        self.thresholds = metadata.thresholds
        self.band = metadata.band
        self._session = session

    def run(
        self, images: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Run the graph.

        Args:
            images: (N, 3, image_size, image_size) uint8 RGB, N at least 1.
            names: outputs that are wanted; None for all.

        Returns:
            The outputs by name: `corrosion.export.graph.Outputs` says what they are.

        Raises:
            CorrosionError: the images have another shape or type, the file lacks an output, or it
                gives NaN.
        """
        size = self.image_size
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise CorrosionError(
                f"images of shape {images.shape} and type {images.dtype}: {self.path} takes uint8 "
                f"(N, 3, {size}, {size}), named {INPUT!r}."
            )
        wanted = tuple(self.metadata.outputs if names is None else names)
        if missing := [name for name in wanted if name not in self.metadata.outputs]:
            raise CorrosionError(
                f"{self.path} has no output {', '.join(missing)}: it gives "
                f"{', '.join(self.metadata.outputs)}."
            )
        found = self._session.run(np.ascontiguousarray(images), wanted)
        if not all(np.isfinite(values).all() for values in found.values()):
            raise CorrosionError(f"The network in {self.path} gives NaN: export it again.")
        return found

    def look(self, images: Sequence[ImageInput], *, explain: bool = False) -> list[Output]:
        """What the network says of inputs, with class activation maps if `explain`.

        Args:
            images: inputs as an `ImageReader` gives them; those that can't be read are passed
                through.
            explain: make a class activation map for corrosion of each too.

        Raises:
            CorrosionError: the network gives NaN.
        """

        return each_output(lambda readable: self._seen(readable, explain=explain), images)

    def predict(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        threshold: str | float | None = None,
        every: float = 1.0,
        recursive: bool = False,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """Predict photographs and videos: all as `corrosion.predict` has it."""
        return predict(
            self,
            images,
            threshold=threshold,
            every=every,
            recursive=recursive,
            batch_size=batch_size,
        )

    def explain(
        self,
        images: ImageSource | Iterable[ImageSource],
        *,
        threshold: str | float | None = None,
        every: float = 1.0,
        recursive: bool = False,
        batch_size: int = 32,
    ) -> list[Explanation]:
        """Explain photographs by Grad-CAM for corrosion, as `corrosion.explain` does by default.

        Args:
            images: one or several, as `corrosion.predict` takes them.
            threshold: as `corrosion.predict` takes it.
            every: seconds between the frames of a video, 0 for all.
            recursive: whether subfolders of folders are searched.
            batch_size: images at once through the network, at least 1.

        Returns:
            One explanation an image, in the order of `images`, with the map over the whole
            photograph.

        Raises:
            CorrosionError: there are no images, something is no image, the threshold is unknown, or
                the network gives NaN.
            ImageError: naming the file that can't be read.
        """
        if batch_size < 1:
            raise CorrosionError(f"batch_size={batch_size}: give a whole number from 1.")
        least = decision_rule(self, threshold).threshold
        items = image_items(images, recursive=recursive)
        if not items:
            raise CorrosionError("There is nothing to explain: give files, folders or images.")
        resize = build_resize(self.image_size, self.resize)
        reader = ImageReader(resize, every=every, threads=usable_processors(), ahead=2 * batch_size)
        found = []
        for batch in batched(reader.inputs(items), batch_size):
            for output in self.look(batch, explain=True):
                image, explanation = output.image, output.explanation
                if explanation is None or image.shape is None:
                    raise ImageError(image.path, image.error or "it can't be read")
                named = replace(
                    explanation,
                    threshold=least,
                    path=image.path if items[image.item].content is None else None,
                    frame=image.frame,
                    time=image.time,
                )
                found.append(over_photograph(named, resize, *image.shape))
        return found

    def _seen(self, images: Sequence[ImageInput], *, explain: bool) -> list[Output]:
        """What the graph says of readable inputs."""
        wanted = [*(REQUIRED if explain else REQUIRED[:2]), *_BESIDE]
        outputs = self.metadata.outputs
        found = self.run(
            squares(images).transpose(0, 3, 1, 2), [name for name in wanted if name in outputs]
        )
        distances: list[float | None] = [None] * len(images)
        if _DISTANCE in found:  # as tables show them and as decisions use them
            distances = np.round(found[_DISTANCE].astype(np.float64), 3).tolist()
        told = told_kinds(self.metadata.kinds, found.get(KINDS), len(images))
        rows = zip(
            images,
            found["logit"].tolist(),
            found["probability"].tolist(),
            distances,
            told,
            strict=True,
        )
        said = [
            Output(image, logit, probability, distance, kind=kind)
            for image, logit, probability, distance, kind in rows
        ]
        if not explain:
            return said
        maps = zip(said, found["map"], found["map_scale"].tolist(), strict=True)
        return [replace(one, explanation=self._explanation(one, *of)) for one, *of in maps]

    def _explanation(
        self, output: Output, evidence: NDArray[np.float32], scale: float
    ) -> Explanation:
        assert output.logit is not None
        assert output.probability is not None
        return Explanation(
            logit=output.logit,
            probability=output.probability,
            target=self.metadata.classes[1],
            map=evidence,
            raw_scale=scale,
            empty=bool(evidence.max() <= EMPTY_SHARE),
            threshold=self.threshold,
            unlike_training=output.unlike_training,
            kind=output.kind,
        )
