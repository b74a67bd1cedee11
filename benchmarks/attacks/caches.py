"""Damaged files of the caches: pixels must stay those of the photographs."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from attacks.child import Action
from attacks.world import Attack, Result, Verdict, World

DAMAGES = ("bits", "zeros", "empty", "cut", "rows", "text", "longer")


def attacks(world: World, draw: random.Random) -> Iterator[Attack]:
    """Each file of the caches, damaged in each way, without end."""
    while True:
        for damage in DAMAGES:
            yield attack(damage, draw.randrange(2**32))


def attack(damage: str, seed: int) -> Attack:
    """Photographs are cached, a file of the caches is damaged, photographs are read again."""

    def prepare(folder: Path, world: World) -> Action:
        return partial(_read_twice, world.labelled, damage, seed)

    return Attack("caches", f"{damage} {seed}", prepare, _judge)


def _read_twice(data: Path, damage: str, seed: int) -> int:
    before = _pixels(data)
    cache = Path(os.environ["CORROSION_CACHE"])
    draw = random.Random(seed)
    files = [path for path in sorted(cache.rglob("*")) if path.is_file() and path.stat().st_size]
    victim = draw.choice([path for path in files if path.suffix != ".lock"])
    print("damaged", victim.name)
    _damage(victim, damage, draw)
    after = _pixels(data)
    same = before.keys() == after.keys() and all(
        np.array_equal(before[key], after[key]) for key in before
    )
    print("equal" if same else "different")
    return 0


def _pixels(data: Path) -> dict[str, Any]:
    from corrosion.command_check import settings_of
    from corrosion.data.datamodule import CorrosionDataModule
    from corrosion.data.prepare import prepare_records

    settings = settings_of(
        [
            "data=folder",
            f"data.root={data}",
            "data.split=[0.5,0.25,0.25]",
            "data.near_duplicates=null",
        ]
    )
    records = prepare_records(settings.data).records
    module = CorrosionDataModule(records, image_size=64, num_workers=0, cache=True)
    module.prepare_data()
    paths = records["path"].tolist()
    return {
        paths[row]: image
        for batch in module.plain_loader(records)
        for row, image in zip(batch.index.tolist(), batch.image.numpy(), strict=True)
    }


def _damage(path: Path, damage: str, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if damage == "bits":
        for _ in range(20):
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif damage == "zeros":
        half = len(content) // 2
        content[half:] = bytes(len(content) - half)
    elif damage == "empty":
        content = bytearray()
    elif damage == "cut":
        content = content[: draw.randrange(len(content))]
    elif damage == "rows":  # of an array of images: turned round behind the head
        content[128:] = (
            bytes(content[128:])[len(content) // 3 :] + bytes(content[128:])[: len(content) // 3]
        )
    elif damage == "text":
        content = bytearray(b"not an array\n")
    else:
        content += bytes(1000)
    path.write_bytes(bytes(content))


def _judge(folder: Path, world: World, result: Result) -> Verdict:
    if result.code != 0:
        return "lost"
    return "right" if "equal" in result.text.splitlines()[-1] else "wrong"
