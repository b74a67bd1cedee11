"""Choose the device that a network runs on."""

from __future__ import annotations

import torch

from corrosion.errors import CorrosionError


def choose_device(device: str | torch.device) -> torch.device:
    """Find the device that a name stands for, if this machine has it.

    Args:
        device: "auto" (a GPU if there is one), "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        CorrosionError: the name is unknown, or this machine has no such device.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
        >>> choose_device("gpu")
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: device=gpu: give auto, cpu, cuda, cuda:1 or mps.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise _unknown(device) from error
    if found.type not in ("cpu", "cuda", "mps"):
        raise _unknown(device)
    if found.type == "mps" and not torch.backends.mps.is_available():
        raise CorrosionError(f"device={device}: this machine has none. Give auto or cpu.")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        gpus = torch.cuda.device_count()
        raise CorrosionError(
            f"device={device}: PyTorch finds {gpus or 'no'} GPU{'s' if gpus > 1 else ''} here. "
            f"Give auto or cpu{', or a lower number' if gpus else ''}."
        )
    return found


def lightning_device(device: str) -> tuple[str, list[int] | None]:
    """Accelerator and numbers of devices that a name stands for, as `lightning.Trainer` takes them.

    Args:
        device: as `choose_device` takes it.

    Returns:
        The accelerator, and the number behind the colon in a list; None without one.

    Example:
        >>> lightning_device("cuda:1"), lightning_device("auto")
        (('cuda', [1]), ('auto', None))
    """
    accelerator, _, index = device.partition(":")
    return accelerator, [int(index)] if index else None


def _unknown(device: object) -> CorrosionError:
    return CorrosionError(f"device={device}: give auto, cpu, cuda, cuda:1 or mps.")
