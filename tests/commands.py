"""Commands in processes of their own: the real `train.py`, and `corrosion` without torch."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

WITHOUT_TORCH = """
import sys

BLOCKED = {
    "torch", "torchvision", "lightning", "timm", "hydra", "omegaconf", "pandas", "scipy", "sklearn",
    "albumentations", "matplotlib", "optuna", "onnx", "pytorch_grad_cam", "safetensors",
}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from corrosion.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
"""A program that runs `corrosion` without torch and all that exported files do without."""


def training(*arguments: str, cache: Path) -> dict[str, Any]:
    """What `subprocess.run` takes to call `train.py` without a network; `cache` is its own."""
    environment = {
        **os.environ,
        "CORROSION_CACHE": str(cache),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    return {
        "args": [sys.executable, str(ROOT / "train.py"), *arguments],
        "env": environment,
        "cwd": ROOT,
        "text": True,
    }


def run(arguments: dict[str, Any], *, code: int = 0) -> str:
    """What a command prints, once it has ended with this exit code."""
    done = subprocess.run(**arguments, capture_output=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
