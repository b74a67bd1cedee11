"""What a trained network costs: the second objective of a sweep."""

from __future__ import annotations

from pathlib import Path

import torch

from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import load_model
from corrosion.models.cost import count_parameters, measure_latencies

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
    return measure_latencies({"": network})[""]
