"""Attacks the commands with bad files, names, checkpoints, settings and caches.

    python benchmarks/attack.py --count 500 [--only images,checkpoints] [--seed 0] [--keep FOLDER]

A small network is trained, a few photographs are predicted; then every attack runs in a folder and
a process of its own. What it comes to: *clear*, an error in a sentence that names the way out;
*row*, a row with its reason while all other photographs have their answers; *right*, no harm done,
answers as without the attack. These must not be: *traceback* (or a crash), *hang* (a minute of a
processor, or ten of the clock), *memory* (3 GiB), *wrong* (answers differ and nothing says so, or
something is accepted that can't be), *lost* (photographs without a row, a folder without its
table). Exits with 1 if one was.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from attacks import caches, checkpoints, images, names, run_files, settings
from attacks.world import FAILED, Attack, Generator, World, make_world

KINDS: Mapping[str, tuple[Generator, float]] = {
    "images": (images.attacks, 0.3),
    "names": (names.attacks, 0.12),
    "checkpoints": (checkpoints.attacks, 0.18),
    "settings": (settings.attacks, 0.2),
    "run files": (run_files.attacks, 0.14),
    "caches": (caches.attacks, 0.06),
}
"""What draws the attacks of a kind, and the kind's share of all of them."""

COLUMNS = ("clear", "row", "right", *FAILED)


def main() -> None:
    options = parse()
    kinds = options.only.split(",") if options.only else list(KINDS)
    folder = Path(options.keep or tempfile.mkdtemp())
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    began = time.monotonic()
    try:
        import_all()
        world = make_world(folder / "world")
        for number, attack in enumerate(chosen(world, kinds, options.count, options.seed)):
            place = folder / f"{number:04d}"
            verdict, result = attack.carry_out(place, world)
            counts[attack.kind][verdict] += 1
            if verdict in FAILED:
                print(f"{verdict}: {attack.kind}: {attack.name} (exit {result.code})", flush=True)
                print(
                    *[f"    {line}" for line in result.text.splitlines()[-options.lines :]],
                    sep="\n",
                    flush=True,
                )
            elif options.verbose:
                print(
                    f"{verdict}: {attack.kind}: {attack.name}: {result.text[-300:]!r}", flush=True
                )
            if verdict not in FAILED or not options.keep:
                for path in folder.glob(f"{number:04d}*"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    print_table(counts)
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(any(count[verdict] for count in counts.values() for verdict in FAILED))


def chosen(world: World, kinds: list[str], count: int, seed: int) -> Iterator[Attack]:
    """The attacks of each kind by its share."""
    whole = sum(KINDS[kind][1] for kind in kinds)
    for kind in kinds:
        generator, share = KINDS[kind]
        yield from itertools.islice(
            generator(world, random.Random(seed)), round(count * share / whole)
        )


def import_all() -> None:
    """Load once what every attack's process needs."""
    import torch

    import corrosion.change.compare_inspections
    import corrosion.data.curation.audit
    import corrosion.explanation.explain_files
    import corrosion.prediction.predict_files
    import corrosion.report.run_report
    import corrosion.training.run  # noqa: F401

    torch.set_num_threads(1)  # threads don't live on in a forked process


def print_table(counts: Mapping[str, Mapping[str, int]]) -> None:
    """A line for each kind, and one for all."""
    total: collections.Counter[str] = collections.Counter()
    print(f"{'':12}{'tried':>10}", *[f"{column:>10}" for column in COLUMNS], sep="")
    for kind, count in counts.items():
        total.update(count)
        line(kind, count)
    line("all", total)


def line(name: str, count: Mapping[str, int]) -> None:
    """One line of the table."""
    print(
        f"{name:12}{sum(count.values()):>10}",
        *[f"{count.get(one, 0):>10}" for one in COLUMNS],
        sep="",
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500, help="attacks (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="kinds, separated by commas (default: all)")
    parser.add_argument("--keep", help="new folder that keeps what failed")
    parser.add_argument("--lines", type=int, default=4, help="of the output of what failed")
    parser.add_argument("--verbose", action="store_true", help="print the others too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
