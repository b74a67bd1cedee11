"""What `corrosion predict` loses, in photographs and in time, where they lie in object storage.

    python benchmarks/object_storage.py RUN [--count 500] [--failures 0.05] [--json FILE]

The same photographs are predicted from a folder and from a bucket of an S3 server on loopback
(moto), of whose answers a share fails: by an error of the server, or by bytes that are missing.
Both write to a folder, and a third time the results go to the bucket too. Told are images a second
and their ratio to the folder's, how many requests failed, and whether all rows are equal. The
server works on the same processors: a real one does not, but answers later.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from PIL import Image
from rich.console import Console
from s3_server import Server, s3_server

from corrosion.cli.main import main as corrosion
from corrosion.report.tables import TextTable
from corrosion.system.files import write_json

_WARM = 20  # photographs that are predicted before anything is measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--failures", type=float, default=0.05)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, s3_server(Path(folder)) as server:
        cache = {"CORROSION_CACHE": f"{folder}/cache"}
        with patch.dict(os.environ, {**server.environment, **cache}):
            found = measure(options, Path(folder), server)
    if options.json is not None:
        write_json(options.json, found)


def measure(options: argparse.Namespace, folder: Path, server: Server) -> list[dict[str, Any]]:
    draw(folder / "photos", options.count, options.size)
    server.fill({f"in/{one.name}": one.read_bytes() for one in (folder / "photos").iterdir()})
    server.faults.share = options.failures
    draw(folder / "few", _WARM, options.size)
    predict(options.run, folder / "few", folder / "warm")  # imports, and what is set up once
    places = {
        "folder": (folder / "photos", folder / "local"),
        "bucket": ("s3://photos/in", folder / "far"),
        "bucket, results too": ("s3://photos/in", "s3://photos/out"),
    }
    rows: list[dict[str, Any]] = []
    expected = pd.DataFrame()
    for name, (given, out) in places.items():
        server.faults.seen.clear()
        seconds = predict(options.run, given, out)
        seen = dict(server.faults.seen)
        failed = seen.pop("failed", 0)
        found = predictions(out, server)
        expected = found if name == "folder" else expected
        rows.append(
            {
                "place": name,
                "images_per_second": options.count / seconds,
                "ratio": rows[0]["seconds"] / seconds if rows else 1.0,
                "seconds": seconds,
                "requests": sum(seen.values()),
                "failed": failed,
                "equal": len(found) == options.count and found.equals(expected),
            }
        )
    show(rows, options)
    return rows


def show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Print what was measured."""
    title = f"{options.count} photographs of {options.size} px, {options.failures:.0%} failures"
    columns = ("photographs in", "images/s", "ratio", "requests", "failed", "rows equal")
    cells = [
        (
            row["place"],
            f"{row['images_per_second']:.1f}",
            f"{row['ratio']:.2f}",
            str(row["requests"]),
            str(row["failed"]),
            "yes" if row["equal"] else "NO",
        )
        for row in rows
    ]
    TextTable.of(title, columns, cells).print(Console())


def draw(folder: Path, count: int, size: int) -> None:
    """Photographs with detail, as JPEG."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(count):
        colours = chance.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((size, size)).save(folder / f"{number:05d}.jpg")


def predict(run: Path, given: str | Path, out: str | Path) -> float:
    """Seconds that the command takes."""
    start = time.perf_counter()
    code = corrosion(["predict", str(run), str(given), "--out", str(out)])
    if code:
        raise SystemExit(f"corrosion predict ended with {code}")
    return time.perf_counter() - start


def predictions(out: str | Path, server: Server) -> pd.DataFrame:
    """The table of a run, with names instead of paths."""
    if isinstance(out, Path):
        content = (out / "predictions.csv").read_bytes()
    else:
        key = out.removeprefix("s3://photos/") + "/predictions.csv"
        content = server.client.get_object(Bucket="photos", Key=key)["Body"].read()
    table = pd.read_csv(io.BytesIO(content))
    return table.assign(path=table["path"].map(lambda path: Path(path).name))


if __name__ == "__main__":
    main()
