"""The real `train.py` in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


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
