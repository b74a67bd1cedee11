"""Memory and time of `predict` and `audit` on very many small files, with a kill at half.

    python benchmarks/load.py [--count 100000] [--audits 4] [--only audit,predict]

Photographs of 64 x 64 pixels are generated, every hundredth a copy of the one before in another
quality. A small network is trained.

- *audit*: an eighth, a quarter, half and all of them (`--audits 4`), each with a cache of its own:
  seconds on the clock and of the processors, memory, and the near-duplicates found.
- *predict*: killed (SIGKILL) once half of the files have their rows, then resumed. Memory is what
  all its processes together hold of their own (Linux), looked at five times a second: when 1,000
  files of an attempt had their rows, the most from there to the last row, and the most while
  the table and the page were written. Every file must have one row, with an answer. Pages of
  programs, which the kernel reads from the disk again when it wants, are not counted: Python's
  end alone touches 130 MB of those of PyTorch, whatever was predicted.

Exits with 1 if a row is missing, double or without an answer, or memory grew by more than 50 MB.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from attacks.world import ROOT, TRAINING

MB = 10**6
FIRST = 1000
ALLOWED = 50
PROGRAM = "import sys; from corrosion.cli.main import main; sys.exit(main())"


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        os.environ["CORROSION_CACHE"] = str(folder / "cache")
        failed = [WHAT[what](folder, options) for what in options.only.split(",")]
    sys.exit(any(failed))


def photographs(folder: Path, count: int) -> Path:
    """A folder of so many photographs; those that are there stay."""
    place = folder / "photographs"
    classes = [place / name for name in ("corrosion", "no_corrosion")]
    for one in classes:
        one.mkdir(parents=True, exist_ok=True)
    for number in range(sum(1 for _ in place.rglob("*.jpg")), count):
        copy = number % 100 == 99
        draw = np.random.default_rng(number - copy)
        coarse = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC)
        quality = [cv2.IMWRITE_JPEG_QUALITY, 80 if copy else 90]
        path = classes[number // 100 % 2] / f"{number:07d}.jpg"
        path.write_bytes(cv2.imencode(".jpg", picture, quality)[1].data)
    return place


def audits(folder: Path, options: argparse.Namespace) -> bool:
    """Audit more and more of the photographs."""
    failed = False
    for halvings in reversed(range(options.audits)):
        count = options.count >> halvings
        place = photographs(folder, count)
        os.environ["CORROSION_CACHE"] = str(folder / f"cache-{count}")
        out = folder / f"audit-{count}"
        watched = Watched.run(["audit", str(place), f"--out={out}"], folder / f"audit-{count}.txt")
        print(
            f"audit {count:,}: {watched.seconds:.0f} s, of processors {watched.processor:.0f} s "
            f"({1000 * watched.processor / count:.2f} ms a file), at most {watched.most():.0f} MB; "
            + " / ".join((folder / f"audit-{count}.txt").read_text().split("\n")[-options.lines :]),
            flush=True,
        )
        failed |= watched.code != 0
    os.environ["CORROSION_CACHE"] = str(folder / "cache")
    return failed


def predictions(folder: Path, options: argparse.Namespace) -> bool:
    """Predict all photographs, with a kill at half."""
    place = photographs(folder, options.count)
    run, out = folder / "run", folder / "out"
    training = [sys.executable, str(ROOT / "train.py"), *TRAINING, f"hydra.run.dir={run}"]
    subprocess.run(training, cwd=ROOT, check=True, capture_output=True)
    command = ["predict", str(run), str(place), "--recursive", "--device=cpu", f"--out={out}"]
    command += options.options
    half = options.count // 2
    told = folder / "predict.txt"
    killed = Watched.run(command, told, rows_of=out, until=half)
    resumed = Watched.run([*command, "--resume"], told, rows_of=out, before=killed.rows)
    failed = resumed.code != 0
    for name, watched in (("until the kill", killed), ("resumed", resumed)):
        begin, grown = watched.memory_at(FIRST), watched.grown(FIRST)
        print(
            f"predict {options.count:,} {name}: {watched.rows:,} rows in {watched.seconds:.0f} s "
            f"(of processors {watched.processor:.0f} s); "
            f"{begin:.0f} MB at {FIRST:,} rows, {grown:+.0f} MB at most until the last row",
            flush=True,
        )
        failed |= grown > ALLOWED
    print(f"table and page: {resumed.ending():+.0f} MB at most, {resumed.ending_seconds():.0f} s")
    failed |= resumed.ending() > ALLOWED
    print(told.read_text()[-1000:])
    table = pd.read_csv(out / "predictions.csv")
    double, missing = int(table["path"].duplicated().sum()), options.count - len(table)
    unanswered = int(table["probability"].isna().sum())
    print(f"rows: {missing} missing, {double} double, {unanswered} without an answer", flush=True)
    return failed or bool(double or missing or unanswered)


@dataclass
class Watched:
    """A command, and what was seen of it.

    Attributes:
        seconds: that it took.
        processor: seconds that processors worked for it, whatever else the machine did.
        code: exit code; negative where it was killed.
        samples: seconds since its start, rows that it has written so far, megabytes.
    """

    seconds: float = 0.0
    processor: float = 0.0
    code: int = 0
    samples: list[tuple[float, int, float]] = field(default_factory=list)

    @classmethod
    def run(
        cls,
        arguments: Sequence[str],
        output: Path,
        *,
        rows_of: Path | None = None,
        before: int = 0,
        until: int | None = None,
    ) -> Watched:
        """Run a command of `corrosion`; kill it once so many rows are written."""
        seen, began, reader = cls(), time.monotonic(), Rows(rows_of, before)
        with output.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *arguments],
                cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            rows = reader.count()
            seen.samples.append((time.monotonic() - began, rows, memory(process.pid)))
            if until is not None and rows >= until:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.2)
        seen.seconds, seen.code = time.monotonic() - began, os.waitstatus_to_exitcode(ended[1])
        seen.processor = ended[2].ru_utime + ended[2].ru_stime
        return seen

    @property
    def rows(self) -> int:
        """Rows that it has written."""
        return max((rows for _, rows, _ in self.samples), default=0)

    def most(self) -> float:
        """Largest memory in megabytes."""
        return max(memory for _, _, memory in self.samples)

    def memory_at(self, rows: int) -> float:
        """Memory when it had written so many rows."""
        return next((memory for _, there, memory in self.samples if there >= rows), float("nan"))

    def grown(self, rows: int) -> float:
        """By how much it grew from there to the last row, at most."""
        later = [memory for _, there, memory in self.samples if rows <= there < self.rows]
        return max(later, default=0.0) - self.memory_at(rows)

    def ending(self) -> float:
        """By how much it grew from the first thousand rows to its end, after the last row."""
        last = [memory for _, there, memory in self.samples if there == self.rows]
        return max(last) - self.memory_at(FIRST)

    def ending_seconds(self) -> float:
        """Seconds after the last row."""
        return self.seconds - next(at for at, there, _ in self.samples if there == self.rows)


class Rows:
    """Counts the rows that journals have got; of a folder, beyond those of before."""

    def __init__(self, out: Path | None, before: int) -> None:
        self._out, self._before, self._read = out, before, {}  # type: ignore[var-annotated]
        self._count = 0

    def count(self) -> int:
        """Rows so far."""
        if self._out is None:
            return 0
        for path in self._out.glob("progress/rows-*.jsonl"):
            try:
                with path.open("rb") as file:
                    file.seek(self._read.get(path, 0))
                    new = file.read()
            except FileNotFoundError:  # the run has ended
                continue
            self._read[path] = self._read.get(path, 0) + len(new)
            self._count += new.count(b"\n")
        return self._count - self._before


def memory(process: int) -> float:
    """Resident megabytes of a process and all that it has started, pages of files left out."""
    total, waiting = 0, [process]
    while waiting:
        one = waiting.pop()
        try:
            _, resident, shared = map(int, Path(f"/proc/{one}/statm").read_text().split()[:3])
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except (OSError, ValueError):  # it has ended
            continue
        total += (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    return total / MB


WHAT: Mapping[str, Callable[[Path, argparse.Namespace], bool]] = {
    "audit": audits,
    "predict": predictions,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="files (default: %(default)s)")
    parser.add_argument("--audits", type=int, default=4, help="of halves of halves of them")
    parser.add_argument("--only", default=",".join(WHAT), help="default: %(default)s")
    parser.add_argument("--options", nargs="*", default=[], help="more options of predict")
    parser.add_argument("--folder", help="where files lie meanwhile (default: the system's)")
    parser.add_argument("--lines", type=int, default=4, help="of the output of audits")
    return parser.parse_args()


if __name__ == "__main__":
    main()
