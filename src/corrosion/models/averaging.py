"""One network of several that were fine-tuned from the same start: a model soup.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy
without increasing inference time", ICML 2022; this is their uniform soup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import read_content
from corrosion.models.checkpoint_schema import Hyperparameters
from corrosion.settings.data import InputSettings
from corrosion.settings.model import NetworkSettings

_OF_ONE = ("calibration", "training_distance", "mask_network", "competence", "kinds")
_STATE, _SETTINGS = "state_dict", "hyper_parameters"


def average_checkpoints(paths: Sequence[Path]) -> dict[str, Any]:
    """The checkpoint of the network whose weights are the means of those of several.

    Args:
        paths: paths of two checkpoints or more.

    Returns:
        What the checkpoint holds by key, as `corrosion.models.checkpoint.write_checkpoint` takes
        it: the settings of the first, whose `weights` say of how many networks it is the mean;
        without what holds for one network alone, as its temperature.

    Raises:
        CorrosionError: there are fewer than two, one can't be loaded, or they are networks of
            different kinds.
    """
    if len(paths) < 2:
        raise CorrosionError(
            f"{len(paths)} run: give two or more, as the folds of one cross-validation."
        )
    read = [read_content(path) for path in paths]
    for path, (_, values) in zip(paths[1:], read[1:], strict=True):
        _check_alike(read[0][1].hyper_parameters, values.hyper_parameters, paths[0], path)
    first, *others = [content for content, _ in read]
    content = {key: value for key, value in first.items() if key not in _OF_ONE}
    return {
        **content,
        _STATE: mean_state([one[_STATE] for one in (first, *others)]),
        _SETTINGS: _named(first[_SETTINGS], len(paths)),
    }


def _named(settings: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Settings that say what the network is the mean of, where they tell of its first weights."""
    began = settings.get("weights")
    if began is None:
        return dict(settings)
    detail = f"mean of {count} networks, each of which began with: {began.get('detail', '')}"
    return {**settings, "weights": {**began, "detail": detail}}


def mean_state(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of tensors by name; whole numbers, as counts of batches, are those of the first.

    Args:
        states: at least one, of the same names and shapes.

    Example:
        >>> states = [{"weight": torch.tensor([1.0, 2.0])}, {"weight": torch.tensor([3.0, 2.0])}]
        >>> mean_state(states)["weight"]
        tensor([2., 2.])
    """
    first = states[0]
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in first.items()
    }


def _check_alike(first: Hyperparameters, other: Hyperparameters, one: Path, another: Path) -> None:
    for name, group in (("model", NetworkSettings), ("data", InputSettings)):
        for key in group.model_fields:
            values = getattr(first, key), getattr(other, key)
            if values[0] != values[1]:
                raise CorrosionError(
                    f"{one} has {name}.{key}={values[0]}, {another} has {name}.{key}={values[1]}: "
                    f"weights of different networks have no mean. Give runs that differ in seed or "
                    f"fold alone: train one of these again with the other's {name}.{key}."
                )
