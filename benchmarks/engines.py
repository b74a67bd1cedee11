"""Both engines of `corrosion predict` over the same photographs, and what becomes of killed parts.

    python benchmarks/engines.py --count 5000                # images/s of both engines
    python benchmarks/engines.py --count 2000 --kill-worker  # a network's process is killed
    python benchmarks/engines.py --count 2000 --kill-node    # one of two machines is killed
    python benchmarks/engines.py --count 2000 --kill-run     # the command itself, then --resume

The cluster of two is two nodes of Ray on this machine, each with processes and memory of its own.
Exits with 1 where a row differs from the ordinary engine's, is missing, or stands twice.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")

import cv2
import numpy as np
import psutil
import torch

from corrosion.models.digest import sign
from corrosion.prediction.shards import SHARD
from corrosion.training.module import CorrosionModule

ROOT = Path(__file__).parents[1]
COMMAND = "import sys; from corrosion.cli.main import main; sys.exit(main())"
BEGAN = time.perf_counter()
PATIENCE = {
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_worker_niceness": "0",  # as high as the ordinary engine, on a machine with other work
}
During = Callable[["subprocess.Popen[bytes]", Path], None]


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photographs(folder / "photographs", options.count, options.size)
        checkpoint(folder / "best.ckpt", options.model)
        say(
            f"{options.model}, {options.count} photographs of {options.size[0]} x "
            f"{options.size[1]}, load {os.getloadavg()[0]:.1f}"
        )
        if options.kill_worker:
            others = [run(folder, "killed", options, "--engine=ray", "--devices=2", during=kill)]
        elif options.kill_run:
            others = [killed_and_resumed(folder, options)]
        elif options.kill_node:
            others = [on_two_nodes(folder, options)]
        else:
            others = [
                run(folder, f"ray-{count}", options, "--engine=ray", f"--devices={count}")
                for count in (1, 2)
            ]
        ordinary = run(folder, "ordinary", options)
        equal = [same(ordinary, other) for other in others]  # each is told
        sys.exit(0 if all(equal) else 1)


def say(text: str) -> None:
    """A line with the seconds since the beginning."""
    print(f"{time.perf_counter() - BEGAN:7.1f} s  {text}", flush=True)


def run(
    folder: Path,
    name: str,
    options: argparse.Namespace,
    *more: str,
    during: During | None = None,
    code: int = 0,
) -> Path:
    """Run `corrosion predict` and say how long it took; returns its folder."""
    out = folder / name
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            sys.executable, "-c", COMMAND, "predict", "best.ckpt", "photographs", "--device=cpu",
            "--out", str(out), *more,
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    busy: dict[int, float] = {}
    measuring = threading.Thread(target=measure, args=(process, busy), daemon=True)
    measuring.start()
    if during is not None:
        during(process, out)
    output, _ = process.communicate()
    if process.returncode != code:
        sys.exit(output.decode())
    seconds = time.perf_counter() - began
    measuring.join()
    say(
        f"{name}: {options.count / seconds:.1f} images/s with all that starts and ends a run "
        f"({seconds:.0f} s, {sum(busy.values()):.0f} s of a processor in {len(busy)} processes, "
        f"load {os.getloadavg()[0]:.1f})"
    )
    return out


def measure(process: subprocess.Popen[bytes], busy: dict[int, float]) -> None:
    """Add up seconds of a processor by process, of a command and all that it starts."""
    while process.poll() is None:
        with suppress(psutil.Error):
            command = psutil.Process(process.pid)
            for one in (command, *command.children(recursive=True)):
                with suppress(psutil.Error):
                    busy[one.pid] = sum(one.cpu_times()[:2])
        time.sleep(0.5)


def finished(out: Path) -> int:
    """How many shards are finished."""
    return len(list(out.glob("progress/shards/*.parquet")))


def wait_for_shards(process: subprocess.Popen[bytes], out: Path, count: int = 1) -> None:
    """Wait until some shards are finished."""
    while process.poll() is None and finished(out) < count:
        time.sleep(0.05)
    if process.poll() is not None:
        sys.exit("the run ended before anything was killed: give a larger --count")


def kill(process: subprocess.Popen[bytes], out: Path) -> None:
    """Kill a process that runs the network."""
    wait_for_shards(process, out)
    for one in psutil.Process(process.pid).children(recursive=True):
        if "Predicting" in "".join(one.cmdline()[:1]):
            say(f"SIGKILL to {one.pid}, {' '.join(one.cmdline())}; {finished(out)} shards finished")
            one.kill()
            return
    sys.exit("no process of a network was found")


def killed_and_resumed(folder: Path, options: argparse.Namespace) -> Path:
    """Kill the command and all of Ray, then go on."""
    kept: dict[str, int] = {}

    def kill_all(process: subprocess.Popen[bytes], out: Path) -> None:
        wait_for_shards(process, out, 2)
        children = psutil.Process(process.pid).children(recursive=True)
        for one in (process, *children):
            one.send_signal(signal.SIGKILL)
        psutil.wait_procs(children, timeout=10)
        kept.update((one.name, one.stat().st_ino) for one in out.glob("progress/shards/*.parquet"))
        say(f"SIGKILL to the command and all that it started; {len(kept)} shards finished")

    more = ("--engine=ray", "--devices=2")
    run(folder, "resumed", options, *more, during=kill_all, code=-signal.SIGKILL)
    again: list[str] = []

    def watch(process: subprocess.Popen[bytes], out: Path) -> None:
        while process.poll() is None:
            again.extend(
                one.name
                for one in out.glob("progress/shards/*.parquet")
                if one.name in kept and one.stat().st_ino != kept[one.name]
            )
            time.sleep(0.2)
            if finished(out) * SHARD >= options.count:
                return

    out = run(folder, "resumed", options, *more, "--resume", during=watch)
    say(f"{len(set(again))} finished shards were made again")
    return out


def on_two_nodes(folder: Path, options: argparse.Namespace) -> Path:
    """Kill one machine of a cluster of two while it works."""
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = str(ROOT / "src")  # of the nodes, which load what they are to do
    os.environ |= PATIENCE
    cluster = Cluster()
    node = {"num_cpus": 2, "object_store_memory": 256 * 2**20}
    with no_wait_for_agents():
        started(cluster, include_dashboard=False, **node)
        say(f"head at {cluster.address}, {node['num_cpus']} processors")
        second = started(cluster, **node)
    say(f"second node {second.node_id[:8]}, {node['num_cpus']} processors")

    def kill_node(process: subprocess.Popen[bytes], out: Path) -> None:
        wait_for_shards(process, out)
        [raylet] = second.all_processes["raylet"]
        children = psutil.Process(raylet.process.pid).children()
        workers = sorted(one.cmdline()[0] for one in children if one.cmdline())
        say(f"{finished(out)} shards finished; on the second node: {', '.join(workers) or '?'}")
        cluster.remove_node(second, allow_graceful=False)
        say("second node killed (SIGKILL to its raylet, with which its workers end)")

    try:
        more = ("--engine=ray", "--devices=2", f"--address={cluster.address}")
        return run(folder, "node-killed", options, *more, during=kill_node)
    finally:
        cluster.shutdown()


@contextmanager
def no_wait_for_agents() -> Iterator[None]:
    """Have nodes start before what tells their state to a dashboard.

    A node ends itself where that has not told its ports in files within 15 s, as on a busy machine,
    and no setting of Ray changes this: so the files are written here, with the number that stands
    for none.
    """
    from ray import _raylet
    from ray._private.node import Node

    start = Node.start_ray_processes

    def started(node: Any) -> None:
        for name in ("METRICS_AGENT", "METRICS_EXPORT", "DASHBOARD_AGENT_LISTEN"):
            port = getattr(_raylet, f"{name}_PORT_NAME")
            _raylet.persist_port(node.get_session_dir_path(), node.node_id, port, -1)
        with socket.socket() as free:
            free.bind(("", 0))
            # one that is given is not waited for
            node._ray_params.runtime_env_agent_port = free.getsockname()[1]
        start(node)

    with patch.object(Node, "start_ray_processes", started):
        yield


def started(cluster: Any, **options: Any) -> Any:
    """A further node, tried again where it does not start in the time that Ray gives it."""
    for attempt in range(6):
        try:
            return cluster.add_node(**options)
        except Exception as error:
            say(f"attempt {attempt + 1} to start a node: {str(error)[:60]}")
    sys.exit("a node of Ray did not start")


def same(first: Path, second: Path) -> bool:
    """Whether two runs have the same rows, text by text, and the same pictures, byte by byte."""
    tables = [(out / "predictions.csv").read_text().splitlines() for out in (first, second)]
    different = sum(one != other for one, other in zip(*tables, strict=False))
    names = [
        sorted(str(one.relative_to(out)) for one in out.glob("*/*/*")) for out in (first, second)
    ]
    pictures = names[0] == names[1] and all(
        (first / name).read_bytes() == (second / name).read_bytes() for name in names[0]
    )
    doubled = len(tables[1]) - len(set(tables[1]))
    say(
        f"{second.name}: {len(tables[1]) - 1} rows, {len(tables[0]) - 1} of the ordinary engine, "
        f"{different} different, {doubled} twice; pictures {'equal' if pictures else 'DIFFERENT'}"
    )
    return tables[0] == tables[1] and not doubled and pictures


def photographs(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Noisy pictures; fifty different ones."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    files = []
    for _ in range(50):
        coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
        noisy = np.clip(smooth + generator.integers(-12, 12, smooth.shape), 0, 255)
        encoded = cv2.imencode(".jpg", noisy.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        files.append(encoded.tobytes())
    for number in range(count):
        (folder / f"{number:06d}.jpg").write_bytes(files[number % len(files)])


def checkpoint(path: Path, model: str) -> None:
    """A checkpoint of an untrained network."""
    torch.manual_seed(0)
    module = CorrosionModule(model)
    content = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
    content["epoch"] = 0
    sign(content)
    torch.save(content, path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument(
        "--size", type=int, nargs=2, default=(640, 480), metavar=("WIDTH", "HEIGHT")
    )
    parser.add_argument("--model", default="mobilenetv2")
    kills = parser.add_mutually_exclusive_group()
    for what in ("worker", "node", "run"):
        kills.add_argument(f"--kill-{what}", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
