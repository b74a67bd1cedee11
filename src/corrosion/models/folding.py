"""Batch normalisation as a part of the convolutions before it: the same features in less time."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from itertools import chain
from typing import Any

import torch
from timm.layers import (
    BatchNormAct2d,
    Conv2dSame,
    get_notrace_functions,
    get_notrace_modules,
)
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

log = logging.getLogger(__name__)

# by their very types: a subclass may do anything with its weights
_CONVOLUTIONS = (nn.Conv2d, Conv2dSame)
_NORMALISATIONS = (nn.BatchNorm2d, BatchNormAct2d)


def folded(backbone: Any) -> Any:
    """Copy a backbone with each batch normalisation folded into the convolution before it.

    In evaluation mode both are linear, so one convolution does what the two did (Jacob et al.,
    Quantization and training of neural networks for efficient integer-arithmetic-only inference,
    CVPR 2018, section 3.2), up to rounding. What can't be folded stays as it is: a normalisation
    whose input something else needs too, or that is shared; convolutions that change their weights
    on the way; half precision, which would round the products; and whole networks that `torch.fx`
    can't trace.

    Args:
        backbone: a network with `forward_features`, in any mode; it stays as it is.

    Returns:
        The copy, in evaluation mode; what was not folded has its weights in common with the
        backbone.
    """
    # tensors are the backbone's own, since nothing here writes to them
    tensors = {id(one): one for one in chain(backbone.parameters(), backbone.buffers())}
    copied = copy.deepcopy(backbone, tensors).eval()
    modules = dict(copied.named_modules())
    for convolution, normalisation in _pairs(copied, modules):
        conv, norm = modules[convolution], modules[normalisation]
        after = nn.Sequential(norm.drop, norm.act) if hasattr(norm, "act") else nn.Identity()
        copied.set_submodule(convolution, fuse_conv_bn_eval(conv, norm))
        copied.set_submodule(normalisation, after)
    return copied


def _pairs(backbone: nn.Module, modules: dict[str, nn.Module]) -> list[tuple[str, str]]:
    """Names of convolutions, each with the normalisation that alone sees what it gives."""
    try:
        graph = _Tracer(autowrap_functions=tuple(get_notrace_functions())).trace(
            _Features(backbone)
        )
    except Exception:  # each network has its own way
        log.debug("batch normalisation can't be folded", exc_info=True)
        return []
    calls = [node for node in graph.nodes if node.op == "call_module"]
    called = {node: str(node.target).removeprefix("backbone.") for node in calls}
    times = Counter(called.values())
    found = []
    for node in calls:
        inputs = node.all_input_nodes
        if len(inputs) != 1 or inputs[0] not in called or len(inputs[0].users) > 1:
            continue
        names = called[inputs[0]], called[node]
        if all(times[name] == 1 for name in names) and _fit(*(modules[name] for name in names)):
            found.append(names)
    return found


def _fit(conv: Any, norm: Any) -> bool:
    """Whether two modules are a convolution and a normalisation that can be folded into it."""
    return (
        type(conv) in _CONVOLUTIONS
        and type(norm) in _NORMALISATIONS
        and norm.running_mean is not None
        and torch.finfo(conv.weight.dtype).bits >= 32
    )


class _Features(nn.Module):
    """Only `forward_features` of a backbone."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Any:
        return self.backbone.forward_features(images)


class _Tracer(fx.Tracer):
    """Looks into all modules but those that are folded, PyTorch's, and what timm excepts."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        leaves = (*_CONVOLUTIONS, *_NORMALISATIONS, *get_notrace_modules())
        return type(m) in leaves or super().is_leaf_module(m, module_qualified_name)
