"""Read state dicts and checkpoints as data: tensors and plain values, never pickled code."""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from corrosion.errors import CorrosionError

NETWORK_PREFIX = "network."
"""Prefix of the network's names in the state dict of our LightningModule."""

_ZIP = b"PK\x03\x04"
_DAMAGED = "damaged or cut short: copy it again from where it was written, or train again."


def read_checkpoint(path: Path) -> Any:
    """Read a torch file without executing code from it.

    Args:
        path: path of a .ckpt, .pth, .pt or .bin file.

    Returns:
        Tensors and plain containers, on the CPU.

    Raises:
        CorrosionError: the file is missing, damaged, not a torch file, or holds pickled objects.
    """
    if not path.is_file():
        raise CorrosionError(f"No checkpoint or file of weights at {path}.")
    _check_sums(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds: EOFError, KeyError, UnpicklingError
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            # torch goes on to advise weights_only=False, which would run that code
            raise CorrosionError(
                f"{path} contains pickled code, which we never run: save a state_dict, of tensors "
                f"and plain values only."
            ) from error
        raise CorrosionError(f"{path} is no torch file, or {_DAMAGED}") from error


def _check_sums(path: Path) -> None:
    """Refuse an archive with a part that is not what was written; torch itself compares no sums."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:  # of a torch before 1.6
            return
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()  # 20 ms for 20 MB
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
        raise CorrosionError(f"{path} is {_DAMAGED}") from error
    if bad is not None:
        raise CorrosionError(f"{path} is {_DAMAGED}")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read names and tensors from a file of weights.

    Args:
        path: path of a .safetensors file, or of a torch file with a state dict, bare or wrapped
            as training scripts do (`state_dict`, `model`, `module.` before every name).

    Raises:
        CorrosionError: the file is missing or damaged, or holds no state dict.
    """
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise CorrosionError(f"{path} can't be read as safetensors: {error}") from error
    content = read_checkpoint(path)
    if isinstance(content, dict):
        for key in ("state_dict", "model"):
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if not isinstance(content, dict) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise CorrosionError(f"{path} holds no state dict (a mapping of names to tensors).")
    return {key.removeprefix("module."): value for key, value in content.items()}


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Select the entries whose names start with a prefix, by the rest of their names.

    Example:
        >>> below({"network.head.bias": torch.zeros(1), "epoch": torch.ones(1)}, "network.")
        {'head.bias': tensor([0.])}
    """
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }
