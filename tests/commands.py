"""Commands in processes of their own: the real `train.py`, and `corrosion` without torch."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from blank_figures import save_figures_blank

ROOT = Path(__file__).parents[1]

# imports take longer than most trainings of these tests: they are done once, and every process
# begins as a copy of one that has them
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "corrosion.training.run", "corrosion.launch", "corrosion.sweep.pruning",
        "corrosion.sweep.sweeper", "corrosion.prediction.predict_files",
        "matplotlib.backends.backend_svg", "matplotlib.pyplot", "pytorch_grad_cam",
        "adlfs", "gcsfs", "s3fs",  # Lightning imports what is installed to save a checkpoint
    ]
)  # fmt: skip

WITHOUT_TORCH = """
import sys

BLOCKED = {
    "torch", "torchvision", "lightning", "timm", "hydra", "omegaconf", "pandas", "scipy", "sklearn",
    "albumentations", "matplotlib", "optuna", "onnx", "pytorch_grad_cam", "safetensors", "h5py",
    "cleanlab", "sqlalchemy", "torchmetrics", "segmentation_models_pytorch", "yaml", "reportlab",
    "xlsxwriter", "rich",
}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from corrosion.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
"""A program that runs `corrosion` without all that the dependencies of runtime/ leave out."""


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


def run(
    arguments: dict[str, Any], *, code: int = 0, anew: bool = False, figures: bool = False
) -> str:
    """What a training prints, once it has ended with this exit code.

    Args:
        arguments: as `training` gives them.
        code: exit code that it must end with.
        anew: start Python anew, as a user's command does; else it begins with the imports of
            `PROCESSES`.
        figures: whether figures are drawn; they always are in what starts anew.
    """
    if not anew:
        return Started(arguments, figures=figures).end(code)
    done = subprocess.run(**arguments, capture_output=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


class Started:
    """A training that runs as a copy of the process that has its imports.

    Args:
        arguments: as `training` gives them.
        figures: whether figures are drawn.
    """

    def __init__(self, arguments: dict[str, Any], *, figures: bool = False) -> None:
        self._output = tempfile.NamedTemporaryFile()  # noqa: SIM115 -- lives as long as this
        self._process = PROCESSES.Process(
            target=_train,
            args=(arguments["args"][1:], arguments["env"], self._output.name, figures),
        )
        self._process.start()
        self.pid = self._process.pid

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def said(self) -> str:
        """What it has printed so far."""
        return Path(self._output.name).read_text(errors="replace")

    def end(self, code: int = 0, *, seconds: float | None = None) -> str:
        """What it has printed, once it has ended with this exit code within `seconds`."""
        self._process.join(seconds)
        self._process.kill()
        assert self._process.exitcode == code, self.said()
        return self.said()


def _train(command: list[str], environment: dict[str, str], output: str, figures: bool) -> None:
    with open(output, "w") as file:  # noqa: PTH123 -- its number is what counts
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    if not figures:
        save_figures_blank()
    # the processes of a training with several are copies too
    from corrosion.training import distributed

    distributed.LaunchConfig = partial(distributed.LaunchConfig, start_method="fork")
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")
