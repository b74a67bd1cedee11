"""Which weights learn how fast: groups of parameters, and the learning rate's course."""

from __future__ import annotations

import math
from typing import Any

from timm.optim import param_groups_layer_decay
from torch import nn
from torch.nn import Parameter

from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier


def parameter_groups(
    network: CorrosionClassifier, *, lr: float, backbone_lr_factor: float, layer_decay: float
) -> list[dict[str, Any]]:
    """The learning parameters of a network by learning rate, the head's first.

    With `layer_decay` below 1 each layer of the backbone learns slower than the one behind it
    (Clark et al., ICLR 2020, ELECTRA; Bao et al., ICLR 2022, BEiT): what the first layers know of
    edges and colours serves any task. Layers are those of timm's `group_matcher`, its blocks.

    Args:
        network: frozen parameters are left out.
        lr: of the head.
        backbone_lr_factor: the share of it that the last layer of the backbone gets.
        layer_decay: the share that every layer gets of what the one behind it gets, (0, 1].

    Returns:
        Groups with `params` and `lr`, for an optimiser of torch.

    Raises:
        CorrosionError: `layer_decay` is below 1, and timm knows no order of the backbone's layers.

    Example:
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", image_size=64)
        >>> groups = parameter_groups(network, lr=1e-3, backbone_lr_factor=0.1, layer_decay=1.0)
        >>> [group["lr"] for group in groups]
        [0.001, 0.0001]
    """
    scales = _layer_scales(network.backbone, layer_decay) if layer_decay < 1 else {}
    by_rate: dict[float, list[Parameter]] = {}
    for parameter in network.backbone.parameters():
        if parameter.requires_grad:
            rate = lr * backbone_lr_factor * scales.get(parameter, 1.0)
            by_rate.setdefault(rate, []).append(parameter)
    head = [parameter for parameter in network.head.parameters() if parameter.requires_grad]
    return [{"params": head, "lr": lr}] + [
        {"params": parameters, "lr": rate} for rate, parameters in by_rate.items()
    ]


def _layer_scales(backbone: nn.Module, layer_decay: float) -> dict[Parameter, float]:
    """The share of the last layer's learning rate, by parameter that learns."""
    try:
        groups = param_groups_layer_decay(backbone, layer_decay=layer_decay)
    except (AssertionError, AttributeError) as error:
        raise CorrosionError(
            f"layer_decay={layer_decay}: timm knows no order of this backbone's layers. "
            f"Choose another model.backbone, or layer_decay=1 with model.backbone_lr_factor."
        ) from error
    return {parameter: group["lr_scale"] for group in groups for parameter in group["params"]}


def lr_factor(step: int, *, schedule: str, steps: int, warmup: int) -> float:
    """Share of the learning rate at an optimiser step: linear warm-up, then the schedule.

    Args:
        step: from 0.
        schedule: "none" (constant) or "cosine" (falls to 0; Loshchilov and Hutter 2017, eq. 5,
            without restarts).
        steps: of the whole training.
        warmup: steps of warm-up.

    Returns:
        In [0, 1].

    Example:
        >>> steps = (0, 1, 2, 5, 8)
        >>> [round(lr_factor(at, schedule="cosine", steps=8, warmup=2), 2) for at in steps]
        [0.33, 0.67, 1.0, 0.5, 0.0]
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "none":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
