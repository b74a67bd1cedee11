"""Names that tables, pages and terminals could take for something else."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from attacks.child import Action
from attacks.world import Attack, Result, Verdict, World

NAMES: tuple[str, ...] = (
    "=1+1", "+cmd", "-1", "--out", "@SUM(A1)", "a\rb", "a\nb", "a\tb", 'a"b', "a,b", "a;b", "a'b",
    "<script>alert(1)<script>", "<img src=x onerror=alert(1)>", "&amp;", "{{ 7*7 }}", "{% raw %}",
    "%s%n", "%2e%2e%2f", "$(touch owned)", "`touch owned`", "a|b", "*", "?", "[a-z]", "~", " ",
    " a", "a ", "a  b", "a\\b", "CON", "nul", "\u00e9", "e\u0301", "日本語", "🦀", "עברית",
    "\u202egnp.a", "\u200b", "\ufeff", "a\x1b[31mred", "a\x07", "\x7f", "a\u2028b", "#1", "a#b",
    "a?b=c", "a" * 240, "é" * 120, "file:", "s3:x", "C:x", "a.jpg", "a.tar", "image.JPEG", "\udce9",
    "a\udcff\udcfeb",
)  # fmt: skip


def attacks(world: World, draw: random.Random) -> Iterator[Attack]:
    """Each name by each command in drawn order, then names of drawn signs without end."""
    pairs = [(name, command) for name in NAMES for command in ("predict", "audit", "explain")]
    for name, command in draw.sample(pairs, len(pairs)):
        yield attack(name, command)
    signs = [
        chr(code) for code in (*range(1, 256), 0x2029, 0xFFFD, 0x1F4A9, *range(0xDC80, 0xDC90))
    ]
    signs = [sign for sign in signs if sign not in "/."]  # hidden files are passed over
    while True:
        yield attack(
            "".join(draw.choices(signs, k=draw.randrange(1, 60))),
            draw.choice(["predict", "audit", "explain"]),
        )


def attack(name: str, command: str) -> Attack:
    """A command on a folder with a file and a folder of a name."""

    def prepare(folder: Path, world: World) -> Action:
        good = sorted(world.photographs.iterdir())
        for side, photographs in (("corroded", good[:2]), ("sound", good[2:])):
            (folder / "data" / side).mkdir(parents=True)
            for path in photographs:
                shutil.copy(path, folder / "data" / side)
        shutil.copy(good[0], folder / "data" / "corroded" / f"{name}.png")
        if command == "audit":
            return ("audit", "data", "--out=out", "--cropped-duplicates=false")
        if command == "explain":
            return ("explain", str(world.run), "data/corroded", "--device=cpu", "--out=out")
        return ("predict", str(world.run), "data", "--recursive", "--device=cpu", "--out=out")

    judge = partial(_predicted if command == "predict" else _written, name=name)
    return Attack("names", f"{command} {name!a}", prepare, judge)


def _written(folder: Path, world: World, result: Result, *, name: str) -> Verdict:
    if (folder / "owned").exists() or _has_markup(folder / "out", name):
        return "wrong"
    pages = [
        *(folder / "out").glob("*.html"),
        *(folder / "out").glob("*.png"),
        *(folder / "out").glob("*.csv"),
    ]
    return "right" if result.code == 0 and pages else "lost"


def _predicted(folder: Path, world: World, result: Result, *, name: str) -> Verdict:
    if result.code != 0 or not (folder / "out" / "predictions.csv").is_file():
        return "lost"
    text = (folder / "out" / "predictions.csv").read_bytes().decode("utf-8")
    table = pd.read_csv(folder / "out" / "predictions.csv", keep_default_na=False)
    if len(table) != len(world.truth) + 1 or "\r" in text or text.count("\n") != len(table) + 1:
        return "lost"
    first = sorted(world.photographs.iterdir())[0].name
    answers = sorted(round(float(value), 4) for value in table["probability"])
    expected = sorted(round(value, 4) for value in [*world.truth.values(), world.truth[first]])
    if answers != expected or _has_markup(folder / "out", name) or (folder / "owned").exists():
        return "wrong"
    formula = any(path[0] in "=+-@\t" for path in table["path"])
    return "wrong" if formula else "right"


def _has_markup(out: Path, name: str) -> bool:
    """Whether a page holds a name as it is, though it has markup in it."""
    if "<" not in name:
        return False
    return any(name in path.read_text(encoding="utf-8") for path in out.glob("*.html"))
