"""What the driver of `corrosion predict --engine ray` needs for so many photographs, without them.

    python benchmarks/scale.py --paths 100000 1000000 10000000

Paths are generated in order, as a listing gives them; rows come in pieces of 32, as the networks of
a cluster send them, those of several shards mixed. What is timed is the project's own code for the
list, the shards and the table. Each number has a process of its own, whose highest memory is told;
"us a path" is of processor time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow

from corrosion.data import file_search
from corrosion.data.photograph_facts import PhotographFacts
from corrosion.prediction.file_run import Counting
from corrosion.prediction.journal import Row
from corrosion.prediction.row_tables import rows_table
from corrosion.prediction.shards import SHARD, Shard, ShardedFolder, ShardWriter
from corrosion.prediction.table import write_table

PIECE = 32
AT_ONCE = 8  # shards whose pieces come mixed


def main() -> None:
    options = parse()
    print(
        f"{'paths':>10}  {'step':<28}{'seconds':>9}{'us a path':>11}{'MB so far':>11}{'on disk':>9}"
    )
    for count in options.paths:
        # a fresh interpreter, whose memory nobody has used before
        process = multiprocessing.get_context("spawn").Process(
            target=simulate, args=(count, options.folder)
        )
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


def simulate(count: int, parent: Path | None) -> None:
    """Time the steps of a run over so many paths."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = ShardedFolder(Path(name) / "out")
        steps: dict[str, Callable[[], Path]] = {
            "list a folder, into shards": lambda: listed(folder, count),
            "find unfinished shards": lambda: unfinished(folder),
            "gather rows, write shards": lambda: gathered(folder),
            "find that none is missing": lambda: complete(folder),
            "merge into predictions.csv": lambda: merged(folder, count),
        }
        for step, run in steps.items():
            began, processor = time.perf_counter(), time.process_time()
            written = run()
            seconds, busy = time.perf_counter() - began, time.process_time() - processor
            files = [written] if written.is_file() else written.rglob("*")
            size = sum(one.stat().st_size for one in files) / 1e6
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{count:>10}  {step:<28}{seconds:>9.1f}{busy:>9.1f}{busy / count * 1e6:>11.2f}"
                f"{peak:>11.0f}{size:>7.0f} MB  load {os.getloadavg()[0]:.0f}",
                flush=True,
            )


def path_of(number: int) -> str:
    """A path as long as those of real inspections."""
    return f"/photographs/bridge-{number // 1000:06d}/2026-11-28/DJI_{number % 1000:06d}.JPG"


def listed(folder: ShardedFolder, count: int) -> Path:
    def below(*_: object, **__: object) -> Iterator[str]:  # for what looks into the folder
        return map(path_of, range(count))

    file_search.files_below = below  # type: ignore[assignment]
    folder.begin({}, lambda: file_search.find_inputs([folder.path.parent]), resume=False)
    return folder.listing


def unfinished(folder: ShardedFolder) -> Path:
    assert folder.unfinished()
    return folder.listing


def gathered(folder: ShardedFolder) -> Path:
    template = rows_table(
        Row(
            number, 0, True, "", probability=number / SHARD, decision="no corrosion",
            unlike_training=0.5, thumbnail="", width=4000, height=3000,
            facts=PhotographFacts("2026-11-28T10:00:00", 50.1, 8.6, 120.0, camera="DJI M3E",
                                  sha256="0" * 64),
        ) for number in range(SHARD)
    )  # fmt: skip
    waiting = folder.unfinished()
    writer = ShardWriter(folder, waiting)
    for start in range(0, len(waiting), AT_ONCE):
        parts = [pieces(template, shard) for shard in waiting[start : start + AT_ONCE]]
        while parts:
            for part in list(parts):
                if (rows := next(part, None)) is None:
                    parts.remove(part)
                else:
                    writer.add(rows)
    return folder.progress / "shards"


def pieces(template: pyarrow.Table, shard: Shard) -> Iterator[pyarrow.Table]:
    """The rows of a shard, as networks send them."""
    numbers = np.arange(shard.number * SHARD, shard.number * SHARD + shard.files)
    columns = {
        "item": pyarrow.array(numbers),
        "path": pyarrow.array([path_of(number) for number in numbers.tolist()]),
        "thumbnail": pyarrow.array(
            [f"thumbnails/{number // 1000:03d}/{number:06d}_DJI.jpg" for number in numbers.tolist()]
        ),
    }
    table = template.slice(0, shard.files)
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), name, column)
    yield from (table.slice(start, PIECE) for start in range(0, shard.files, PIECE))


def complete(folder: ShardedFolder) -> Path:
    folder.check_complete()
    return folder.listing


def merged(folder: ShardedFolder, count: int) -> Path:
    table, counting = folder.path / "predictions.csv", Counting()
    write_table(table, counting.over(folder.rows()))
    assert counting.counts().images == count
    return table


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--paths", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where to write; about 700 bytes a path")
    return parser.parse_args()


if __name__ == "__main__":
    main()
