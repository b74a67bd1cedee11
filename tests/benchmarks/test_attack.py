"""The benchmark of attacks: verdicts are what happened, and no attack stops the others."""

import itertools
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from attacks import caches, images, names, run_files, settings, world
from attacks.world import Attack, Result, World, isolated
from PIL import Image

TABLE = "path,probability,error\n"


@pytest.fixture
def sound(tmp_path):
    return World(tmp_path / "world", {"good0.png": 0.25, "good1.png": 0.75})


@pytest.mark.parametrize(
    ("rows", "expected", "verdict"),
    [
        ("good0.png,0.25,\ngood1.png,0.75,\nbad.png,,truncated\n", "fails", "row"),
        ("good0.png,0.25,\ngood1.png,0.75,\nbad.png,,truncated\n", "answer", "wrong"),
        ("good0.png,0.25,\ngood1.png,0.75,\nbad.png,0.5,\n", "fails", "wrong"),
        ("good0.png,0.25,\ngood1.png,0.75,\nbad.png,0.5,\n", "either", "right"),
        ("good0.png,0.25,\ngood1.png,0.75,\nbad.png,1.5,\n", "either", "wrong"),
        ("good0.png,0.25,\ngood1.png,0.74,\nbad.png,,truncated\n", "fails", "wrong"),
        ("good0.png,0.25,\ngood1.png,0.75,\n", "fails", "lost"),
        ("good0.png,0.25,\nbad.png,,truncated\n", "fails", "lost"),
    ],
)
def test_an_image_is_judged_by_its_row_and_by_all_others(tmp_path, sound, rows, expected, verdict):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "predictions.csv").write_text(TABLE + rows)
    judged = images.judge(tmp_path, sound, Result(0, "", 0), file="bad.png", expected=expected)
    assert judged == verdict


def test_a_file_without_a_row_counts_where_it_is_named(tmp_path, sound):
    (tmp_path / "out").mkdir()
    table = TABLE + "good0.png,0.25,\ngood1.png,0.75,\n"
    (tmp_path / "out" / "predictions.csv").write_text(table)
    told = Result(3, "WARNING: not read: bad.png, a pipe", 0)
    assert images.judge(tmp_path, sound, told, file="bad.png", expected="fails") == "row"


def test_no_table_means_that_all_was_lost(tmp_path, sound):
    told = Result(1, "corrosion: bad.png can't be read", 0)
    assert images.judge(tmp_path, sound, told, file="bad.png", expected="fails") == "lost"


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        (lambda: 0, "right"),
        (lambda: 1 / 0, "traceback"),
        (lambda: os.abort(), "traceback"),
        (lambda: 77, "traceback"),
        (lambda: np.ones(3 * 10**7).sum() and 0, "memory"),
    ],
)
def test_crashes_and_appetite_are_noticed_and_stay_outside(
    tmp_path, sound, action, verdict, monkeypatch
):
    monkeypatch.setattr(world, "MEMORY", 100 * 2**20 + _own_memory())
    attack = Attack("images", "x", lambda *_: action, lambda *_: "right")
    assert attack.carry_out(tmp_path / "0", sound)[0] == verdict


def _own_memory() -> int:
    """What a forked process has from its beginning, in bytes: not the pages of files."""
    [line] = [one for one in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in one]
    return int(line.split()[1]) * 1024


def test_what_does_not_end_is_ended(tmp_path, sound, monkeypatch):
    monkeypatch.setattr(world, "LONGEST", 0.2)
    attack = Attack("images", "x", lambda *_: lambda: time.sleep(60) or 0, lambda *_: "right")
    assert attack.carry_out(tmp_path / "0", sound)[0] == "hang"


def test_a_command_runs_in_its_folder_and_what_it_writes_is_kept(tmp_path):
    (tmp_path / "0").mkdir()
    result = isolated(("info", "gone.ckpt"), tmp_path / "0")
    assert result.code == 1
    assert "gone.ckpt" in result.text
    assert world.is_clear(result)


def test_drawn_files_are_what_they_are_called(tmp_path):
    for name, file, make, expected in images.made(random.Random(0)):
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        make(folder / file)
        assert os.path.lexists(folder / file)
        if expected == "answer" and "LAB" not in name:
            with Image.open(folder / file) as image:
                image.load()


@pytest.mark.parametrize("kind", [images, names, settings])
def test_the_same_seed_draws_the_same_attacks(sound, kind):
    first, again = (
        [one.name for one in itertools.islice(kind.attacks(sound, random.Random(3)), 150)]
        for _ in range(2)
    )
    assert first == again


@pytest.mark.parametrize("damage", caches.DAMAGES)
def test_a_damaged_cache_is_another_file(tmp_path, damage):
    path = tmp_path / "images.npy"
    np.save(path, np.arange(3000, dtype=np.uint8))
    before = path.read_bytes()
    caches._damage(path, damage, random.Random(0))
    assert path.read_bytes() != before


def test_what_refuses_must_name_the_damaged_file(tmp_path, sound):
    attack = run_files.of_run("report", Path("history.csv"), "is x", lambda _: b"x")
    named, unnamed = "corrosion: history.csv is no table", "corrosion: something is wrong"
    assert attack.judge(tmp_path, sound, Result(1, named, 0)) == "clear"
    assert attack.judge(tmp_path, sound, Result(1, unnamed, 0)) == "wrong"
