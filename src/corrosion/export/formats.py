"""A graph written in a format that other programs read."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from corrosion.errors import CorrosionError
from corrosion.export.graph import InspectionGraph
from corrosion.runtime.metadata import INPUT, KEY

_OPSET = 18
_EXAMPLES = 2  # one image would be taken for a batch of one only


def traced(graph: InspectionGraph) -> torch.export.ExportedProgram:
    """The operations of a graph, for any number of images.

    Raises:
        CorrosionError: torch can't follow the network.
    """
    size = graph.network.image_size
    example = torch.zeros(_EXAMPLES, 3, size, size, dtype=torch.uint8)
    batch = torch.export.Dim("batch")
    with _quiet():
        try:
            return torch.export.export(
                graph, (example,), dynamic_shapes={INPUT: {0: batch}}, strict=False
            )
        except Exception as error:  # dozens of kinds, by what the network does
            raise CorrosionError(
                f"This network can't be exported: torch.export can't follow its backbone. [{error}]"
            ) from error


def write_torch(program: torch.export.ExportedProgram, path: Path, metadata: str) -> None:
    """Write PyTorch's own format, for `torch.export.load`; it gives outputs by name."""
    with _quiet():
        torch.export.save(program, path, extra_files={f"{KEY}.json": metadata})


def write_onnx(program: torch.export.ExportedProgram, path: Path, metadata: str) -> None:
    """Write ONNX of opset 18.

    Raises:
        CorrosionError: an operation has no counterpart in ONNX.
    """
    with _quiet():
        try:
            found = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=_OPSET,
                input_names=[INPUT],
                output_names=_output_names(program),
                verbose=False,
            )
        except Exception as error:  # its errors have no common class of their own
            raise CorrosionError(f"This network can't be written as ONNX. [{error}]") from error
        assert found is not None
        _name_batch(found.model.graph)
        found.model.metadata_props[KEY] = metadata
        found.save(path)


def _name_batch(graph: Any) -> None:
    """Call the number of images "batch", where torch has a symbol as s34."""
    import onnx_ir

    symbol = str(graph.inputs[0].shape[0].value)
    word = re.compile(rf"\b{re.escape(symbol)}\b")
    made = (value for node in graph for value in node.outputs)
    for value in (*graph.inputs, *made):
        if value.shape is not None:
            sides = [getattr(side, "value", side) for side in value.shape]
            value.shape = onnx_ir.Shape(
                [word.sub("batch", side) if isinstance(side, str) else side for side in sides]
            )


def write_openvino(onnx: Path, path: Path, metadata: str) -> None:
    """Convert an ONNX file to OpenVINO's .xml, with its weights in float32 in a .bin beside it.

    Raises:
        CorrosionError: OpenVINO can't read the file.
    """
    import openvino

    try:
        model = openvino.convert_model(onnx)
    except Exception as error:  # RuntimeError of its own kinds
        raise CorrosionError(f"This network can't be written for OpenVINO. [{error}]") from error
    save_openvino(model, path, metadata)


def save_openvino(model: Any, path: Path, metadata: str) -> None:
    """Write a model of OpenVINO with its metadata."""
    import openvino

    model.set_rt_info(metadata, [KEY])
    openvino.save_model(model, path, compress_to_fp16=False)


def _output_names(program: torch.export.ExportedProgram) -> list[str]:
    """Names of a program's outputs, in order."""
    spec = program.call_spec.out_spec
    assert spec is not None
    return [str(name) for name in spec.context]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' progress and advice to developers from users."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
