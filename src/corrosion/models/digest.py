"""A SHA-256 over what decides the answers of a checkpoint, which tells that it was changed.

It guards against damage and against edits by mistake, not against whoever writes a new one: for
that, compare the file with what its author published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrosion.errors import CorrosionError

KEY = "sha256"
"""Key of the digest in a checkpoint."""

DECIDING = (
    "state_dict",
    "hyper_parameters",
    "epoch",
    "calibration",
    "training_distance",
    "mask_network",
    "competence",
    "kinds",
)
"""Keys of a checkpoint that it covers; the optimiser's state may be left out of a copy."""


_MOST_VALUES, _DEEPEST = 1_000_000, 20  # names and settings are some thousands, three deep


def digest(content: Mapping[str, Any]) -> str:
    """The digest of a checkpoint's content.

    Args:
        content: plain values and tensors by key, on any device and in any memory format.

    Returns:
        64 hexadecimal digits, the same before a file is written and after it is read.

    Raises:
        ValueError: it holds far more values, or is nested far deeper, than any checkpoint.

    Example:
        >>> weights = torch.zeros(2, 3)
        >>> digest({"state_dict": {"weight": weights}})[:12]
        '0f9a88b262bc'
        >>> digest({"state_dict": {"weight": weights.T.contiguous().T}})[:12]
        '0f9a88b262bc'
    """
    total = _Total()
    for key in DECIDING:
        if key in content:
            total.add(key)
            total.add(content[key])
    return total.sum.hexdigest()


def sign(content: dict[str, Any]) -> None:
    """Add its digest to a checkpoint that is about to be written, in place of an older one."""
    content[KEY] = digest(content)


def verify(content: Mapping[str, Any], path: Path) -> bool:
    """Compare a checkpoint that was read with the digest in it.

    Args:
        content: of the file.
        path: path of the file, for the message.

    Returns:
        Whether it has one: checkpoints of earlier versions and of other programs have none.

    Raises:
        CorrosionError: it has another one.
    """
    if content.get(KEY) is None:
        return False
    try:
        same = content[KEY] == digest(content)
    except ValueError:
        same = False
    if not same:
        raise CorrosionError(
            f"{path} was changed or damaged since it was written: its {KEY} is not that of its "
            f"weights and settings. Copy it again from where it was written, or train again."
        )
    return True


class _Total:
    """Adds up values, each with its kind, so that no two contents are added alike."""

    def __init__(self) -> None:
        self.sum = hashlib.sha256()
        self._values = 0

    def add(self, value: Any, depth: int = 0) -> None:
        """Add a value and what is in it."""
        self._values += 1
        if self._values > _MOST_VALUES or depth > _DEEPEST:
            raise ValueError("no checkpoint holds so many values")
        if isinstance(value, Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1)
            self.sum.update(f"tensor {value.dtype} {tuple(value.shape)}\n".encode())
            self.sum.update(flat.view(torch.uint8).numpy().data)
        elif isinstance(value, Mapping):
            self.sum.update(f"mapping {len(value)}\n".encode())
            for key, item in value.items():
                self.add(key, depth + 1)
                self.add(item, depth + 1)
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogatepass")
            self.sum.update(f"text {len(text)}\n".encode() + text)
        elif isinstance(value, Sequence):
            self.sum.update(f"list {len(value)}\n".encode())
            for item in value:
                self.add(item, depth + 1)
        elif isinstance(value, (bool, int)):
            self.sum.update(f"{type(value).__name__} {value:x}\n".encode())
        elif isinstance(value, float):
            self.sum.update(f"number {float.hex(value)}\n".encode())
        else:
            self.sum.update(f"{type(value).__name__}\n".encode())
