"""What a trained network costs: the second objective of a sweep."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch
from torch import nn

from corrosion.checkpoint import load_model
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier

COSTS = ("parameters", "latency")


def check_cost(name: str) -> None:
    """Refuse an unknown cost before the training.

    Raises:
        CorrosionError: no such cost.
    """
    if name not in COSTS:
        raise CorrosionError(f"sweep.cost={name}: choose {', '.join(COSTS)}.")


def measure_cost(name: str, checkpoint: Path) -> float:
    """Measure what a trained network costs.

    Args:
        name: "parameters" (their number), or "latency" (milliseconds an image, on CUDA where it is
            there, else on the processor).
        checkpoint: of a run.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = load_model(checkpoint, device=device)
    if name == "parameters":
        return float(count_parameters(network))
    return latency(network)


def count_parameters(network: nn.Module) -> int:
    """Number of weights and biases."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.inference_mode()
def latency(network: CorrosionClassifier, *, passes: int = 30, warm_up: int = 5) -> float:
    """Milliseconds a forward pass of one image takes: the median, which an interruption leaves be.

    Args:
        network: in evaluation mode, on the device to measure on.
        passes: that are timed.
        warm_up: passes before them.
    """
    device = next(network.parameters()).device
    side = network.image_size
    image = torch.zeros((1, 3, side, side), dtype=torch.uint8, device=device)
    times = []
    for _ in range(warm_up + passes):
        started = time.perf_counter()
        network(image).item()  # waits for the device
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[warm_up:])
