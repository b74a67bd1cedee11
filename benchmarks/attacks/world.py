"""The sound run, photographs and predictions that attacks are made of, and what one can come to."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from attacks.child import Action, run_in_child

ROOT = Path(__file__).parents[2]

TRAINING = (
    "experiment=quick", "data.count=80", "data.batch_size=8", "model.weights=null",
    "model.backbone=test_resnet.r160_in1k", "data.image_size=64", "trainer=cpu",
    "trainer.max_epochs=2", "trainer.limit_train_batches=4", "trainer.progress_bar=false",
    "explain.images=0",
)  # fmt: skip
"""Overrides of the run that everything starts from: seconds, and good for nothing but this."""

GIB = 2**30
SECONDS = 60
"""An attack that takes a processor longer hangs, however busy the machine is."""

LONGEST = 600
"""One that waits for something as long, seconds of the clock, hangs too."""

MEMORY = 3 * GIB
"""An attack that takes more is one on the machine."""

LIMIT = 9 * GIB
"""An attack gets no more: the machine stays usable."""

Verdict = Literal["clear", "row", "right", "traceback", "hang", "memory", "wrong", "lost"]
FAILED: tuple[Verdict, ...] = ("traceback", "hang", "memory", "wrong", "lost")
"""Verdicts that must not be. The others: an error in a line, a row with its reason, no harm."""


class Result(NamedTuple):
    """What a command came to.

    Attributes:
        code: exit code; None where it was stopped for taking too long.
        text: what it wrote to standard output and error.
        memory: most that it had in memory, in bytes.
    """

    code: int | None
    text: str
    memory: int


@dataclass(frozen=True)
class World:
    """What is sound.

    Attributes:
        folder: holds run/ (a finished training), photographs/ (a few), predictions/ (of them).
        truth: the run's probability of each photograph, by file name.
    """

    folder: Path
    truth: Mapping[str, float]

    @property
    def run(self) -> Path:
        """The run's directory."""
        return self.folder / "run"

    @property
    def checkpoint(self) -> Path:
        """The run's network."""
        return self.run / "checkpoints" / "best.ckpt"

    @property
    def photographs(self) -> Path:
        """A folder of sound photographs."""
        return self.folder / "photographs"

    @property
    def labelled(self) -> Path:
        """A folder of sound photographs of each class, 12 in all."""
        return self.folder / "sample" / "images"

    @property
    def interrupted(self) -> Path:
        """The output folder of one that was stopped before its table was written."""
        return self.folder / "interrupted"

    @property
    def predictions(self) -> Path:
        """The output folder of `corrosion predict` on the photographs."""
        return self.folder / "predictions"


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        kind: its class.
        name: what it does.
        prepare: puts into an empty folder what attacks, and says what is run there.
        judge: what it came to, of the folder and the result, once neither a traceback nor a hang
            nor a lack of memory is the answer.
    """

    kind: str
    name: str
    prepare: Callable[[Path, World], Action]
    judge: Callable[[Path, World, Result], Verdict]

    def carry_out(self, folder: Path, world: World) -> tuple[Verdict, Result]:
        """The verdict, and what it was drawn from."""
        folder.mkdir(parents=True)
        result = isolated(self.prepare(folder, world), folder)
        if result.code is None:
            return "hang", result
        if result.memory > MEMORY:
            return "memory", result
        if "Traceback" in result.text or result.code not in (0, 1, 2, 3):
            return "traceback", result
        return self.judge(folder, world, result), result


Generator = Callable[[World, random.Random], Iterator[Attack]]
"""Draws attacks of a kind without end."""


def make_world(folder: Path) -> World:
    """Train a small network, predict with it, and interrupt another prediction."""
    world = World(folder, {})
    training = [sys.executable, str(ROOT / "train.py"), *TRAINING, f"hydra.run.dir={world.run}"]
    subprocess.run(training, cwd=ROOT, check=True, capture_output=True)
    _made(["sample", str(folder / "sample"), "--count=16", "--size=96"], folder)
    world.photographs.mkdir()
    for number, path in enumerate(sorted(world.labelled.rglob("*.jpg"))[::4]):
        path.rename(world.photographs / f"good{number}{path.suffix}")
    command = ["predict", str(world.run), str(world.photographs), "--device=cpu", "--out"]
    _made([*command, str(world.predictions)], folder)
    _made(partial(_interrupted, [*command, str(world.interrupted)]), folder)
    return World(folder, probabilities(world.predictions))


def _made(action: Action, folder: Path) -> None:
    result = isolated(action, folder)
    if result.code != 0:
        raise RuntimeError(result.text)


def _interrupted(arguments: Sequence[str]) -> int:
    """Predict, and end as if killed before the table is written."""
    from corrosion.cli.main import main
    from corrosion.prediction import output_folder

    def stop(_: object) -> None:
        raise SystemExit(0)

    output_folder.OutputFolder.check_complete = stop  # type: ignore[method-assign]
    return main(arguments)


def probabilities(out: Path) -> dict[str, float]:
    """Probability of each file of an output folder, by its name; NaN where there is none."""
    table = pd.read_csv(out / "predictions.csv")
    return {
        Path(path).name: float(value)
        for path, value in zip(table["path"], table["probability"], strict=True)
    }


def isolated(action: Action, folder: Path) -> Result:
    """Run something in a process of its own, in a folder, with what it writes."""
    output = folder.with_name(folder.name + ".txt")
    output.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        cache = str(folder.with_name(folder.name + ".cache"))
        run_in_child(
            action, folder=folder, output=output, more={"CORROSION_CACHE": cache}, limit=_limit
        )
    deadline = time.monotonic() + LONGEST
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done or time.monotonic() > deadline:
            break
        time.sleep(0.005)
    code: int | None = os.waitstatus_to_exitcode(status) if done else None
    if code == -signal.SIGXCPU:
        code = None
    if not done:
        os.killpg(child, signal.SIGKILL)
        _, _, usage = os.wait4(child, 0)
    text = output.read_text(encoding="utf-8", errors="replace")
    return Result(code, text, usage.ru_maxrss * 1024)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))


def is_clear(result: Result) -> bool:
    """Whether a command was refused in a sentence."""
    lines = [line for line in result.text.splitlines() if line.strip()]
    return (
        result.code in (1, 2)
        and bool(lines)
        and any(line.startswith(("corrosion", "train", "ERROR")) and ":" in line for line in lines)
    )
