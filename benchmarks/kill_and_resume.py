"""Kills trainings at random moments (SIGKILL), resumes them, compares their ends bit for bit.

    python benchmarks/kill_and_resume.py [--kills 20] [--workers 0]

One training of the embedded sample runs undisturbed. Others, started by the same command with
`resume=auto`, are killed at moments drawn evenly from its duration (from the first file written,
so imports don't count) until they come through; the next one starts when one has. Weights of the
last and the best epoch and their averages, the optimiser's state, history and predictions must all
be equal. Batches are mixed by chance.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

TRAINING = (
    "experiment=quick", "data.count=80", "data.batch_size=4", "model.weights=null",
    "model.backbone=test_resnet.r160_in1k", "trainer=cpu", "trainer.max_epochs=12",
    "trainer.checkpoint_every=1", "trainer.limit_train_batches=null", "trainer.progress_bar=false",
    "explain.images=0", "resume=auto", "model.ema=0.99", "model.mixup=0.2", "model.cutmix=1",
)  # fmt: skip


def main() -> None:
    options = parse()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        seconds = live(whole, options.workers)
        print(f"undisturbed: {seconds:.1f} s from the first file to the last")
        expected = end_of(whole)
        kills = runs = differing = within = 0
        while kills < options.kills:
            run = Path(folder) / str(runs)
            while kills < options.kills:
                if live(run, options.workers, until=draw.uniform(0, seconds)) is not None:
                    break
                kills += 1
                within += stopped_within_an_epoch(run)
            else:
                live(run, options.workers)
            runs += 1
            differences = different(expected, end_of(run))
            differing += bool(differences)
            print(f"run {runs}: {kills} kills so far, different: {', '.join(differences) or 'no'}")
    print(
        f"{kills} kills ({within} left a checkpoint within an epoch), {runs} runs, "
        f"{differing} ended differently"
    )
    sys.exit(bool(differing))


def live(run: Path, workers: int, *, until: float | None = None) -> float | None:
    """Start or go on with a run; returns its seconds, or None if it was killed before its end."""
    sign = run / "split.csv"
    sign.unlink(missing_ok=True)
    train = Path(__file__).resolve().parents[1] / "train.py"
    overrides = (*TRAINING, f"hydra.run.dir={run}", f"data.num_workers={workers}")
    process = subprocess.Popen([sys.executable, str(train), *overrides], stdout=subprocess.DEVNULL)
    while not sign.exists() and process.poll() is None:
        time.sleep(0.01)
    began = time.perf_counter()
    try:
        code = process.wait(until)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
    if code:
        sys.exit(f"the training failed with exit code {code}")
    return time.perf_counter() - began


def stopped_within_an_epoch(run: Path) -> bool:
    path = run / "checkpoints" / "last.ckpt"
    if not path.exists():
        return False
    loop = torch.load(path, weights_only=True)["loops"]["fit_loop"]
    return not loop["epoch_loop.batch_progress"]["is_last_batch"]


def end_of(run: Path) -> dict[str, Any]:
    last, best = (
        torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for name in ("last", "best")
    )
    tables = {
        f"{name}.csv": pd.read_csv(run / f"{name}.csv").drop(columns="seconds", errors="ignore")
        for name in ("history", "predictions", "predictions_val", "split")
    }
    return {
        "last.ckpt": [last["state_dict"], last["current_model_state"]],
        "optimiser": last["optimizer_states"],
        "best.ckpt": [best["state_dict"], best["calibration"]],
    } | tables


def different(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    return [name for name in first if not equal(first[name], second[name])]


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, pd.DataFrame):
        return first.equals(second)
    return bool(first == second)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0, help="data.num_workers")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    return parser.parse_args()


if __name__ == "__main__":
    main()
