"""Where the cells of a network's last feature map lie in its input, which padding decides.

A layer of stride 2 that pads an even input on both sides takes its first value from around the
first pixel, not from the middle of the first two: five of them shift the grid of a network by up to
half a cell, against an even division of the input. Receptive field arithmetic says where to
(Araujo, Norris & Sim, Computing Receptive Fields of Convolutional Neural Networks, Distill 2019,
equations 3 and 4, of which this is the centre).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from timm.layers import Conv2dSame
from timm.layers.pool2d_same import AvgPool2dSame, MaxPool2dSame
from torch import Tensor, nn

from corrosion.data.geometry import Grid

_LAYERS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_PADDED_AT_RUN = (Conv2dSame, MaxPool2dSame, AvgPool2dSame)  # as TensorFlow: by the size at hand


class _Step(NamedTuple):
    """What a layer does along an axis: cells before and after, centre of the first one, stride."""

    before: int
    after: int
    first: float
    stride: int


@dataclass(frozen=True)
class GridTrace:
    """The layers that made a feature map coarser, as `traced_grid` saw them.

    Attributes:
        rows, columns: what each layer did along the two axes.
    """

    rows: list[_Step] = field(default_factory=list)
    columns: list[_Step] = field(default_factory=list)

    def grids(self, size: Sequence[int], cells: Sequence[int]) -> tuple[Grid, Grid]:
        """The grids of the rows and of the columns of a feature map.

        Args:
            size: (height, width) of the input in pixels.
            cells: (h, w) of the feature map.

        Returns:
            Where branches of a network disagree (a shortcut that pools, say), their mean. Along an
            axis whose layers can't be followed from the input to the feature map (a network that
            pads or shrinks outside of layers, as NASNet and Swin do), the even division.
        """
        axes = zip((self.rows, self.columns), size, cells, strict=True)
        row_grid, column_grid = (_grid(*axis) for axis in axes)
        return row_grid, column_grid


def _grid(steps: Sequence[_Step], size: int, cells: int) -> Grid:
    here, start, jump = size, 0.0, 1.0
    while here != cells:
        onward = [step for step in steps if step.before == here and step.after >= cells]
        if not onward:
            return Grid.even(size, cells)
        here = max(step.after for step in onward)
        nearest = [step for step in onward if step.after == here]
        start += jump * float(np.mean([step.first for step in nearest]))
        jump *= max(step.stride for step in nearest)
    return Grid(start + 0.5, jump)


@contextmanager
def traced_grid(backbone: nn.Module) -> Iterator[GridTrace]:
    """Watch a network run on an input, to know where the cells of its feature map lie.

    Args:
        backbone: a network that runs inside the block, on inputs of one size.

    Example:
        Three pixels around the first one make the first cell, not the first two pixels:

        >>> import torch
        >>> layer = nn.Conv2d(1, 1, kernel_size=3, stride=2, padding=1)
        >>> with traced_grid(layer) as trace:
        ...     features = layer(torch.zeros(1, 1, 8, 8))
        >>> trace.grids((8, 8), (4, 4))[0]
        Grid(start=0.5, step=2.0)
    """
    trace = GridTrace()

    def watch(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        for axis, steps in ((0, trace.rows), (1, trace.columns)):
            before, after = inputs[0].shape[axis - 2], output.shape[axis - 2]
            if after < before:
                steps.append(_step(module, axis, before, after))

    layers = [module for module in backbone.modules() if isinstance(module, _LAYERS)]
    handles = [layer.register_forward_hook(watch) for layer in layers]
    try:
        yield trace
    finally:
        for handle in handles:
            handle.remove()


def _step(layer: Any, axis: int, before: int, after: int) -> _Step:
    kernel, stride, padding, dilation = (
        _along(getattr(layer, name, default), axis)
        for name, default in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    )
    reach = dilation * (kernel - 1)
    if isinstance(layer, _PADDED_AT_RUN):
        padding = max((after - 1) * stride + reach + 1 - before, 0) // 2
    return _Step(before, after, reach / 2 - padding, stride)


def _along(value: Any, axis: int) -> int:
    """A layer's argument along an axis; "valid" pads nothing, "same" never makes a map smaller."""
    if isinstance(value, str):
        return 0
    return int(value[axis] if isinstance(value, Sequence) else value)
