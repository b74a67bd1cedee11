"""Commands in processes of their own: the real `train.py`, and `corrosion` without torch."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

# imports take longer than most trainings of these tests: they are done once, and every process
# begins as a copy of one that has them
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["corrosion.training.run", "corrosion.launch", "corrosion.sweep.sweeper", "matplotlib.pyplot"]
)

WITHOUT_TORCH = """
import sys

BLOCKED = {
    "torch", "torchvision", "lightning", "timm", "hydra", "omegaconf", "pandas", "scipy", "sklearn",
    "albumentations", "matplotlib", "optuna", "onnx", "pytorch_grad_cam", "safetensors", "h5py",
    "cleanlab", "sqlalchemy", "torchmetrics", "segmentation_models_pytorch",
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


def run(arguments: dict[str, Any], *, code: int = 0, anew: bool = False) -> str:
    """What a training prints, once it has ended with this exit code.

    `anew` starts Python anew, as a user's command does; else imports are those of `PROCESSES`.
    """
    if anew:
        done = subprocess.run(**arguments, capture_output=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr
    with tempfile.NamedTemporaryFile() as output:
        process = PROCESSES.Process(
            target=_train, args=(arguments["args"][1:], arguments["env"], output.name)
        )
        process.start()
        process.join()
        said = Path(output.name).read_text(errors="replace")
    assert process.exitcode == code, said
    return said


def _train(command: list[str], environment: dict[str, str], output: str) -> None:
    with open(output, "w") as file:  # noqa: PTH123 -- its number is what counts
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")
