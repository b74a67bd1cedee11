"""Damaged files of a training's directory and of an output folder."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from attacks.child import Action
from attacks.images import judge as judge_images
from attacks.world import Attack, Result, Verdict, World, is_clear, isolated

CONTENTS: tuple[bytes, ...] = (
    b"", b"{", b"[]", b"{}", b"null", b"7", b'"x"', b"x", b"\xff\xfe\x00", b"[" * 100_000,
    b'{"a": 1e999}', b"path\n", b",,,\n,,\n", b"\0" * 5000, b"[{}]", b"- a\n- b\n", b"a: &a [*a]\n",
    b"!!python/object/apply:os.system ['touch owned']",
)  # fmt: skip
COMMANDS = {
    "evaluate": ("evaluate", "run"),
    "report": ("report", "run"),
    "compare": ("compare", "run", "other", "--out=out"),
    "plan": ("plan", "run", "--difference=0.2"),
    "labels": ("labels", "run", "--out=out"),
    "info": ("info", "run"),
}


def attacks(world: World, draw: random.Random) -> Iterator[Attack]:
    """Files with other contents, bent and cut ones, by each command, without end."""
    files = [
        path.relative_to(world.run)
        for path in sorted(world.run.rglob("*"))
        if path.suffix in (".csv", ".json", ".yaml") and "logs" not in path.parts
    ]
    while True:
        damage = draw_damage(draw)
        if draw.random() < 0.4:
            yield of_predictions(draw.choice(["run.json", "files.json", ".jsonl"]), *damage)
        else:
            yield of_run(draw.choice(list(COMMANDS)), draw.choice(files), *damage)


def draw_damage(draw: random.Random) -> tuple[str, Callable[[bytes], bytes]]:
    """What is done to the content of a file, with its name."""
    kind = draw.random()
    if kind < 0.5:
        content = draw.choice(CONTENTS)
        return f"is {content[:20]!r}", lambda _: content
    if kind < 0.7:
        share = draw.random()
        return f"cut at {share:.0%}", lambda old: old[: int(len(old) * share)]
    seed = draw.randrange(2**32)
    return "bent", partial(_bent, seed=seed)


def _bent(content: bytes, *, seed: int) -> bytes:
    draw = random.Random(seed)
    bent = bytearray(content)
    for _ in range(min(len(bent), 4)):
        bent[draw.randrange(len(bent))] = draw.randrange(256)
    return bytes(bent)


def of_run(command: str, file: Path, name: str, damage: Callable[[bytes], bytes]) -> Attack:
    """A command on a run of which a file is damaged."""

    def prepare(folder: Path, world: World) -> Action:
        for copy in ("run", "other"):
            shutil.copytree(world.run, folder / copy)
        path = folder / "run" / file
        path.write_bytes(damage(path.read_bytes()))
        return COMMANDS[command]

    def judge(folder: Path, world: World, result: Result) -> Verdict:
        if (folder / "owned").exists():
            return "wrong"
        if result.code in (1, 2):
            named = (
                file.name in result.text
                or "no finished run" in result.text
                or "settings" in result.text
            )
            return "clear" if is_clear(result) and named else "wrong"
        if file.name in result.text:
            return "clear"  # done, with a word on the file
        if name == "bent":
            return "right"  # another digit is another figure: nothing could know
        sound = folder.with_name(folder.name + ".sound")
        for copy in ("run", "other"):
            shutil.copytree(world.run, sound / copy)
        expected = isolated(COMMANDS[command], sound).text
        return "right" if _without_times(expected) == _without_times(result.text) else "wrong"

    return Attack("run files", f"{command}: {file} {name}", prepare, judge)


def _without_times(text: str) -> str:
    """What a command wrote, without figures, the width of tables, and how busy the machine was.

    Times, and what is said of them, differ from run to run.
    """
    lines = [line for line in text.splitlines() if "The machine is busy" not in line]
    return re.sub(r"[\d.\s\u2500-\u257f]+", "", "".join(lines))


def of_predictions(file: str, name: str, damage: Callable[[bytes], bytes]) -> Attack:
    """Going on with predictions that were interrupted, of which a file is damaged."""

    def prepare(folder: Path, world: World) -> Action:
        out = folder / "out"
        shutil.copytree(world.interrupted, out)
        path = next(out.rglob(f"*{file}*"))
        path.write_bytes(damage(path.read_bytes()))
        return (
            "predict",
            str(world.run),
            str(world.photographs),
            "--device=cpu",
            "--out=out",
            "--resume",
        )

    def judge(folder: Path, world: World, result: Result) -> Verdict:
        if result.code in (1, 2):
            return "clear" if is_clear(result) else "wrong"
        verdict = judge_images(
            folder, world, result, file=sorted(world.truth)[0], expected="answer"
        )
        return "right" if verdict == "row" else verdict

    return Attack("run files", f"predict --resume: {file} {name}", prepare, judge)
