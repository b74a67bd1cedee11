"""What an exported file says of itself: all that turns its numbers into decisions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import Strict

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.runtime.seal import UNSEALED
from corrosion.settings.base import Settings
from corrosion.settings.data import ResizeMode
from corrosion.settings.types import Names, Positive, Probability, Share

KEY = "corrosion"
"""Name of the metadata in a file: JSON, as `Metadata.text` gives it."""

SCHEMA: Literal[1] = 1
"""Version of the metadata, which a reader must know."""

INPUT = "images"
"""Name of the graph's input: uint8 (N, 3, image_size, image_size) RGB."""

KINDS = "kind_probabilities"
"""Output of the kinds of corrosion: (N, K) float32, given that there is corrosion."""

REQUIRED = ("probability", "logit", "map", "map_scale")
"""Outputs that every file has; `corrosion.export.graph.Outputs` says what they are."""

RESIZE_RULE = (
    "Apply the EXIF orientation, convert to RGB. pad: scale the longest side to image_size "
    "(other side rounded half to even, at least 1), centre between black bars (the smaller half "
    "first); reflect: the same, mirrored into the bars without repeating the edge; crop: cut the "
    "central square of the shortest side, scale it; stretch: scale both sides. Scaling is bilinear "
    "with the kernel widened by the factor of shrinking (antialiasing), first rows, then columns, "
    "each rounded to 8 bits with weights of 16 bits: torch.nn.functional.interpolate(mode="
    "'bilinear', antialias=True) of uint8 images, corrosion.data.scaling without torch. Large "
    "JPEG files are decoded at 1/2, 1/4 or 1/8 of their size as long as no side gets shorter than "
    "image_size."
)
"""How a photograph becomes an input, for programs that do without `corrosion.runtime`."""


class Metadata(Settings):
    """What a file says of itself."""

    schema_version: Literal[1]
    """Version of these values."""
    model: str
    """Name of the backbone."""
    classes: Annotated[tuple[str, str], Strict(False)]
    """Names by label; the second one is the positive class, whose probability is given."""
    image_size: Annotated[int, Ge(1)]
    """Side of the square input in pixels."""
    resize: ResizeMode
    """How a photograph becomes square."""
    resize_rule: str
    """The same in words."""
    threshold: Probability
    """Probability from which an image counts as corroded."""
    thresholds: dict[str, float]
    """Thresholds chosen on validation, by what they are for."""
    band: Annotated[tuple[Share, Share], Strict(False)] | None
    """Probabilities strictly between these go to an inspector."""
    temperature: Positive
    """What logits are divided by before the sigmoid; the graph does so itself."""
    tta: str
    """Test-time augmentation, which the graph averages over."""
    outputs: Names
    """Names of the outputs."""
    kinds: Names = ()
    """Names of the kinds of corrosion, in the order of the output `KINDS`; empty without it."""
    precision: str
    """float32, or int8 with what stayed in float32."""
    checkpoint: str
    """SHA-256 of the checkpoint's file."""
    cautions: Names
    """Sentences without which no decision of the network should be read."""
    written_by: str
    """Version of corrosion that has written the file."""
    sha256: str = UNSEALED.decode("ascii")
    """Checksum over the whole file, and its weights beside it: `corrosion.runtime.seal`."""

    def conflicts(self) -> Iterable[str]:
        """Outputs that are missing."""
        missing = [name for name in REQUIRED if name not in self.outputs]
        if missing:
            yield f"{{outputs}} lack {', '.join(missing)}."
        if (KINDS in self.outputs) != bool(self.kinds):
            yield f"{{outputs}} and {{kinds}}: {KINDS} comes with the names of kinds."

    @property
    def rule(self) -> Rule:
        """How probabilities become decisions, where nobody chooses another threshold."""
        return Rule(self.threshold, self.band)

    @property
    def text(self) -> str:
        """The metadata as it stands in a file."""
        return json.dumps(self.plain())

    @classmethod
    def parse(cls, text: str | None, path: Path) -> Metadata:
        """What a file says.

        Args:
            text: its metadata; None where it has none.
            path: path of the file, for messages.

        Raises:
            CorrosionError: it has none, or what it says can't be used.

        Example:
            >>> Metadata.parse(None, Path("other.onnx"))
            Traceback (most recent call last):
            corrosion.errors.CorrosionError: other.onnx was not written by corrosion export: it \
lacks the metadata "corrosion". Export a checkpoint: corrosion export CHECKPOINT.
        """
        again = "Export a checkpoint: corrosion export CHECKPOINT."
        if text is None:
            raise CorrosionError(
                f'{path} was not written by corrosion export: it lacks the metadata "{KEY}". '
                f"{again}"
            )
        try:
            return cls.read(_of_this_schema(json.loads(text)))
        except (CorrosionError, ValueError) as error:
            raise CorrosionError(
                f"The metadata of {path} can't be used: {error} {again}"
            ) from error


def _of_this_schema(values: Any) -> dict[str, Any]:
    known = values.get("schema_version") if isinstance(values, dict) else None
    if known != SCHEMA:
        raise CorrosionError(f"schema_version={known}: this version of corrosion reads {SCHEMA}.")
    return values
