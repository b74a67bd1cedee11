"""A checkpoint as a folder without pickled code, which timm and the Hugging Face hub take.

    config.json           what timm needs to build the backbone, and under `corrosion` all the rest
    model.safetensors     the backbone, by timm's names
    corrosion.safetensors the head, and all other tensors

The plain values under `corrosion` are those of a checkpoint, in their order, so that the digest of
the checkpoint is that of the folder too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from corrosion.errors import CorrosionError
from corrosion.models.digest import DECIDING, KEY
from corrosion.run_places import PACKED
from corrosion.system.files import read_json

CONFIG = "config.json"
"""Name of the file with all plain values."""

_REST = "corrosion.safetensors"
_OWN = "corrosion"  # key of ours beside those of timm
_BACKBONE = "network.backbone."
_IN_BACKBONE, _IN_REST, _NUMBER = "$backbone", "$tensor", "$number"  # of what JSON has none
_LARGEST_CONFIG = 16 * 2**20  # bytes; 0.1 MB are usual
_WAY_OUT = "Copy the folder again from where it was written."


def write_packed(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Write the tensors of a checkpoint into a folder.

    Args:
        content: of the checkpoint, with its digest.
        folder: folder that is there, and empty.

    Returns:
        Plain values to be written under `corrosion` in `config.json`.

    Raises:
        OSError: the folder can't be written.
    """
    backbone: dict[str, Tensor] = {}
    rest: dict[str, Tensor] = {}
    plain = {
        key: _plain(content[key], key, backbone, rest) for key in (*DECIDING, KEY) if key in content
    }
    for name, tensors in ((PACKED, backbone), (_REST, rest)):
        try:
            save_file(tensors, folder / name, metadata={"format": "pt"})
        except SafetensorError as error:
            raise OSError(f"{name}: {error}") from error
        (folder / name).chmod(0o644)  # safetensors' 0600 would hide it from colleagues
    return {_OWN: plain}


def read_packed(path: Path) -> dict[str, Any]:
    """Read a checkpoint from its folder.

    Args:
        path: path of the `model.safetensors` in it.

    Returns:
        What the checkpoint held: tensors and plain values by key.

    Raises:
        CorrosionError: a file is missing or damaged, or no checkpoint of this project was packed.
    """
    folder = path.parent
    config = folder / CONFIG
    if not config.is_file():
        raise CorrosionError(
            f"{path} has no {CONFIG} beside it, and is no packed checkpoint: as the first weights "
            f"of a training it can be given by model.weights={path}."
        )
    if config.stat().st_size > _LARGEST_CONFIG:
        raise CorrosionError(f"{config} is larger than any of ours. {_WAY_OUT}")
    plain = read_json(config, kind=dict, way_out=_WAY_OUT).get(_OWN)
    if not isinstance(plain, dict):
        raise CorrosionError(
            f"{config} is not of a checkpoint of corrosion: it has no mapping {_OWN!r}. As the "
            f"first weights of a training it can be given by model.weights={path}."
        )
    tensors = {}
    for kind, name in ((_IN_BACKBONE, PACKED), (_IN_REST, _REST)):
        try:
            tensors[kind] = load_file(folder / name)
        except (SafetensorError, OSError) as error:
            raise CorrosionError(f"{folder / name} can't be read: {error}. {_WAY_OUT}") from error
    try:
        return {key: _whole(value, tensors) for key, value in plain.items()}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CorrosionError(
            f"{config} names tensors or values that are not there: {error}. {_WAY_OUT}"
        ) from error


def _plain(value: Any, name: str, backbone: dict[str, Tensor], rest: dict[str, Tensor]) -> Any:
    """A value as JSON has it; tensors are put by."""
    if isinstance(value, Tensor):
        tensor = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        inside = name.removeprefix(f"state_dict.{_BACKBONE}")
        if inside != name:
            backbone[inside] = tensor
            return {_IN_BACKBONE: inside}
        rest[name] = tensor
        return {_IN_REST: name}
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{name}.{key}", backbone, rest) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{name}.{index}", backbone, rest) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(value)}
    return value


def _whole(value: Any, tensors: Mapping[str, Mapping[str, Tensor]]) -> Any:
    """A value of a checkpoint, from what `_plain` has made of it."""
    if isinstance(value, list):
        return [_whole(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(kind, name)] = value.items()
        if kind in tensors and isinstance(name, str):
            return tensors[kind][name]
        if kind == _NUMBER and isinstance(name, str):
            return float(name)
    return {key: _whole(item, tensors) for key, item in value.items()}


def config_text(config: Mapping[str, Any]) -> str:
    """The text of `config.json`.

    Raises:
        ValueError: a value is none that JSON has.
    """
    return json.dumps(config, indent=1, allow_nan=False) + "\n"
