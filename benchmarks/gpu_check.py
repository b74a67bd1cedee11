"""Does on one GPU, in under 8 minutes, what a project without one can't try: judges and measures.

    python benchmarks/gpu_check.py [--out gpu_check.json] [--seconds 6] [--only maps ...]

Needs no data from outside: images are those of the embedded sample, networks start from random
weights or from those of the packages. Prints one table and, with --out, writes the same as JSON;
what the pieces say goes to standard error. A piece whose figures exceed their limits, or that
fails, is marked, the others go on, and the exit code is 1. On a machine without a GPU it says so
and exits with 0.

throughput: images/s of a training with 16-mixed at batch sizes 32 and 256, over a bare PyTorch loop
on noise, the share of time that waits for data, peak memory. resume: loss scaling from a scale that
overflows, and the same training interrupted and resumed. maps: class activation maps under autocast
against those in float32. predict: `corrosion predict --device cuda` against the CPU. two: two
trainings at once on the device. ddp: DDP with NCCL on the device.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from gpu_inference import maps_under_autocast, predict
from gpu_throughput import measure, precision
from gpu_trainings import ddp_of_one, resume_in_mixed_precision, settings_for, two_at_once
from rich.console import Console

from corrosion.data.prepare import prepare_records
from corrosion.report.tables import TextTable
from corrosion.settings.data import DataSettings
from corrosion.system.files import write_json
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.system.provenance import machine, versions

NETWORKS = ("resnet50", "mobilenetv2", "nasnetmobile", "efficientnetv2b0", "efficientnet_lite0")
BATCH_SIZES = (32, 256)

_TEXTS = {
    "images_per_second": "{:,.0f} images/s",
    "bare_images_per_second": "bare {:,.0f}",
    "ours_over_bare": "{:.2f} of bare",
    "waiting_for_data": "{:.0%} waiting for data",
    "peak_memory_gib": "{:.1f} GiB",
}


@dataclass(frozen=True)
class Check:
    """A piece of the check.

    Attributes:
        name: its kind, then what it is done with.
        run: does it; gives figures by name.
        limits: the most that figures may be, by their name.
    """

    name: str
    run: Callable[[], dict[str, Any]]
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a piece came to.

    Attributes:
        name: of the piece.
        figures: by name; empty if it failed.
        limits: of its figures.
        seconds: that it took.
        error: why it failed; None if it did not.
    """

    name: str
    figures: dict[str, Any]
    limits: dict[str, float]
    seconds: float
    error: str | None

    @property
    def passed(self) -> bool:
        """Whether it ran, and no figure is above its limit; NaN is."""
        within = [self.figures[name] <= limit for name, limit in self.limits.items()]
        return self.error is None and all(within)


def main() -> int:
    options = parse()
    if not torch.cuda.is_available():
        print("PyTorch finds no GPU on this machine: there is nothing to check.")
        return 0
    device = torch.device("cuda")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, standard_output_to_error():
        chosen = [
            check
            for check in checks(device, Path(folder), seconds=options.seconds)
            if not options.only or check.name.split()[0] in options.only
        ]
        outcomes = list(run(chosen))
    spent = time.perf_counter() - began
    table(outcomes, f"{torch.cuda.get_device_name(device)}, {spent:.0f} s").print(Console())
    if options.out:
        content = {
            "machine": machine(device),
            "versions": versions(),
            "seconds": spent,
            "checks": [asdict(one) | {"passed": one.passed} for one in outcomes],
        }
        write_json(options.out, content)
    return 0 if all(one.passed for one in outcomes) else 1


def checks(
    device: torch.device,
    folder: Path,
    *,
    seconds: float,
    networks: Sequence[str] = NETWORKS,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    image_size: int = 224,
    count: int = 600,
    overrides: Sequence[str] = (),
) -> list[Check]:
    """All pieces, in the order in which they are done.

    Args:
        device: where.
        folder: gets what is written.
        seconds: about how long each training is measured.
        networks: that are measured.
        batch_sizes: with which they are.
        image_size: side of their input in pixels.
        count: images of the sample that they see.
        overrides: of the trainings, in Hydra's grammar.
    """
    quieten_lightning()
    data = DataSettings(source="sample", count=count, image_size=image_size)
    records = prepare_records(data).records
    settings = settings_for(device, *overrides)
    sizes = {"image_size": image_size, "seconds": seconds}
    return [
        *(
            Check(
                f"throughput {network}, batch {batch}",
                partial(throughput, network, device, records, batch_size=batch, **sizes),
            )
            for network in networks
            for batch in batch_sizes
        ),
        *(
            Check(
                f"maps {network}",
                partial(maps_under_autocast, network, device, records, image_size=image_size),
                {"map_difference": 1e-3},
            )
            for network in networks
        ),
        Check(
            f"predict {networks[-1]}",
            partial(predict, networks[-1], device, records, folder / "predict", image_size),
            {"probability_difference": 5e-3},  # convolutions of float32 round to TF32
        ),
        Check(
            f"resume {precision(device)}",
            partial(resume_in_mixed_precision, settings, folder / "resume"),
            {"loss_scale_difference": 0, "val_loss_difference": 1e-3},
        ),
        Check(
            "two trainings at once",
            partial(two_at_once, settings, folder / "two"),
            {"objective_difference": 1e-3},
        ),
        Check(
            "ddp of one process",
            partial(ddp_of_one, settings, folder / "ddp"),
            {"objective_difference": 1e-3},
        ),
    ]


def run(pieces: Iterable[Check]) -> Iterator[Outcome]:
    """Do one piece after the other; one that fails ends no other."""
    for check in pieces:
        print(check.name, file=sys.stderr)
        began, figures, error = time.perf_counter(), {}, None
        try:
            figures = check.run()
        except Exception as caught:  # what has never run may fail in any way
            error = f"{type(caught).__name__}: {caught}"
        limits = {name: limit for name, limit in check.limits.items() if name in figures}
        yield Outcome(check.name, figures, limits, time.perf_counter() - began, error)


def table(outcomes: Sequence[Outcome], title: str) -> TextTable:
    """A row a piece: its figures, whether it passed, its seconds."""
    return TextTable.of(
        title,
        ("check", "figures", "passed", "seconds"),
        (
            (
                one.name,
                one.error
                or ", ".join(
                    _text(name, value) for name, value in one.figures.items() if value is not None
                ),
                "yes" if one.passed else "NO",
                f"{one.seconds:.0f}",
            )
            for one in outcomes
        ),
        names=2,
    )


def _text(name: str, value: Any) -> str:
    if name in _TEXTS:
        return _TEXTS[name].format(value)
    return f"{name.replace('_', ' ')} {format(value, '.3g') if type(value) is float else value}"


def throughput(
    network: str, device: torch.device, records: pd.DataFrame, **options: Any
) -> dict[str, Any]:
    """`gpu_throughput.measure`; a network that is too large for the device's memory is told."""
    try:
        return measure(network, device, records, **options)
    except torch.cuda.OutOfMemoryError:
        return {"out_of_memory": True}


@contextmanager
def standard_output_to_error() -> Iterator[None]:
    """What trainings print, in this process or in others, goes to standard error meanwhile."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--seconds", type=float, default=6, help="of each measured training")
    kinds = ("throughput", "resume", "maps", "predict", "two", "ddp")
    parser.add_argument("--only", nargs="+", choices=kinds, help="pieces to do")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
