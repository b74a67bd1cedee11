"""Memory of the records of a million images, in the main process and in loader processes.

    python benchmarks/memory.py [--count 1000000] [--workers 2]

Generates records as training has them (paths of about 80 characters), makes the datamodule's
training loader of them, starts its workers on one batch of unreadable paths, and reads
/proc/PID/smaps_rollup (Linux). Prints what the records add to the main process, and the private
memory of each worker beside that of a worker of 1,000 records.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.images import ImageError

MIB = 2**20


def main() -> None:
    options = parse()
    _, few = load(records(1000), options.workers)
    before = memory("self", "Rss")
    table = records(options.count)
    alone = memory("self", "Rss") - before
    loading, many = load(table, options.workers)
    print(
        f"{options.count:,} images in the main process: records {alone / MIB:.0f} MiB, with the "
        f"training loader {(loading - before) / MIB:.0f} MiB"
    )
    for number, (size, base) in enumerate(zip(many, few, strict=True)):
        print(f"worker {number}: {size / MIB:.0f} MiB of its own; of 1,000 images {base / MIB:.0f}")


def records(count: int) -> pd.DataFrame:
    """A table as `prepare_records` returns it."""
    numbers = np.arange(count)
    split = np.where(numbers % 10 < 7, 0, np.where(numbers % 10 < 9, 1, 2)).astype(np.int8)
    folder = "/data/photographs/inspections/2026/region-north/bridges/structure"
    return pd.DataFrame(
        {
            "path": pd.Series([f"{folder}/IMG_{n:09}.jpg" for n in numbers], dtype="str"),
            "label": (numbers % 2).astype(np.int8),
            "source": pd.Categorical.from_codes(np.zeros(count, np.int8), pd.Index(["a"])),
            "subset": pd.Categorical.from_codes(np.zeros(count, np.int8), pd.Index([""])),
            "content_hash": pd.Series([f"{n:032x}" for n in numbers], dtype="str"),
            "width": np.full(count, 1600, np.int32),
            "height": np.full(count, 1200, np.int32),
            "group": numbers,
            "split": pd.Categorical.from_codes(split, pd.Index(["train", "val", "test"])),
        }
    )


def load(table: pd.DataFrame, workers: int) -> tuple[int, list[int]]:
    """Memory of this process, and what each worker has of its own, after the first batch."""
    module = CorrosionDataModule(table, num_workers=workers, batch_size=32)
    batches = iter(module.train_dataloader())
    with suppress(ImageError):  # the paths lead nowhere: looking them up is what counts
        next(batches)
    children = multiprocessing.active_children()
    result = memory("self", "Rss"), [memory(child.pid, "Private") for child in children]
    del module, batches
    gc.collect()  # ends the workers
    return result


def memory(process: int | str | None, kind: str) -> int:
    """Bytes that a process holds: Rss, all of them; Private, those no other process shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kind))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
