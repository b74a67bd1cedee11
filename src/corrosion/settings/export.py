"""What `corrosion export` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from corrosion.settings.base import Settings
from corrosion.settings.types import AnyPath, Count, Positive

ExportFormat = Literal["onnx", "openvino", "torch", "html", "tflite"]


class ExportSettings(Settings):
    """How a checkpoint is exported."""

    format: ExportFormat | None = None
    """Format of the file, by default that of the ending of --out (.onnx, .xml, .pt2, .html), else
    onnx: onnx runs nearly everywhere, openvino (two files) on Intel's processors, torch in PyTorch
    without this project, html is the inspector for a telephone's browser, network included."""
    photographs: AnyPath | None = None
    """Folder of photographs on which the file is compared with the checkpoint; by default the
    validation photographs of the checkpoint's run, or generated pictures where there are none."""
    count: Count = 200
    """Photographs to compare on, at most."""
    tolerance: Positive = 1e-4
    """Largest difference of a probability, a logit and a map that is let pass in float32."""
    int8: bool = False
    """Write a network of 8 bits, calibrated on photographs and judged on the validation photographs
    of the checkpoint's run; what costs more accuracy than max_loss stays in float32."""
    calibration: AnyPath | None = None
    """With int8, a folder of photographs that show what values occur; by default the training
    photographs of the checkpoint's run."""
    max_loss: Positive = 0.005
    """With int8, accuracy on validation that may be lost."""
    web_runtime: AnyPath | None = None
    """With format=html, the npm package onnxruntime-web (.tgz, or its folder in node_modules); by
    default npm downloads it once."""

    def conflicts(self) -> Iterable[str]:
        """What int8 needs, and what needs int8."""
        if self.calibration is not None and not self.int8:
            yield "{calibration} is for {int8}: give that too."
        if self.max_loss != type(self).model_fields["max_loss"].default and not self.int8:
            yield "{max_loss} is for {int8}: give that too."
        if self.web_runtime is not None and self.format not in (None, "html"):
            yield "{web_runtime} is for {format}=html."
        if self.int8 and self.format == "torch":
            yield "{int8} goes with {format}=onnx, openvino or html."
