"""Whether the tensors of a checkpoint fit the network that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models.checkpoint_schema import WAY_OUT


def check_width(name: str, rows: Tensor, wanted: int, path: Path) -> None:
    """Refuse what is made for other features than those of the network.

    Args:
        name: name of the value in the checkpoint.
        rows: (K, C), a row of weights or features each.
        wanted: number of features of the network.
        path: path of the checkpoint, for the message.

    Raises:
        CorrosionError: C is another number.
    """
    if rows.shape[1] != wanted:
        raise CorrosionError(
            f"{path}: {name} has {rows.shape[1]} features for the {wanted} of the network. "
            f"{WAY_OUT}"
        )


def check_fit(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path, network: str
) -> None:
    """Refuse tensors that a network has not, lacks, or has in another shape or of another kind.

    Args:
        state: tensors of the checkpoint, by name.
        wanted: those of the network.
        path: path of the checkpoint, for the message.
        network: what the network is, in words.

    Raises:
        CorrosionError: there is one; it is named.
    """
    for name in dict.fromkeys([*wanted, *state]):
        here, there = (_described(one.get(name)) for one in (state, wanted))
        if here != there:
            raise CorrosionError(
                f"{path} doesn't fit the {network}: {name:.80} is {here} in the file, {there} in "
                f"the network. It was written by another version of corrosion, timm or "
                f"segmentation-models-pytorch: use that one, or train again."
            )


def _described(tensor: Tensor | None) -> str:
    if tensor is None:
        return "missing"
    kind = "numbers" if tensor.is_floating_point() else "whole numbers"
    return f"{kind} of shape {tuple(tensor.shape)}"


def is_finite(module: nn.Module) -> bool:
    """Whether all weights and statistics of a module are numbers."""
    return all(bool(value.isfinite().all()) for value in module.state_dict().values())
