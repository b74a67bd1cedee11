"""Whether an exported file answers as its checkpoint does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from corrosion.data.geometry import Pixels
from corrosion.evaluation.decisions import Rule
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.cam import activation_maps
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runtime.metadata import KINDS
from corrosion.runtime.network import ExportedNetwork


@dataclass(frozen=True)
class Difference:
    """How far an output is from the checkpoint's.

    Attributes:
        largest: largest absolute difference.
        mean: mean absolute difference.
    """

    largest: float
    mean: float

    @classmethod
    def of(cls, pairs: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]]) -> Difference:
        """That of pairs of arrays of the same shape, at least one value in all.

        Example:
            >>> Difference.of([(np.array([0.5, 1.0]), np.array([0.5, 0.5]))])
            Difference(largest=0.5, mean=0.25)
        """
        gaps = np.concatenate(
            [np.abs(one.astype(np.float64) - other).ravel() for one, other in pairs]
        )
        return cls(float(gaps.max()), float(gaps.mean()))


@dataclass(frozen=True, eq=False)
class Parity:
    """An exported file beside its checkpoint.

    Attributes:
        images: number of photographs.
        outputs: how far outputs are from the checkpoint's, by name.
        decisions: number of photographs whose decision changes.
        reviews: number of those that an inspector is asked about by one and not by the other.
        probabilities: (N,) float64, probabilities of the file.
        known: (N,) float64, those of the checkpoint.
    """

    images: int
    outputs: dict[str, Difference]
    decisions: int
    reviews: int
    probabilities: NDArray[np.float64]
    known: NDArray[np.float64]

    def within(self, tolerance: float) -> bool:
        """Whether no probability (of corrosion, of a kind), logit and value of a map is further
        off.
        """
        names = ("probability", "logit", "map", KINDS)
        found = [self.outputs[name].largest for name in names if name in self.outputs]
        return max(found) <= tolerance


def compare(
    network: CorrosionClassifier, exported: ExportedNetwork, batches: Iterable[Pixels]
) -> Parity:
    """Run both over the same inputs.

    What they give is compared as `corrosion explain` gives it: logits, probabilities, maps of
    Grad-CAM for corrosion, distances to the training photographs, masks and kinds.

    Args:
        network: the checkpoint's network, in evaluation mode, on the processor.
        exported: the file.
        batches: inputs (N, 3, image_size, image_size) uint8 RGB; at least one image in all.

    Raises:
        CorrosionError: the file gives NaN.
    """
    rows = [(_known(network, batch), exported.run(batch)) for batch in batches]
    outputs = {
        name: Difference.of((known[name], found[name]) for known, found in rows)
        for name in exported.metadata.outputs
    }
    known, found = (
        {
            name: _joined(one[side][name] for one in rows)
            for name in _DECIDING
            if name in rows[0][side]
        }
        for side in (0, 1)
    )
    rule = decision_rule(network)
    pairs = list(zip(_decisions(rule, known), _decisions(rule, found), strict=True))
    return Parity(
        images=len(pairs),
        outputs=outputs,
        decisions=sum(one[0] != other[0] for one, other in pairs),
        reviews=sum(one[1] != other[1] for one, other in pairs),
        probabilities=found["probability"],
        known=known["probability"],
    )


_DECIDING = ("probability", "unlike_training")


def _joined(parts: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
    return np.concatenate(list(parts)).astype(np.float64)


def _decisions(rule: Rule, values: dict[str, NDArray[np.float64]]) -> list[tuple[str, bool]]:
    """The decision of each photograph, and whether an inspector shall look."""
    probabilities = values["probability"].tolist()
    distances = values.get("unlike_training")
    unlike = [None] * len(probabilities) if distances is None else np.round(distances, 3).tolist()
    return [
        (rule.decide(probability), rule.needs_review(probability, distance))
        for probability, distance in zip(probabilities, unlike, strict=True)
    ]


def _known(network: CorrosionClassifier, batch: Pixels) -> dict[str, NDArray[np.float32]]:
    images = torch.from_numpy(batch)
    maps = activation_maps(network, images)
    found = {
        "probability": maps.probability,
        "logit": maps.logit,
        "map": maps.scaled(),
        "map_scale": maps.scale,
    }
    if maps.distance is not None:
        found["unlike_training"] = maps.distance
    if (masks := network.mask_network) is not None:
        with torch.inference_mode():
            seen = masks(images).sigmoid() + masks(images.flip(3)).sigmoid().flip(2)
        found["mask"] = seen / 2
    if network.kinds:
        with torch.inference_mode():
            found[KINDS] = network.predict_kinds(images)
    return {name: value.float().cpu().numpy() for name, value in found.items()}
