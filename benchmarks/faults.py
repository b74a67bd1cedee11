"""Faults from outside: kills, a full disk, two of a command at once, little shared memory.

    python benchmarks/faults.py [--kills 20] [--only kills,disk,twice,clock,shared]

A small network is trained, and everything happens to it:

- *kills*: `predict`, `audit`, the filling of the image cache and a sweep are killed (SIGKILL) at
  moments drawn evenly from their duration and started again, until each was killed so often; the
  end must be that of an undisturbed one. (Trainings: `kill_and_resume.py`.)
- *disk*: each command writes to a disk of a few megabytes that fills up (a tmpfs, which root may
  make). It must end in a sentence, and once there is room the same command must come to the end of
  an undisturbed one.
- *twice*: two of a command start at once in one folder: one does the work, or both do; nothing is
  lost or doubled.
- *clock*: files come from a time that has not been yet; answers stay.
- *shared*: `/dev/shm` of 16 MB, in a mount namespace of the command's own (root may make one);
  `loaders` is a training whose loader processes want more. The end must be that of an undisturbed
  one.

Exits with 1 if an end differs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd
from attack import import_all
from attacks.child import run_in_child
from attacks.world import ROOT, TRAINING, World, make_world
from load import photographs as small_photographs

PHOTOGRAPHS, DISTINCT = 120, 1500

FILES = {"report": "report.html", "export": "model.onnx"}
"""What commands write that write a file."""


@dataclass(frozen=True)
class Command:
    """A command, and what its end is.

    Attributes:
        arguments: of `corrosion`, with an output folder.
        again: those that go on after it was stopped.
        end: what it came to, of the output folder; ends of two that went well are equal.
        keeps: whether it goes on with what there is; otherwise its folder is removed before.
        environment: what it finds in its environment, by the output folder.
        kinds: faults that say something of it.
    """

    arguments: Callable[[Path], Sequence[str]]
    again: Callable[[Path], Sequence[str]]
    end: Callable[[Path], object]
    keeps: bool = True
    environment: Callable[[Path], Mapping[str, str]] = lambda _: {}
    kinds: Sequence[str] = ("kills", "disk", "twice", "clock", "shared")

    def go_on(self, out: Path) -> Sequence[str]:
        """The arguments after it was stopped."""
        if not self.keeps and out.exists():
            shutil.rmtree(out)
        return self.again(out)


def commands(world: World, photographs: Path, distinct: Path) -> Mapping[str, Command]:
    """The commands that write much."""

    def predict(out: Path) -> Sequence[str]:
        return (
            "predict",
            str(world.run),
            str(photographs),
            "--device=cpu",
            "--explain",
            f"--out={out}",
        )

    def audit(out: Path) -> Sequence[str]:
        return ("audit", str(world.labelled), f"--out={out}")

    def train(out: Path) -> Sequence[str]:
        return ("train", *TRAINING, f"hydra.run.dir={out}", "resume=auto")

    def loaders(out: Path) -> Sequence[str]:
        more = ("data.num_workers=2", "data.image_size=224", "data.batch_size=32")
        return (*train(out), *more, "data.count=200", "trainer.max_epochs=1")

    def cache(out: Path) -> Sequence[str]:
        run = out.with_name(f"{out.name}-run")
        return (
            "train", *TRAINING, f"hydra.run.dir={run}", "resume=auto", "data=folder",
            f"data.root={distinct}", "data.cache=true", "trainer.max_epochs=1",
        )  # fmt: skip

    def sweep(out: Path) -> Sequence[str]:
        return (
            "train", "-m", "sweep=pruned", *TRAINING, "hydra.sweeper.n_trials=3",
            f"hydra.sweeper.storage=sqlite:///{out}.db", "hydra.sweeper.study_name=faults",
            f"hydra.sweep.dir={out}",
        )  # fmt: skip

    run, few = str(world.run), str(world.photographs)
    other = shutil.copytree(world.run, world.folder / "other")
    made = {
        "evaluate": (run, str(world.labelled)),
        "compare": (run, str(other)),
        "report": (run,),
        "labels": (run,),
        "explain": (run, few),
        "export": (run,),
        "next": (run, few),
        "change": (run, few, few),
        "pack": (run,),
    }
    return {
        "predict": Command(predict, lambda out: (*predict(out), "--resume"), table_of),
        "audit": Command(audit, audit, files_of, keeps=False),
        "cache": Command(
            cache,
            cache,
            filled,
            environment=lambda out: {"CORROSION_CACHE": str(out)},
            kinds=("kills", "twice", "clock"),
        ),
        "train": Command(train, train, trained),
        "loaders": Command(loaders, loaders, trained, kinds=("shared",)),
        "sweep": Command(sweep, sweep, trials),
        **{name: _into_a_folder(name, *given) for name, given in made.items()},
    }


def _into_a_folder(name: str, *given: str) -> Command:
    """A command whose results are a new folder, or a file in one."""
    file = FILES.get(name, "")

    def arguments(out: Path) -> Sequence[str]:
        return (name, *given, f"--out={out / file}")

    return Command(arguments, arguments, files_of, keeps=False, kinds=("disk", "twice", "clock"))


def table_of(out: Path) -> object:
    """Rows of a table of predictions; whether each overlay that it names is there."""
    table = pd.read_csv(out / "predictions.csv", keep_default_na=False)
    overlays = [(out / one).is_file() for one in table["overlay"] if one]
    return table.astype(str).to_numpy().tolist(), overlays


def files_of(out: Path) -> object:
    """Names of the files in a folder."""
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.name != ".lock")


def trained(out: Path) -> object:
    """Predictions of a training."""
    return (
        pd.read_csv(out / "predictions.csv", keep_default_na=False).astype(str).to_numpy().tolist()
    )


def filled(out: Path) -> object:
    """Predictions of a training, and the images that its cache keeps, each once."""
    files = [file for file in (out / "images").rglob("*.images") if not file.name.startswith(".")]
    side = 64 * 64 * 3
    kept = [
        hashlib.sha256(content[start : start + side]).hexdigest()
        for content in (file.read_bytes() for file in files)
        for start in range(0, len(content), side)
    ]
    return trained(out.with_name(f"{out.name}-run")), sorted(kept)


def trials(out: Path) -> object:
    """Number of finished trials of a study, each once."""
    import optuna

    study = optuna.load_study(study_name="faults", storage=f"sqlite:///{out}.db")
    done = [trial.number for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]
    return len(done) >= 3, len(set(done)) == len(done)


def main() -> None:
    options = parse()
    draw = random.Random(options.seed)
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CORROSION_CACHE"] = str(folder / "cache")
        import_all()
        world = make_world(folder / "world")
        photographs = many_photographs(world, folder / "many")
        (folder / "distinct").mkdir()
        distinct = small_photographs(folder / "distinct", DISTINCT)
        there = commands(world, photographs, distinct)
        chosen = options.commands.split(",") if options.commands else list(there)
        for kind, command in product(options.only.split(","), chosen):
            if kind not in there[command].kinds:
                continue
            place = folder / f"{kind}-{command}"
            place.mkdir()
            began = time.monotonic()
            told = KINDS[kind](there[command], place, draw, options.kills)
            print(f"{kind:6} {command:9} {told} ({time.monotonic() - began:.0f} s)", flush=True)
            failed |= told.startswith("DIFFERENT")
            shutil.rmtree(place)
    sys.exit(failed)


def many_photographs(world: World, folder: Path) -> Path:
    """Enough photographs that a command takes seconds."""
    folder.mkdir()
    sound = sorted(world.photographs.iterdir())
    for number in range(PHOTOGRAPHS):
        path = sound[number % len(sound)]
        shutil.copy(path, folder / f"{number:03d}{path.suffix}")
    return folder


class Started:
    """A command in a process of its own, which was forked: everything is imported already."""

    def __init__(self, arguments: Sequence[str], output: Path, more: Mapping[str, str]) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            run_in_child(arguments, folder=ROOT, output=output, more=more)

    def poll(self) -> int | None:
        """The exit code, negative where it was killed; None while it runs."""
        if self.returncode is None and (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            self.returncode = os.waitstatus_to_exitcode(ended[1])
        return self.returncode

    def wait(self, seconds: float = float("inf")) -> int | None:
        """The exit code, as soon as it has ended or so many seconds have passed."""
        until = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        return self.returncode


def start(command: Command, out: Path, output: Path, *, again: bool = False) -> Started:
    """A command in a process of its own."""
    arguments = command.go_on(out) if again else command.arguments(out)
    return Started(arguments, output, command.environment(out))


def undisturbed(command: Command, place: Path) -> tuple[object, float, float]:
    """The end of a command that nothing happens to; seconds until its first file, and in all."""
    out = place / "whole"
    began = time.monotonic()
    process = start(command, out, place / "whole.txt")
    first = None
    while process.poll() is None:
        if first is None and out.exists():
            first = time.monotonic() - began
        time.sleep(0.005)
    if process.returncode != 0:
        raise RuntimeError((place / "whole.txt").read_text())
    return command.end(out), first or 0.0, time.monotonic() - began


def kills(command: Command, place: Path, draw: random.Random, count: int) -> str:
    """Kill a command and go on, again and again."""
    expected, first, whole = undisturbed(command, place)
    killed = runs = different = 0
    while killed < count:
        out, output = place / f"run{runs}", place / f"run{runs}.txt"
        for attempt in range(5):  # then it may come through
            process = start(command, out, output, again=attempt > 0)
            process.wait(first + draw.random() * (whole - first))
            if process.poll() is not None:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        else:
            process = start(command, out, output, again=True)
            process.wait()
        runs += 1
        if process.returncode != 0 or command.end(out) != expected:
            different += 1
            print(output.read_text()[-2000:])
    sign = "DIFFERENT" if different else "equal"
    return f"{sign}: {killed} kills in {runs} runs, {different} ended otherwise"


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def disk(command: Command, place: Path, *_: object) -> str:
    """Let a disk fill up at several moments, then make room and go on."""
    expected, _, _ = undisturbed(command, place)
    used = sum(path.stat().st_size for path in (place / "whole").rglob("*") if path.is_file())
    unclear = different = 0
    shares = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
    for number, share in enumerate(shares):
        mount = place / f"disk{number}"
        output = place / f"disk{number}.txt"
        with small_disk(mount, max(4096, int(used * share))):
            process = start(command, mount / "out", output)
            process.wait()
            text = output.read_text()
            if process.returncode != 0 and ("Traceback" in text or "space" not in text):
                unclear += 1
                print(text[-1500:])
            remount = ["mount", "-o", f"remount,size={used * 20}", str(mount)]
            subprocess.run(remount, check=True)
            if process.returncode != 0:
                process = start(command, mount / "out", output, again=True)
                process.wait()
            if process.returncode != 0 or command.end(mount / "out") != expected:
                different += 1
                print(output.read_text()[-1500:])
    sign = "DIFFERENT" if different or unclear else "equal"
    return (
        f"{sign}: {len(shares)} full disks, {unclear} without a sentence, "
        f"{different} ended otherwise"
    )


def twice(command: Command, place: Path, draw: random.Random, count: int) -> str:
    """Start a command twice at once."""
    expected, first, _ = undisturbed(command, place)
    refused = different = 0
    times = max(1, count // 5)
    for number in range(times):
        out, outputs = place / f"both{number}", [place / f"both{number}-{one}.txt" for one in "ab"]
        one = start(command, out, outputs[0])
        time.sleep(draw.random() * first)
        other = start(command, out, outputs[1], again=out.exists() and command.keeps)
        codes = sorted([one.wait(), other.wait()])
        refused += codes == [0, 1]
        text = "".join(output.read_text() for output in outputs)
        if codes not in ([0, 0], [0, 1]) or "Traceback" in text or command.end(out) != expected:
            different += 1
            print(codes, text[-2000:])
    sign = "DIFFERENT" if different else "equal"
    return f"{sign}: {times} times, one refused in {refused}, {different} ended otherwise"


def clock(command: Command, place: Path, *_: object) -> str:
    """Go on with files of the future."""
    expected, _, _ = undisturbed(command, place)
    tomorrow = time.time() + 10**6
    for path in (*place.rglob("*"), *Path(os.environ["CORROSION_CACHE"]).rglob("*")):
        os.utime(path, (tomorrow, tomorrow))
    process = start(command, place / "after", place / "after.txt")
    same = process.wait() == 0 and command.end(place / "after") == expected
    return "equal" if same else f"DIFFERENT: {(place / 'after.txt').read_text()[-1500:]}"


def shared(command: Command, place: Path, *_: object) -> str:
    """Leave a command little of the memory that processes share."""
    expected, _, _ = undisturbed(command, place)
    mount = 'mount -t tmpfs -o size=16m tmpfs /dev/shm && exec "$@"'
    program = "import sys; from corrosion.cli.main import main; sys.exit(main())"
    own = ("unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", program)
    with (place / "little.txt").open("ab") as file:
        process = subprocess.Popen(
            [*own, *command.arguments(place / "little")], cwd=ROOT,
            stdout=file, stderr=subprocess.STDOUT,
            env=os.environ | dict(command.environment(place / "little")),
        )  # fmt: skip
    same = process.wait() == 0 and command.end(place / "little") == expected
    return "equal" if same else f"DIFFERENT: {(place / 'little.txt').read_text()[-1500:]}"


KINDS: Mapping[str, Callable[[Command, Path, random.Random, int], str]] = {
    "kills": kills,
    "disk": disk,
    "twice": twice,
    "clock": clock,
    "shared": shared,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds (default: %(default)s)")
    parser.add_argument("--commands", help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
