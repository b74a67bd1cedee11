"""Whatever goes wrong with one file ends in its row; a full disk ends the run, to be resumed."""

import csv
import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from samples import write_checkpoint

from corrosion.cli.main import main
from corrosion.data.image_reader import ImageReader
from corrosion.errors import CorrosionError, DiskError
from corrosion.explanation import overlay
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction import rendering
from corrosion.prediction.tiled import TileViewer
from corrosion.system import files
from corrosion.system.files import replacing, unwritable

GENERATOR = np.random.default_rng(0)
DRAWN = ["--explain", "--masks", "--threshold=0.01"]


@pytest.fixture(autouse=True)
def _here(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_checkpoint(tmp_path / "best.ckpt")
    (tmp_path / "photos").mkdir()


def noise(*shape, high=256, dtype=np.uint8):
    return GENERATOR.integers(0, high, shape, dtype=dtype)


def save(name, pixels, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(Path("photos") / name, **options)


def three():
    for name in "abc":
        save(f"{name}.png", noise(40, 50, 3))


def predict(*options):
    return main(["predict", "best.ckpt", "photos", "--out=out", "--device=cpu", *options])


def rows(file="out/predictions.csv", key="path"):
    with Path(file).open(encoding="utf-8", newline="") as table:
        return {Path(row[key]).name: row for row in csv.DictReader(table)}


ODD = {
    "wide.png": lambda: noise(1, 100_000, 3),
    "tall.png": lambda: noise(100_000, 1, 3),
    "one.png": lambda: noise(1, 1, 3),
    "limit.jpg": lambda: noise(2, 65_500, 3),
    "cmyk.jpg": lambda: Image.fromarray(noise(30, 40, 3)).convert("CMYK"),
    "deep.png": lambda: noise(30, 40, high=65536, dtype=np.uint16),
    "la.png": lambda: Image.fromarray(noise(30, 40, 3)).convert("LA"),
    "bit.png": lambda: Image.fromarray(noise(30, 40, 3)).convert("1"),
    "float.tif": lambda: GENERATOR.random((30, 40)).astype(np.float32),
    "palette.gif": lambda: Image.fromarray(noise(30, 40, 3)).convert("P"),
    "漢" * 80 + ".png": lambda: noise(30, 40, 3),
    "x" * 251 + ".png": lambda: noise(30, 40, 3),
}


@pytest.mark.parametrize(
    "options",
    [DRAWN, [*DRAWN, "--tiles", "--batch-size=4"], ["--explain", "--map=fine"]],
    ids=["plain", "tiles", "fine"],
)
def test_odd_shapes_kinds_and_names_are_predicted_and_drawn(options):
    for name, draw in ODD.items():
        if "fine" in options[-1] and name not in ("one.png", "deep.png"):
            continue  # seconds
        save(name, draw())
    frames = [Image.fromarray(noise(30, 40, 3)) for _ in range(3)]
    save("frames.tif", frames[0], save_all=True, append_images=frames[1:])
    save("clear.png", frames[0].convert("P"), transparency=3)
    assert predict(*options) == 0
    for row in rows().values():
        assert row["error"] == ""
        assert 0 < float(row["probability"]) < 1
        with Image.open(Path("out") / row["overlay"]) as drawn:
            assert max(drawn.size) <= 65_500


def failing_for(monkeypatch, owner, name, error, *, which):
    """Let a function fail for some calls, told by their arguments."""
    real = getattr(owner, name)

    def fail(*arguments, **options):
        if which(*arguments):
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, fail)


def of_b(_, *arguments):
    [image] = [one.image for one in arguments if hasattr(one, "image")]
    return image.path.endswith("b.png")


@pytest.mark.parametrize(
    ("name", "said", "error"),
    [
        ("_overlaid", "no overlay: broken data stream", OSError("broken data stream")),
        ("_overlaid", "no overlay: MemoryError", MemoryError()),
        ("_masked", "no mask: odd", ValueError("odd")),
        ("_small", "no thumbnail: odd", CorrosionError("odd")),
    ],
)
def test_what_cannot_be_drawn_is_the_error_of_its_row(monkeypatch, name, said, error):
    three()
    failing_for(monkeypatch, rendering.Renderer, name, error, which=of_b)
    assert predict(*DRAWN) == 3
    found = rows()
    assert found["b.png"]["error"] == said
    assert all(row["decision"] for row in found.values())
    assert [name for name, row in found.items() if row["error"]] == ["b.png"]
    assert [name for name, row in found.items() if row["mask"]] == ["a.png", "b.png", "c.png"][
        :: 2 if name == "_masked" else 1
    ]
    assert "b.png" in Path("out/inspection.html").read_text(encoding="utf-8")


def test_what_cannot_be_read_or_resized_is_the_error_of_its_row(monkeypatch):
    three()

    def which(_, found, *__):
        return found.path.endswith("b.png")

    failing_for(monkeypatch, ImageReader, "_squared", ValueError("no such size"), which=which)
    assert predict() == 3
    assert rows()["b.png"]["error"] == "no such size"


def test_a_batch_in_which_the_network_fails_for_one_image_loses_that_one_alone(monkeypatch):
    three()
    save("white.png", np.full((50, 50, 3), 255, np.uint8))

    def white(_, batch):
        return bool((batch.flatten(1).float().mean(1) == 255).any())

    name = "answers"
    failing_for(monkeypatch, CorrosionClassifier, name, RuntimeError("no kernel"), which=white)
    assert predict() == 3
    assert rows()["white.png"]["error"] == "the network: no kernel"
    assert sum(bool(row["decision"]) for row in rows().values()) == 3


def test_a_network_that_fails_for_every_image_ends_the_run(monkeypatch, capsys):
    three()
    monkeypatch.setattr(
        CorrosionClassifier,
        "answers",
        lambda _, batch: (batch.flatten(1).float().mean(1) * np.nan, None, None),
    )
    assert predict() == 1
    assert "The network gives NaN" in capsys.readouterr().err


def test_tiles_that_fail_are_the_error_of_their_row(monkeypatch):
    three()
    save("large.png", noise(100, 100, 3))
    monkeypatch.setattr(TileViewer, "look", lambda *_, **__: 1 / 0)
    assert predict("--tiles", "--threshold=0.5") == 3
    assert rows()["large.png"]["error"] == "no tiles: division by zero"
    assert rows()["a.png"]["error"] == ""


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("thumbnails", errno.ENOSPC),
        ("overlays", errno.EDQUOT),
        ("masks", errno.ENOSPC),
        ("predictions", errno.ENOSPC),
        ("inspection", errno.EROFS),
    ],
)
def test_a_full_disk_ends_the_run_in_one_line_and_loses_nothing(monkeypatch, capsys, code, kind):
    three()
    made = files.tempfile.mkstemp
    of_photographs = kind in ("thumbnails", "overlays", "masks")

    def full(*, dir, prefix, suffix):  # noqa: A002
        third = re.search(r"[._]c[.-]", prefix) or not of_photographs
        if kind in f"{dir}/{prefix}" and third:
            raise OSError(code, os.strerror(code))
        return made(dir=dir, prefix=prefix, suffix=suffix)

    with monkeypatch.context() as patched:
        patched.setattr(files.tempfile, "mkstemp", full)
        assert predict(*DRAWN, "--batch-size=1") == 1
    said = capsys.readouterr().err
    assert said.count("\ncorrosion: ") + said.startswith("corrosion: ") == 1
    assert os.strerror(code) in said
    assert "What is finished is kept" in said
    assert "Traceback" not in said
    journals = [path.read_text() for path in Path("out/progress").glob("*.jsonl")]
    finished = sum(text.count("\n") for text in journals)
    if kind == "inspection":  # the table is there: nothing is left to go on with but the page
        assert len(rows()) == 3
    else:
        assert finished == (2 if of_photographs else 3)
    assert predict(*DRAWN, "--batch-size=1", "--resume") == 0
    assert Path("out/inspection.html").is_file()
    assert list(rows()) == ["a.png", "b.png", "c.png"]


def test_a_disk_that_is_full_for_the_journal_ends_the_run_in_one_line(monkeypatch, capsys):
    three()
    opened = Path.open

    def full(path, *arguments, **options):
        if path.suffix == ".jsonl" and "x" in arguments:
            opened(path, "x").close()
            return opened(Path("/dev/full"), "w", encoding="utf-8")
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        assert predict() == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert predict("--resume") == 0
    assert list(rows()) == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("code", [errno.ENAMETOOLONG, errno.EINVAL, None])
def test_what_is_wrong_with_one_name_is_no_full_disk(tmp_path, code):
    error = OSError("broken data stream") if code is None else OSError(code, "odd")
    assert not isinstance(unwritable(tmp_path / "a", error), DiskError)
    with pytest.raises(CorrosionError) as raised, replacing(tmp_path / ("x" * 256 + ".png")):
        pass
    assert not isinstance(raised.value, DiskError)


def test_the_longest_name_that_a_disk_takes_can_be_written(tmp_path):
    with replacing(tmp_path / ("ß" * 125 + ".json")) as temporary:
        temporary.write_text("whole")
    assert [path.read_text() for path in tmp_path.glob("ß*")] == ["whole"]


def test_an_explanation_that_fails_is_the_error_of_its_row(monkeypatch):
    three()
    save("wide.png", noise(1, 20_000, 3))

    def of_b_png(path, _):
        return path.name == "b.png"

    from corrosion.explanation import explain_files

    failing_for(monkeypatch, explain_files, "write_image", OSError("broken"), which=of_b_png)
    assert main(["explain", "best.ckpt", "photos", "--out=out", "--device=cpu"]) == 3
    found = rows("out/explanations.csv")
    assert {name: row["error"] for name, row in found.items()} == {
        "a.png": "", "b.png": "broken", "c.png": "", "wide.png": ""
    }  # fmt: skip


def test_a_pair_that_fails_is_the_error_of_its_row(monkeypatch):
    three()
    save("one.png", noise(1, 1, 3))
    from corrosion.change import output_folder

    def of_second(path, _):
        return path.name == "0002-new.jpg"

    failing_for(monkeypatch, output_folder, "write_image", OSError("broken"), which=of_second)
    given = ["change", "best.ckpt", "photos", "photos", "--out=out", "--device=cpu"]
    assert main([*given, "--threshold=0.99"]) == 3
    found = rows("out/changes.csv", key="old")
    assert {name: row["error"] for name, row in found.items()} == {
        "a.png": "", "b.png": "no pictures: broken", "c.png": "", "one.png": ""
    }  # fmt: skip


def test_a_photograph_that_vanishes_after_it_was_chosen_has_a_row(monkeypatch):
    three()
    from corrosion.cli import next as command
    from corrosion.selection import sorting_folder

    assert command
    real = sorting_folder.file_content

    def vanishing(path):
        Path("photos/b.png").unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(sorting_folder, "file_content", vanishing)
    assert main(["next", "best.ckpt", "photos", "--out=out", "--device=cpu"]) == 0
    found = pd.read_csv("out/next.csv").set_index("path")
    assert found.loc["photos/b.png", "why"] == "can't be read: No such file or directory"
    assert found["file"].isna().sum() == 1
    assert len(list(Path("out/to-sort").iterdir())) == 2


def test_an_audit_of_slivers_is_drawn(tmp_path):
    for name in ("rust", "clean"):
        (tmp_path / "photos" / name).mkdir()
        for number, shape in enumerate([(1, 30_000), (30_000, 1), (1, 1), (40, 50)]):
            save(f"{name}/{number}.png", noise(*shape, 3))
    assert main(["audit", "photos", "--out=out"]) == 0
    assert json.loads(Path("out/audit.json").read_text())["images"] == 8
    assert "elongated images" in Path("out/audit.html").read_text()


def test_an_audit_says_of_a_photograph_that_it_cannot_be_shown(tmp_path, monkeypatch):
    for name in ("rust", "clean"):
        (tmp_path / "photos" / name).mkdir()
        save(f"{name}/a.png", np.full((100, 100, 3), 90, np.uint8))
    from corrosion.report import audit_pictures

    failing_for(monkeypatch, audit_pictures, "read_image", ValueError(), which=lambda _: True)
    assert main(["audit", "photos", "--out=out"]) == 0
    assert "shown: ValueError" in Path("out/audit.html").read_text()


def test_a_jpeg_may_be_as_long_as_it_can_be(tmp_path):
    overlay.write_image(tmp_path / "a.jpg", noise(3, 70_000, 3))
    overlay.write_image(tmp_path / "a.png", noise(3, 70_000, 3))
    sizes = [Image.open(tmp_path / name).size for name in ("a.jpg", "a.png")]
    assert sizes == [(65_500, 3), (70_000, 3)]
