"""Checkpoints with values that no training writes, and files that are none."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from attacks.child import Action
from attacks.images import judge as judge_images
from attacks.world import Attack, Result, Verdict, World, is_clear
from corrosion.models.digest import KEY

BAD: tuple[Any, ...] = (
    None, "x", "", -1, 0, 2, 10**9, 10**400, math.nan, math.inf, -math.inf, True, [], [1], {},
    {"a": 1}, b"x", torch.zeros(2), [math.nan, math.nan], [0.9, 0.1], "../../etc/passwd",
)  # fmt: skip
COMMANDS = ("predict", "info", "explain", "predict")


def attacks(world: World, draw: random.Random) -> Iterator[Attack]:
    """Files that are no checkpoints, huge ones, then bad values and bent bytes without end."""
    commands = itertools.cycle(COMMANDS)
    for name, make in no_checkpoints():
        yield attack(name, make, next(commands))
    content = torch.load(world.checkpoint, weights_only=True)
    huge = {
        "vit_giant_patch14_dinov2": ("hyper_parameters", "backbone"),
        20_000: ("hyper_parameters", "image_size"),
        10**8: ("hyper_parameters", "dense_units"),
    }
    for value, keys in huge.items():
        yield attack(
            f"{'.'.join(keys)}={value}",
            partial(changed, keys=keys, value=value, digest=None),
            next(commands),
        )
    places = list(leaves(content))
    while True:
        if draw.random() < 0.3:
            count = draw.choice([1, 1, 1, 8])
            yield attack(
                f"{count} bits bent",
                partial(bent, seed=draw.randrange(2**32), count=count),
                next(commands),
            )
        elif draw.random() < 0.2:
            yield attack("cut", partial(cut, share=draw.random()), next(commands))
        else:
            keys, value = draw.choice(places), draw.choice(BAD)
            digest = draw.choice(["stale", None])
            shown = f"{'.'.join(map(str, keys))}={value!r:.40} ({digest or 'no'} digest)"
            yield attack(
                shown, partial(changed, keys=keys, value=value, digest=digest), next(commands)
            )


def attack(name: str, make: Callable[[Path, Path], Any], command: str) -> Attack:
    """A command that loads a checkpoint."""

    def prepare(folder: Path, world: World) -> Action:
        make(world.checkpoint, folder / "bad.ckpt")
        if command == "info":
            return ("info", "bad.ckpt")
        return (command, "bad.ckpt", str(world.photographs), "--device=cpu", "--out=out")

    return Attack("checkpoints", f"{command} {name}", prepare, partial(judge, command=command))


def judge(folder: Path, world: World, result: Result, *, command: str) -> Verdict:
    """Refused in a sentence; or answered, and then as the sound one answers."""
    if result.code in (1, 2):
        return "clear" if is_clear(result) else "wrong"
    if command != "predict":
        return "right" if _same_network(folder / "bad.ckpt", world.checkpoint) else "wrong"
    verdict = judge_images(folder, world, result, file=sorted(world.truth)[0], expected="answer")
    if verdict == "right" and not _same_network(folder / "bad.ckpt", world.checkpoint):
        return "wrong"
    return verdict


def _same_network(path: Path, sound: Path) -> bool:
    """Whether two checkpoints that can be loaded answer alike; decisions included."""
    from corrosion.models.checkpoint import load_model

    one, other = load_model(path), load_model(sound)
    images = torch.randint(
        0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        equal = torch.equal(one.predict_proba(images), other.predict_proba(images))
    names = ("threshold", "band", "thresholds", "image_size", "resize", "classes")
    return equal and all(getattr(one, name) == getattr(other, name) for name in names)


def leaves(content: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of a checkpoint lie that decide answers: not those of an optimiser."""
    decides = (
        "state_dict",
        "hyper_parameters",
        "calibration",
        "training_distance",
        "competence",
        "epoch",
    )
    for key, value in content.items():
        if not keys and key not in decides:
            continue
        yield (*keys, key)
        if isinstance(value, Mapping):
            yield from leaves(value, (*keys, key))


def changed(
    sound: Path, path: Path, *, keys: tuple[Any, ...], value: Any, digest: str | None
) -> None:
    """A copy with another value; with the checksum of before, or without, as old versions wrote."""
    content = copy.deepcopy(torch.load(sound, weights_only=True))
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    if digest is None:
        content.pop(KEY, None)
    torch.save(content, path)


def bent(sound: Path, path: Path, *, seed: int, count: int) -> None:
    """A copy with some bits of the file turned over."""
    draw = random.Random(seed)
    content = bytearray(sound.read_bytes())
    for _ in range(count):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(bytes(content))


def cut(sound: Path, path: Path, *, share: float) -> None:
    """The first part of a file."""
    content = sound.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


class _Code:
    """What runs a program when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch owned",)


def no_checkpoints() -> Iterator[tuple[str, Callable[[Path, Path], Any]]]:
    """Files of other kinds."""
    for name, value in (
        ("a list", [1]),
        ("a tensor", torch.zeros(3)),
        ("nothing", {}),
        ("text", "x"),
        ("a state dict", {"weight": torch.zeros(3)}),
        ("empty groups", {"state_dict": {}, "hyper_parameters": {}}),
        ("groups of other types", {"state_dict": [1], "hyper_parameters": "x"}),
    ):
        yield name, lambda _, path, value=value: torch.save(value, path)
    yield "pickled code", lambda _, path: path.write_bytes(pickle.dumps(_Code()))
    yield (
        "pickled code in a checkpoint",
        lambda sound, path: torch.save(
            {**torch.load(sound, weights_only=True), "epoch": _Code()}, path
        ),
    )
    yield "an empty file", lambda _, path: path.touch()
    yield "a line of text", lambda _, path: path.write_text("weights")
    yield "a folder", lambda _, path: path.mkdir()
    yield "another zip", lambda _, path: zipfile.ZipFile(path, "w").writestr("a.txt", "x")
    yield "a bomb", _bomb


def _bomb(sound: Path, path: Path) -> None:
    """A checkpoint with a part that unpacks to 3 GB."""
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename.endswith("/data/0"):
                with new.open(entry.filename, "w", force_zip64=True) as file:
                    for _ in range(300):
                        file.write(bytes(10**7))
            else:
                new.writestr(entry.filename, old.read(entry))
