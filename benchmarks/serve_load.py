"""Requests a second of `corrosion serve` under load, against the images a second of `predict`.

    python benchmarks/serve_load.py [MODEL] [--clients 50] [--requests 2000] [--plain]

Photographs of 1600 x 1200 pixels are generated. `corrosion predict` predicts them all, then the
service is started on loopback and as many clients as asked for send one photograph each, again
and again, until the number of requests is reached; a client that is told that the queue is full
(429) comes back after a moment, as it is told to. Clients, service and network share the processors
of this machine. Both commands are processes of their own. `predict` counts without its start and
its end: two runs, over a tenth and over all, give the time between. With --plain neither looks for
regions (`--no-regions`); otherwise `predict --explain` is printed beside `predict`.

Prints requests/s, the ratio to `predict`, p50 and p99 of the seconds that a request took, the
service's memory at the start, in the middle and at the end, and how many requests have no answer.
Processor milliseconds a photograph say the same whatever else the machine does.
Without MODEL an untrained mobilenetv2 is served.
"""

from __future__ import annotations

import argparse
import http.client
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

MEBI = 2**20
TIMEOUT = 600  # seconds: on a busy machine an answer may take minutes
LAUNCH = (
    sys.executable,
    "-c",
    "import sys; from corrosion.cli.main import main; sys.exit(main())",
)


@dataclass
class Load:
    """What the clients have seen.

    Attributes:
        seconds: of each answered request, waiting after a 429 included.
        statuses: how often each status came.
        lost: requests that ended without an answer.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0


@dataclass(frozen=True)
class Rate:
    """How fast photographs are answered.

    Attributes:
        each_second: photographs a second, on the clock.
        processor: processor milliseconds a photograph.
    """

    each_second: float
    processor: float

    def line(self, name: str, what: str) -> str:
        return f"{name:<18}{self.each_second:7.1f} {what}/s {self.processor:7.1f} processor ms"


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = options.model or untrained(folder / "best.ckpt")
        paths = photographs(folder / "photographs", options.photographs)
        few = photographs(folder / "few", max(1, options.photographs // 10))
        print(f"{model}, {options.clients} clients, load of the machine {load_of_machine()}")
        backend = () if options.backend is None else (f"--backend={options.backend}",)
        baseline = predict_rate(model, few, paths, folder, backend)
        print(baseline.line("predict", "images"), flush=True)
        if not options.plain:
            explained = predict_rate(model, few, paths, folder, (*backend, "--explain"))
            print(explained.line("predict --explain", "images"), flush=True)
        given = (*backend, *(("--no-regions",) if options.plain else ()))
        with service(model, given) as (process, address):
            measure(options, address, process.pid, paths, baseline)
        print(f"exit code of the service after SIGTERM: {process.returncode}")


def measure(
    options: argparse.Namespace, address: str, pid: int, paths: list[Path], baseline: Rate
) -> None:
    contents = [path.read_bytes() for path in paths]
    flood(address, contents, options.clients, options.clients * 2)  # warm
    memory = [resident(pid)]
    rates = []
    spent, own = processor_of(pid), time.process_time()
    total = Load()
    for _ in range(2):
        began = time.perf_counter()
        load = flood(address, contents, options.clients, options.requests // 2)
        rates.append(len(load.seconds) / (time.perf_counter() - began))
        memory.append(resident(pid))
        total.seconds += load.seconds
        total.statuses += load.statuses
        total.lost += load.lost
    count = len(total.seconds)
    rate = Rate(statistics.harmonic_mean(rates), 1000 * (processor_of(pid) - spent) / count)
    clients = 1000 * (time.process_time() - own) / count
    centiles = statistics.quantiles(total.seconds, n=100)
    print(
        f"{rate.line('serve', 'requests')}, the clients {clients:.1f} beside\n"
        f"of predict: {rate.each_second / baseline.each_second:.2f} by the clock (halves "
        f"{rates[0]:.1f} and {rates[1]:.1f}/s), {baseline.processor / rate.processor:.2f} by the "
        f"processors\n"
        f"seconds of a request: p50 {centiles[49]:.2f}, p99 {centiles[98]:.2f}\n"
        f"memory MiB: start {memory[0]:.0f}, middle {memory[1]:.0f}, end {memory[2]:.0f}\n"
        f"statuses {dict(total.statuses)}, lost {total.lost}; "
        f"load of the machine {load_of_machine()}",
        flush=True,
    )


def flood(address: str, contents: list[bytes], clients: int, requests: int) -> Load:
    """Requests by clients at once; each has a connection of its own."""
    load, lock = Load(), threading.Lock()
    numbers = iter(range(requests))

    def client() -> None:
        place = urlsplit(address)
        connection = http.client.HTTPConnection(
            place.hostname or "", place.port, timeout=2 * TIMEOUT
        )
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            began = time.perf_counter()
            try:
                statuses = ask(connection, contents[number % len(contents)])
            except (OSError, http.client.HTTPException):
                connection.close()
                with lock:
                    load.lost += 1
                continue
            with lock:
                load.statuses.update(statuses)
                if statuses[-1] == 200:
                    load.seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load


def ask(connection: http.client.HTTPConnection, content: bytes) -> list[int]:
    """Send a photograph until it is answered; the statuses on the way."""
    statuses = []
    while True:
        connection.request("POST", "/predict", content, {"Content-Type": "image/jpeg"})
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        if response.status != 429:
            return statuses
        time.sleep(float(response.headers["Retry-After"]))


@contextmanager
def service(model: Path, given: tuple[str, ...]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*LAUNCH, "serve", str(model), "--device", "cpu", "--port", "0",
         f"--timeout={TIMEOUT}", *given],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    if not address:
        raise SystemExit("the service did not start")
    try:
        yield process, address
    finally:
        process.terminate()
        process.wait(60)


def predict_rate(
    model: Path, few: list[Path], many: list[Path], folder: Path, given: tuple[str, ...]
) -> Rate:
    """`corrosion predict`, its start and its end left out."""
    seconds, processor = [], []
    for number, paths in enumerate((few, many)):
        out = folder / f"out{number}{''.join(given)}"
        began, before = time.perf_counter(), processor_of_children()
        subprocess.run(
            [*LAUNCH, "predict", str(model), str(paths[0].parent), "--out", str(out),
             "--device", "cpu", *given],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        seconds.append(time.perf_counter() - began)
        processor.append(processor_of_children() - before)
    count, spent = len(many) - len(few), seconds[1] - seconds[0]
    # on a busy machine a start may take longer than all photographs: the clock tells nothing then
    each_second = count / spent if spent > 0 else math.nan
    return Rate(each_second, 1000 * (processor[1] - processor[0]) / count)


def photographs(folder: Path, count: int) -> list[Path]:
    """JPEG files of 1600 x 1200 pixels with detail of several sizes."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    paths = []
    for number in range(count):
        scene = np.zeros((1200, 1600, 3), dtype=np.float32)
        for cells in (4, 32, 256):
            grid = generator.integers(0, 256, (cells, cells, 3)).astype(np.float32)
            scene += cv2.resize(grid, (1600, 1200), interpolation=cv2.INTER_CUBIC) / 3
        paths.append(folder / f"{number:04}.jpg")
        pixels = scene.clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(paths[-1]), pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return paths


def untrained(path: Path) -> Path:
    import torch

    from corrosion.training.module import CorrosionModule

    module = CorrosionModule("mobilenetv2")
    content = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
    torch.save(content | {"epoch": 0}, path)
    return path


def processor_of(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processor_of_children() -> float:
    """Processor seconds of the processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def resident(pid: int) -> float:
    """Memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEBI


def load_of_machine() -> str:
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--photographs", type=int, default=300)
    parser.add_argument("--backend", help="of predict and of serve")
    parser.add_argument("--plain", action="store_true", help="leave out regions")
    return parser.parse_args()


if __name__ == "__main__":
    main()
