"""Networks of 8 bits, and what they cost.

Weights and activations of the backbone become integers of 8 bits by NNCF's post-training
quantisation, whose ranges come from photographs of the training (Nagel et al., "A White Paper on
Neural Network Quantization", 2021). The head and the explanation stay in float32: they take no
time, and decide.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.errors import CorrosionError
from corrosion.evaluation.estimates import estimate_table
from corrosion.evaluation.intervals import Estimate
from corrosion.runtime.metadata import INPUT, KEY

PRECISIONS = (
    "int8; head and map in float32",
    "int8; head, map, first and depthwise convolutions in float32",
)
"""What is tried, one after the other. Depthwise convolutions, whose channels differ much in range,
suffer most from 8 bits (Sheng et al., "A Quantization-Friendly Separable Convolution for
MobileNets", 2018)."""

_HEAD = "head.dense.weight"


@dataclass(frozen=True)
class Cost:
    """What 8 bits cost on validation photographs.

    Attributes:
        images: number of photographs.
        before: accuracy and ROC-AUC of the checkpoint, with intervals, by name.
        after: those of the file.
    """

    images: int
    before: dict[str, Estimate]
    after: dict[str, Estimate]

    def caution(self, decisions: int, largest: float) -> str:
        """What must be said of the file.

        Args:
            decisions: photographs that it decides otherwise than the checkpoint.
            largest: largest difference of a probability.
        """
        before, after = self.before["accuracy"], self.after["accuracy"]
        return (
            f"The network is one of 8 bits: on {self.images} validation photographs its accuracy "
            f"is {after.value:.3f} (95% interval {after.low:.3f} to {after.high:.3f}), that of the "
            f"checkpoint {before.value:.3f}; it decides {decisions} of them otherwise, and "
            f"probabilities are off by up to {largest:.2f}. Judge it on photographs of yours "
            f"before you rely on it."
        )

    @property
    def loss(self) -> float:
        """Accuracy that is lost; below 0 where it is gained."""
        return self.before["accuracy"].value - self.after["accuracy"].value


def quantise(
    source: Path, path: Path, pixels: NDArray[np.uint8], precision: str, metadata: str
) -> None:
    """Write an ONNX file of 8 bits.

    Args:
        source: ONNX file in float32, as `corrosion.export.formats.write_onnx` writes it.
        path: new file.
        pixels: (N, 3, H, W) uint8 RGB, inputs that show what values occur.
        precision: one of `PRECISIONS`.
        metadata: what the file says of itself.

    Raises:
        CorrosionError: NNCF can't do it.
    """
    with _quiet():
        import nncf
        import onnx
        from nncf.quantization.advanced_parameters import OverflowFix, QuantizationParameters

        model = onnx.load(source)
        kept = _of_the_head(model)
        if precision == PRECISIONS[1]:
            kept += _delicate(model)
        samples = nncf.Dataset([{INPUT: pixels[row : row + 1]} for row in range(len(pixels))])
        try:
            found = nncf.quantize(
                model,
                samples,
                preset=nncf.QuantizationPreset.MIXED,  # activations of both signs
                subset_size=len(pixels),
                ignored_scope=nncf.IgnoredScope(names=kept),
                advanced_parameters=nncf.AdvancedQuantizationParameters(
                    # half the range of weights: sums of two products overflow 16 bits on
                    # processors without VNNI, which would answer otherwise than others
                    overflow_fix=OverflowFix.ENABLE,
                    # ranges by channel, NNCF's default before depthwise convolutions, are nothing
                    # that ONNX Runtime can run
                    activations_quantization_params=QuantizationParameters(per_channel=False),
                ),
            )
        except Exception as error:  # its errors have no common class
            raise CorrosionError(f"NNCF can't quantise this network. [{error}]") from error
        onnx.save(_named(found, metadata), path)


def with_metadata(path: Path, metadata: str) -> None:
    """Give an ONNX file of 8 bits other metadata."""
    import onnx

    onnx.save(_named(onnx.load(path), metadata), path)


def _named(model: Any, metadata: str) -> Any:
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, metadata
    return model


def cost(
    records: pd.DataFrame,
    known: NDArray[np.float64],
    found: NDArray[np.float64],
    *,
    threshold: float,
) -> Cost:
    """What a file's probabilities cost beside the checkpoint's.

    Args:
        records: one row a photograph: label, and group where photographs are not independent.
        known: (N,) probabilities of the checkpoint.
        found: (N,) probabilities of the file.
        threshold: probability from which a photograph counts as corroded.

    Raises:
        CorrosionError: a class is missing.
    """
    before, after = (
        estimate_table(records.assign(probability=values), threshold=threshold, count=200)
        for values in (known, found)
    )
    names = ("accuracy", "auroc")
    return Cost(
        len(records),
        {name: before[name] for name in names},
        {name: after[name] for name in names},
    )


def _of_the_head(model: Any) -> list[str]:
    """Names of the operations from the pooling on: head, probability, map, distance."""
    users: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    dense = [node for node in model.graph.node if any(_HEAD in name for name in node.input)]
    makers = {name: node for node in model.graph.node for name in node.output}
    pooling = [makers[node.input[0]] for node in dense if node.input[0] in makers]
    found: dict[str, Any] = {}
    pending = [*dense, *pooling]
    while pending:
        node = pending.pop()
        if node.name not in found:
            found[node.name] = node
            pending += [user for name in node.output for user in users.get(name, [])]
    return list(found)


def _delicate(model: Any) -> list[str]:
    """Names of the first convolution and of the depthwise ones."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    return [
        node.name
        for number, node in enumerate(convolutions)
        if number == 0 or _groups(node.attribute) > 1
    ]


def _groups(attributes: Sequence[Any]) -> int:
    return next((one.i for one in attributes if one.name == "group"), 1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF's progress from users; its import sets up a logger of its own."""
    level = logging.getLogger().level
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
            logging.getLogger().setLevel(level)
