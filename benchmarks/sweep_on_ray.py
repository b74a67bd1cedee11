"""A sweep of 12 trials on Ray, two at a time, of which one worker is killed.

    python benchmarks/sweep_on_ray.py --trials 12 --kill 4

The trials are tiny (a network of a few thousand parameters on photographs of noise): what is tried
is that each is recorded once. It prints a table, and exits with 1 where a trial is lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).parents[1]
TINY = (
    "model.backbone=test_resnet.r160_in1k", "model.weights=null", "data=folder",
    "data.image_size=32", "data.batch_size=8", "data.num_workers=0", "trainer=cpu",
    "trainer.max_epochs=2", "trainer.progress_bar=false", "augment=none", "logger=none",
)  # fmt: skip
ON_RAY = (
    "hydra/launcher=ray", "hydra.launcher.ray.remote.num_cpus=1",
    "hydra.launcher.ray.remote.num_gpus=0", "hydra.sweeper.n_jobs=2",
)  # fmt: skip


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "photographs")
        command = [
            sys.executable, str(ROOT / "train.py"), "-m", "sweep=paper", *TINY, *ON_RAY,
            f"hydra.sweeper.n_trials={options.trials}", f"data.root={folder / 'photographs'}",
            f"hydra.sweep.dir={folder / 'sweep'}",
        ]  # fmt: skip
        environment = {
            "CORROSION_CACHE": str(folder / "cache"),
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(ROOT / "src"),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        began = time.perf_counter()
        with (folder / "log").open("w") as log:
            sweep = subprocess.Popen(
                command, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
            )
            killed = kill_worker(sweep, folder / "sweep", options.kill)
            code = sweep.wait()
        seconds = time.perf_counter() - began
        if code:
            sys.exit((folder / "log").read_text())
        sys.exit(report(folder / "sweep", options.trials, killed, seconds))


def draw(folder: Path) -> None:
    """10 rusty and 10 grey photographs of noise."""
    generator = np.random.default_rng(0)
    for name, colour in {"rusty": (150, 80, 40), "clean": (120, 125, 130)}.items():
        (folder / name).mkdir(parents=True)
        for index in range(10):
            pixels = np.clip(generator.normal(colour, 15, (40, 48, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{index}.png")


def kill_worker(sweep: subprocess.Popen[bytes], folder: Path, trial: int) -> str:
    """Kill (SIGKILL) the worker that trains a trial, once its run directory is there."""
    while sweep.poll() is None:
        time.sleep(0.2)
        for run in folder.glob(f"{trial}_*/train.log"):
            for worker in workers(sweep.pid):
                if any(file.path == str(run) for file in worker.open_files()):
                    worker.kill()
                    print(f"killed the worker {worker.pid} of trial {trial}", flush=True)
                    return run.parent.name
    return "none"


def workers(driver: int) -> list[psutil.Process]:
    """The processes of Ray below the sweep that run a trial."""
    return [
        one for one in psutil.Process(driver).children(recursive=True)
        if "_run_job" in "".join(one.cmdline()[:1])
    ]  # fmt: skip


def report(folder: Path, trials: int, killed: str, seconds: float) -> int:
    """Print what has become of the trials; 1 where one is lost or doubled."""
    found = json.loads((folder / "sweep.json").read_text())["trials"]
    runs = Counter(one["run_dir"] for one in found if one["state"] == "complete")
    finished = sorted(str(path.parent) for path in folder.glob("*/metrics.json"))
    print(f"{len(found)} trials in {seconds:.0f} s; killed while it trained: {killed}")
    print("states:", dict(Counter(one["state"] for one in found)))
    print("numbers:", [one["number"] for one in found])
    print("run directories with results:", len(finished))
    good = (
        [one["number"] for one in found] == list(range(trials))
        and set(runs.values()) == {1}
        and sorted(runs) == finished
        and len(finished) == trials
        and killed != "none"
    )
    print("none lost, none doubled" if good else "TRIALS LOST OR DOUBLED")
    return 0 if good else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--kill", type=int, default=4, help="number of the trial that is killed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
