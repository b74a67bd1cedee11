"""Measure what a network costs to use: parameters, operations, size, time."""

from __future__ import annotations

import logging
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Latency:
    """How long predictions of one image took, in milliseconds.

    Attributes:
        median: which a single interruption leaves as it is.
        low: first quartile.
        high: third quartile; far above the first where the machine did something else too.
    """

    median: float
    low: float
    high: float

    @property
    def steady(self) -> bool:
        """Whether the quartiles lie within half of the median: else the figure tells little."""
        return self.high - self.low <= self.median / 2


@dataclass(frozen=True)
class Cost:
    """What a network costs to use.

    Attributes:
        parameters: number of weights and biases.
        flops: number of floating-point operations of the prediction of one image (in all views of
            test-time augmentation), a multiply-add counted as two.
        checkpoint_bytes: size of the checkpoint, which holds the optimiser's state too.
        latency: time of the prediction of one image.
        image_size: side of that image in pixels.
    """

    parameters: int
    flops: int
    checkpoint_bytes: int
    latency: Latency
    image_size: int


def measure_costs(
    checkpoints: Mapping[str, Path], *, device: str | torch.device = "cpu", passes: int = 20
) -> dict[str, Cost]:
    """Measure what networks cost, in turn, so that what else the machine does slows all alike.

    Args:
        checkpoints: paths of the checkpoints of runs, by the model's name.
        device: device that the networks run on, as `load_model` takes it.
        passes: number of predictions that are timed.

    Raises:
        CorrosionError: a checkpoint can't be loaded: see `load_model`.
    """
    networks = {name: load_model(path, device=device) for name, path in checkpoints.items()}
    busy = _busy()
    latencies = measure_latencies(networks, passes=passes)
    if busy or not all(one.steady for one in latencies.values()):
        log.warning(
            "The machine is busy%s: the latencies compare the networks with each other, which were "
            "measured in turn, not with those of another comparison.",
            f" (load {busy:.1f} on {usable_processors()} processors)" if busy else "",
        )
    return {
        name: Cost(
            parameters=count_parameters(network),
            flops=count_flops(network),
            checkpoint_bytes=checkpoints[name].stat().st_size,
            latency=latencies[name],
            image_size=network.image_size,
        )
        for name, network in networks.items()
    }


def sweep_cost(checkpoint: Path, cost: Literal["parameters", "latency"]) -> float:
    """Measure what a sweep keeps small beside its objective.

    Args:
        checkpoint: path of a checkpoint.
        cost: "parameters" (their number), or "latency" (milliseconds an image, on CUDA where it is
            there, else on the processor).

    Raises:
        CorrosionError: the checkpoint can't be read: see `load_model`.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = load_model(checkpoint, device=device)
    if cost == "parameters":
        return float(count_parameters(network))
    return measure_latencies({"": network})[""].median


def measure_latencies(
    networks: Mapping[str, CorrosionClassifier], *, passes: int = 30, warm_up: int = 5
) -> dict[str, Latency]:
    """Measure how long the prediction of one image takes, in turn.

    Args:
        networks: networks in evaluation mode by name, on the device to measure on.
        passes: number of predictions that are timed.
        warm_up: number of predictions before them.

    Returns:
        Median and quartiles by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(warm_up + passes):
        for name, network in networks.items():
            seconds[name].append(_time_pass(network))
    return {name: _latency(times[warm_up:]) for name, times in seconds.items()}


def _latency(seconds: Sequence[float]) -> Latency:
    low, median, high = statistics.quantiles([1000 * one for one in seconds], method="inclusive")
    return Latency(median, low, high)


def _busy() -> float | None:
    """The load of the last minute, where it leaves less than half of the processors."""
    if not hasattr(os, "getloadavg"):  # as on Windows
        return None
    load = os.getloadavg()[0]
    return load if load > usable_processors() / 2 else None


def count_parameters(network: nn.Module) -> int:
    """Count the weights and biases of a network.

    Example:
        >>> count_parameters(nn.Linear(10, 2))
        22
    """
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def count_flops(network: CorrosionClassifier) -> int:
    """Count the floating-point operations of a prediction, those of convolutions and products.

    Args:
        network: network in evaluation mode; one image of its size is predicted.

    Example:
        Twice as many with the mirror image:

        >>> one = CorrosionClassifier("test_resnet.r160_in1k", image_size=64)
        >>> two = CorrosionClassifier("test_resnet.r160_in1k", image_size=64, tta="hflip")
        >>> count_flops(two.eval()) == 2 * count_flops(one.eval())
        True
    """
    counter = FlopCounterMode(display=False)
    with counter:
        network.predict_logits(_image(network))
    return counter.get_total_flops()


@torch.inference_mode()
def _time_pass(network: CorrosionClassifier) -> float:
    image = _image(network)
    started = time.perf_counter()
    network.predict_logits(image).item()  # waits for the device
    return time.perf_counter() - started


def _image(network: CorrosionClassifier) -> torch.Tensor:
    side = network.image_size
    return torch.zeros(
        (1, 3, side, side), dtype=torch.uint8, device=next(network.parameters()).device
    )
