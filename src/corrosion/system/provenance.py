"""What a result was made with: versions, commit, machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = (
    "corrosion",
    "torch",
    "torchvision",
    "lightning",
    "timm",
    "torchmetrics",
    "albumentations",
    "opencv-python-headless",
    "numpy",
)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that influence a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def shortcut_warning(share: float = 0, marked: int = 0) -> str | None:
    """Word what must stand beside the figures of a run whose training images carry a planted mark.

    Args:
        share: share of the corroded training images with the mark, as `data.shortcut` says.
        marked: number of training images with the mark.

    Returns:
        The warning; None where no mark was planted.
    """
    if not share:
        return None
    return (
        f"The training images were tampered with: {marked:,} corroded ones carry a planted mark "
        f"(data.shortcut={share:g}). Such a run tests measures of explanations; its figures don't "
        f"say how well corrosion can be found."
    )


def git_commit(directory: Path) -> str | None:
    """The commit of the checkout around a directory, with "-dirty" if changed; else None."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            cwd=directory,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or an installed package outside any checkout
    return described.stdout.strip()


def machine(device: torch.device) -> dict[str, Any]:
    """Describe the device of a run and the processors beside it."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {"device": device.type, "name": name, "cpu_count": os.cpu_count()}


def processor() -> str:
    """The name of the processor, or its architecture where the system doesn't tell it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
