"""Whether the localisation measures tell a network with a shortcut from an honest one.

    python benchmarks/planted_shortcut.py [--seeds 0 1] [--share 0.9] [--out FOLDER]

For each seed `train.py` trains a small network twice from the same random weights on the same
pictures of the sample: as they are, and with a mark on 90 % of the corroded training images
(`data.shortcut`). Both are judged by `corrosion explain-score`'s measures on corroded pictures of
a fresh sample, once with the mark on all of them, once as they are: their maps, and the scores that
masks of rust are cut from, as they are and after `corrosion train-masks RUN`, which must not paint
rust over a wrong explanation. Printed are the
means, the differences with their paired bootstrap intervals, and, as a check that the mark was
learnt at all, which share of corroded and of sound fresh pictures each network calls corroded with
and without it.
Exits with 1 unless the network with the shortcut is worse on marked pictures, significant, on every
measure of both, and for every seed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from corrosion.cli.main import main as main_of_corrosion
from corrosion.data.dataset import load_image
from corrosion.data.resizing import build_resize
from corrosion.data.sample import make_sample
from corrosion.data.shortcut import stamp
from corrosion.explanation.scoring import score_maps
from corrosion.models.checkpoint import load_model
from corrosion.report.explanation_scores import TITLES
from corrosion.settings.explanation import JudgedMap, MapScoreSettings

CLASSES = ("corrosion", "no_corrosion")
KINDS: dict[str, JudgedMap] = {"plain": "plain", "mask": "mask", "taught mask": "mask"}
FRESH_SEED = 1000  # the sample that is trained on has seed 0


def main() -> None:
    options = parse()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        sets = {
            name: make_sample(out / name, count=options.fresh, seed=FRESH_SEED, shortcut=share)
            for name, share in (("marked", 1), ("unmarked", 0))
        }
        rows = [row for seed in options.seeds for row in compare(out, sets, seed, options)]
    table = pd.DataFrame(rows)
    on_marked = table[table["pictures"] == "marked"]
    worse = on_marked["significant"] & (on_marked["difference"] < 0)
    print(
        f"with the shortcut worse on marked pictures, significant: {worse.sum()} of {len(worse)}; "
        f"{time.perf_counter() - started:.0f} s"
    )
    sys.exit(not worse.all())


def compare(
    out: Path, sets: dict[str, Path], seed: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Train and judge two networks; prints and returns a row a set and measure."""
    shares = {"honest": 0.0, "shortcut": options.share}
    checkpoints = {
        name: train(out / f"{name}-{seed}", share, seed, options) for name, share in shares.items()
    }
    for name, checkpoint in checkpoints.items():
        print(f"seed {seed}, {name}: called corroded: {called_corroded(checkpoint, sets)}")
    networks = list(checkpoints.values())
    judged = {"plain": networks, "mask": networks, "taught mask": list(map(teach, networks))}
    rows = [
        {
            "pictures": pictures,
            "map": kind,
            "measure": TITLES[test["metric"]],
            "honest": test["value_a"],
            "shortcut": test["value_b"],
            "difference": -test["difference"],
            "low": -test["high"],
            "high": -test["low"],
            "p": test["p_holm"],
            "significant": test["significant"],
        }
        for pictures, root in sets.items()
        for kind, judge in KINDS.items()
        for test in between(judged[kind], root, judge)
    ]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3f}".format), flush=True)
    return rows


def between(checkpoints: list[Path], root: Path, kind: JudgedMap) -> list[dict[str, Any]]:
    """The tests between two networks, one a measure."""
    tests = score_maps(checkpoints, root, MapScoreSettings(map=kind)).tests
    return tests[tests["network"] == ""].to_dict("records")


def train(run: Path, share: float, seed: int, options: argparse.Namespace) -> Path:
    """The best epoch's checkpoint of a training by the command that users give."""
    program = Path(__file__).resolve().parents[1] / "train.py"
    overrides = (
        "data=sample", f"data.shortcut={share}", f"seed={seed}", "model.weights=null",
        f"model.backbone={options.backbone}", f"trainer.max_epochs={options.epochs}",
        "trainer=cpu", "data.num_workers=0", "trainer.progress_bar=false", "explain.images=0",
        f"hydra.run.dir={run}",
    )  # fmt: skip
    subprocess.run(
        [sys.executable, str(program), *overrides], check=True, stdout=subprocess.DEVNULL
    )
    return run / "checkpoints" / "best.ckpt"


def teach(checkpoint: Path) -> Path:
    """The checkpoint of a run whose outlines have taught a mask network."""
    out = checkpoint.parents[1] / "taught"
    command = ["train-masks", str(checkpoint), "--out", str(out), "--device=cpu"]
    if main_of_corrosion(command) != 0:
        sys.exit("train-masks failed")
    return out / "checkpoints" / "best.ckpt"


@torch.inference_mode()
def called_corroded(checkpoint: Path, sets: dict[str, Path]) -> str:
    """Shares of the fresh pictures, of both classes, without and with the mark."""
    model = load_model(checkpoint)
    resize = build_resize(model.image_size, model.resize)
    told = []
    for name in CLASSES:
        folder = sets["unmarked"] / "images" / name
        plain = [load_image(path, resize) for path in sorted(folder.iterdir())]
        shares = [
            float((model.predict_proba(batch(images)) >= model.threshold).float().mean())
            for images in (plain, [stamp(image) for image in plain])
        ]
        told.append(f"{name} {shares[0]:.2f}, with the mark {shares[1]:.2f}")
    return "; ".join(told)


def batch(images: list[np.ndarray]) -> torch.Tensor:
    """(N, 3, H, W) uint8."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--share", type=float, default=0.9, help="data.shortcut")
    parser.add_argument("--backbone", default="resnet10t.c3_in1k")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--fresh", type=int, default=200, help="fresh pictures, half corroded")
    parser.add_argument("--out", type=Path, help="a new folder to keep the runs in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
