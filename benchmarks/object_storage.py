"""What `corrosion predict` loses, in photographs and in time, where they lie in object storage.

    python benchmarks/object_storage.py RUN [--count 500] [--failures 0.05] [--json FILE]
    python benchmarks/object_storage.py RUN --count 30 --place az://photos/try

The same photographs are predicted from a folder and from a bucket of an S3 server on loopback
(moto), of whose answers a share fails: by an error of the server, or by bytes that are missing.
Both write to a folder, and a third time the results go to the bucket too. Told are images a second
and their ratio to the folder's, milliseconds of a processor an image in the process of the command,
how many requests failed, and whether all rows are equal. The server is another process, on the same
processors: a real one does not take these, but answers later.

With `--place` the photographs are copied to that address first, of whatever server the environment
leads to, as Azurite or an emulator of Google's storage; the results go below it too, and
`corrosion audit` is tried there. Nothing is deleted.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from PIL import Image
from rich.console import Console
from s3_server import BUCKET, s3_server

from corrosion.cli.main import main as corrosion
from corrosion.data.places import remote
from corrosion.report.tables import TextTable
from corrosion.system.files import write_json

_WARM = 20  # photographs that are predicted before anything is measured
_LARGEST = 2**30  # bytes of a table


@dataclass(frozen=True)
class Place:
    """Where the photographs lie elsewhere.

    Attributes:
        address: of a folder.
        fail: has a share of the requests fail, from now on.
        seen: how many requests there were and how many of them "failed", since it was asked last.
    """

    address: str
    fail: Callable[[float], None] = field(default=lambda _: None)
    seen: Callable[[], tuple[int, int]] = field(default=lambda: (0, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--failures", type=float, default=0.05)
    parser.add_argument("--place", help="an address that can be written; an S3 server by default")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        with (
            patch.dict(os.environ, {"CORROSION_CACHE": f"{folder}/cache"}),
            moto(folder) if options.place is None else given(options.place) as place,
            # of its own, so that the server takes no time of it
            ProcessPoolExecutor(1, get_context("spawn")) as command,
        ):
            found = measure(options, folder, place, command)
    if options.json is not None:
        write_json(options.json, found)
    if not all(row["equal"] for row in found):
        raise SystemExit("rows differ")


@contextmanager
def moto(folder: Path) -> Iterator[Place]:
    """An S3 server on loopback."""
    with s3_server(folder) as server, patch.dict(os.environ, server.environment):
        faults = server.faults

        def seen() -> tuple[int, int]:
            counts = dict(faults.seen)
            faults.seen.clear()
            failed = counts.pop("failed", 0)
            return sum(counts.values()), failed

        yield Place(f"s3://{BUCKET}/try", lambda share: setattr(faults, "share", share), seen)


@contextmanager
def given(address: str) -> Iterator[Place]:
    """A place of which nothing is known but its address."""
    yield Place(address.rstrip("/"))


def measure(
    options: argparse.Namespace, folder: Path, place: Place, command: Executor
) -> list[dict[str, Any]]:
    """The same photographs from here and from there."""
    for kind in ("clean", "corroded"):
        draw(folder / "photos" / kind, options.count // 2, options.size)
        for one in (folder / "photos" / kind).iterdir():
            remote.send(one, f"{place.address}/in/{kind}/{one.name}")
    draw(folder / "few", _WARM, options.size)
    for one in (folder / "few").iterdir():
        remote.send(one, f"{place.address}/few/{one.name}")
    predict = ("predict", options.run, "--recursive")
    for name, few in (("here", folder / "few"), ("there", f"{place.address}/few")):
        # imports, and what is set up once
        timed(command, *predict, few, "--out", folder / name)
    there = f"{place.address}/in"
    places = {
        "a folder": (folder / "photos", folder / "local"),
        "a bucket": (there, folder / "far"),
        "a bucket, results too": (there, f"{place.address}/out"),
    }
    rows: list[dict[str, Any]] = []
    expected = pd.DataFrame()
    for name, (photographs, out) in places.items():
        place.fail(options.failures)
        place.seen()
        seconds, processor = timed(command, *predict, photographs, "--out", out)
        requests, failed = place.seen()
        place.fail(0)
        found = predictions(out)
        expected = found if name == "a folder" else expected
        count = len(expected)
        rows.append(
            {
                "place": name,
                "images_per_second": count / seconds,
                "ratio": rows[0]["seconds"] / seconds if rows else 1.0,
                "seconds": seconds,
                "processor_ms": 1000 * processor / count,
                "requests": requests,
                "failed": failed,
                "equal": found.equals(expected),
            }
        )
    place.fail(options.failures)
    timed(command, "audit", there, "--corrosion", "corroded", "--no-corrosion", "clean",
          "--out", f"{place.address}/audit")  # fmt: skip
    place.fail(0)
    assert remote.content(f"{place.address}/audit/audit.json", _LARGEST)
    show(rows, options)
    return rows


def show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Print what was measured."""
    title = (
        f"{options.count} photographs of {options.size} px, {options.failures:.0%} failures, "
        f"load {os.getloadavg()[0]:.0f}"
    )
    columns = (
        "photographs in", "images/s", "ratio", "processor ms", "requests, failed", "rows equal"
    )  # fmt: skip
    cells = [
        (
            row["place"],
            f"{row['images_per_second']:.1f}",
            f"{row['ratio']:.2f}",
            f"{row['processor_ms']:.1f}",
            f"{row['requests']}, {row['failed']}",
            "yes" if row["equal"] else "NO",
        )
        for row in rows
    ]
    TextTable.of(title, columns, cells).print(Console())


def draw(folder: Path, count: int, size: int) -> None:
    """Photographs with detail, as JPEG."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(len(folder.name))
    for number in range(count):
        colours = chance.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((size, size)).save(folder / f"{number:05d}.jpg")


def timed(command: Executor, *arguments: object) -> tuple[float, float]:
    """Seconds that a command takes, and those of a processor."""
    return command.submit(_timed, [*map(str, arguments)]).result()


def _timed(arguments: list[str]) -> tuple[float, float]:
    began, busy = time.perf_counter(), time.process_time()
    code = corrosion(arguments)
    if code:
        raise RuntimeError(f"corrosion {' '.join(arguments)} ended with {code}")
    return time.perf_counter() - began, time.process_time() - busy


def predictions(out: str | Path) -> pd.DataFrame:
    """The table of a run, with the names of files and folders instead of paths."""
    if isinstance(out, Path):
        content = (out / "predictions.csv").read_bytes()
    else:
        content = remote.content(f"{out}/predictions.csv", _LARGEST)
    table = pd.read_csv(io.BytesIO(content))
    return table.assign(path=table["path"].str.split("/").str[-2:].str.join("/"))


if __name__ == "__main__":
    main()
