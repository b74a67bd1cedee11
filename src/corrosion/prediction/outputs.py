"""What a network says of inputs, whatever runs it: a checkpoint in PyTorch, or an exported file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from corrosion.data.failing_images import each_or_error
from corrosion.data.image_reader import ImageInput
from corrosion.data.images import ImageError
from corrosion.evaluation.told_kinds import ToldKind
from corrosion.explanation.explanation import Explanation

if TYPE_CHECKING:  # torch, which an exported file does without
    from corrosion.explanation.rust_mask import Evidence
    from corrosion.prediction.tiled import TiledView


@dataclass(frozen=True, eq=False)
class Output:
    """What the network says of one input.

    Attributes:
        image: the input, as it was read.
        logit: logit of corrosion, as the network gives it; None if the input can't be read.
        probability: probability of corrosion, calibrated, in [0, 1]; None likewise.
        unlike_training: distance to the nearest training photograph over the limit, to three
            decimals; None likewise, and for networks that can't tell.
        explanation: explanation, if it was asked for, whose map covers the network's square input,
            or the whole photograph if it is fine.
        evidence: the network's part in a mask of rust, if masks were asked for and corrosion was
            detected.
        tiles: what its tiles say, if they were asked for and it has several. `probability` and
            `explanation` are then of them, and `evidence` is None: they have a mask.
        kind: what kind of corrosion the whole photograph shows, if it shows any; None for networks
            that tell none.
    """

    image: ImageInput
    logit: float | None = None
    probability: float | None = None
    unlike_training: float | None = None
    explanation: Explanation | None = None
    evidence: Evidence | None = None
    tiles: TiledView | None = None
    kind: ToldKind | None = None


Look: TypeAlias = Callable[[Sequence[ImageInput]], list[Output]]
"""All that a run over files asks of a network: one output an input, in their order; inputs that
can't be read are passed through."""


def each_output(look: Look, images: Sequence[ImageInput]) -> list[Output]:
    """What a network says of inputs: those that can't be read are passed through, and one that the
    network fails for has the reason as its error.

    Args:
        look: the network, which is given readable inputs only.
        images: inputs as an `ImageReader` gives them.

    Raises:
        Exception: what the network raises for any image.
    """
    readable = [one for one in images if one.square is not None]
    found = iter(each_or_error(look, readable) if readable else ())
    outputs = []
    for one in images:
        said = Output(one) if one.square is None else next(found)
        if isinstance(said, ImageError):
            said = Output(replace(one, square=None, error=said.reason))
        outputs.append(said)
    return outputs


@runtime_checkable
class Inspector(Protocol):
    """A network in a file of its own, as predictions need it.

    Attributes:
        image_size: side of its square input in pixels.
        resize: how a photograph becomes square, a mode of `corrosion.data.resizing.build_resize`.
        threshold: probability from which an image counts as corroded, in (0, 1).
        thresholds: thresholds chosen on validation, by what they are for.
        band: probabilities strictly between these go to an inspector; None for no such band.
    """

    image_size: int
    resize: str
    threshold: float
    thresholds: Mapping[str, float]
    band: tuple[float, float] | None

    def look(self, images: Sequence[ImageInput], *, explain: bool = False) -> list[Output]:
        """What it says of inputs, with class activation maps if `explain`; see `Look`."""
        ...
