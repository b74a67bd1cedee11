"""`corrosion change` as users call it: two folders in, one folder out."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import needs_chromium, open_page
from PIL import Image
from samples import write_checkpoint

from corrosion.change.output_folder import COLUMNS
from corrosion.cli.main import main

NO_MASKS = "--threshold=0.999"  # no photograph is called corroded: quick


@pytest.fixture(autouse=True)
def _here(inspections, monkeypatch):
    monkeypatch.chdir(inspections[0].parent)
    write_checkpoint(Path("best.ckpt"), image_size=32)


def change(*arguments):
    return main(["change", "best.ckpt", "old", "new", "--device=cpu", *arguments])


def test_two_inspections_become_a_table_a_page_and_pictures(capsys):
    assert change("--pair-by=name", "--threshold=0.001") == 3  # one file is broken
    out = Path("change-new")
    table = pd.read_csv(out / "changes.csv")
    assert tuple(table.columns) == COLUMNS
    pairs = table[table["paired_by"] == "name"]
    assert pairs["old"].tolist() == [f"old/place {number}.png" for number in range(3)]
    assert pairs["new"].tolist() == [f"new/place {number}.png" for number in range(3)]
    assert pairs["aligned"].all()
    assert (pairs["inliers"] > 100).all()
    np.testing.assert_allclose(pairs["overlap"], 300 / 320, atol=0.01)
    np.testing.assert_allclose(pairs["new_share"] - pairs["old_share"], pairs["change"])
    assert (pairs["change_low"] <= pairs["change"]).all()
    assert (pairs["change"] <= pairs["change_high"]).all()
    outside_0 = (pairs["change_low"] > 0) | (pairs["change_high"] < 0)
    assert (pairs["significant"].astype(bool) == outside_0).all()
    for file in [*pairs["old_picture"], *pairs["new_picture"]]:
        with Image.open(out / file) as picture:
            assert picture.size == (320, 240)
    alone = table[table["paired_by"] == "none"]
    assert alone["old"].dropna().tolist() == ["old/gone.png"]
    broken = alone[alone["new"].notna()].iloc[0]
    assert (broken["new"], broken["error"]) == ("new/broken.jpg", "no image of a known kind")
    said = capsys.readouterr().out
    assert "3 pairs, 3 of them aligned" in said
    assert "2 photographs without a partner, 1 failed." in said
    assert "Mean change in the rusted share" in said
    assert "how well the method repeats, not how near it is to the truth" in said
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_an_inspection_compared_with_itself_has_not_changed():
    assert main(["change", "best.ckpt", "old", "old", "--threshold=0.001", "--out=same"]) == 0
    table = pd.read_csv("same/changes.csv")
    assert len(table) == 4
    assert (table["change"] == 0).all()
    assert not table["significant"].any()
    assert (table["note"].isna()).all()


def test_what_has_no_name_in_common_is_paired_by_likeness():
    for number in range(3):
        Path(f"new/place {number}.png").rename(f"new/{2 - number}-later.png")
    Path("new/broken.jpg").unlink()
    assert change(NO_MASKS) == 0
    table = pd.read_csv("change-new/changes.csv")
    assert sorted(table["paired_by"]) == ["features", "features", "features", "none"]
    page = Path("change-new/change.html").read_text()
    assert page.count("by likeness: check that both show the same place") == 3


def test_whole_photographs_are_compared_where_they_cannot_be_aligned(draw_scene):
    for number in range(3):
        Image.fromarray(draw_scene(20 + number)).save(f"new/place {number}.png")
    assert change("--pair-by=name", NO_MASKS) == 3
    table = pd.read_csv("change-new/changes.csv").iloc[:3]
    assert not table["aligned"].astype(bool).any()
    assert table["overlap"].isna().all()
    assert table["note"].str.startswith("not aligned: ").all()


def test_a_pair_with_a_broken_file_has_a_row_with_the_reason():
    Path("new/broken.jpg").rename("new/gone.jpg")
    assert change("--pair-by=name", NO_MASKS) == 3
    table = pd.read_csv("change-new/changes.csv").set_index("old")
    row = table.loc["old/gone.png"]
    assert (row["new"], row["error"]) == ("new/gone.jpg", "gone.jpg: no image of a known kind")
    assert np.isnan(row["change"])


def test_a_list_says_which_photographs_belong_together():
    Path("pairs.csv").write_text("old,new\nplace 0.png,place 2.png\n")
    assert change("--pairs=pairs.csv", NO_MASKS) == 3
    table = pd.read_csv("change-new/changes.csv")
    assert table["paired_by"].tolist() == ["file", *["none"] * 6]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["best.ckpt", "none", "new"], "There is no folder none: give one with the photographs"),
        (["best.ckpt", "old", "empty"], "empty holds no image files"),
        (["none.ckpt", "old", "new"], "There is no none.ckpt"),
        (["best.ckpt", "old", "new", "--out=old"], "old is there already: choose another --out"),
        (["best.ckpt", "old", "new", "--pairs=none.csv"], "There is no none.csv: give a CSV file"),
        (["best.ckpt", "old", "new", "--pairs=x", "--pair-by=gps"], "leave --pair-by=gps out"),
        (["best.ckpt", "old", "new", "--pair-by=gps"], "--pair-by=gps: no photographs of old and"),
        (["best.ckpt", "old", "new", "--pair-by=luck"], "--pair-by=luck: give auto"),
        (["best.ckpt", "old", "new", "--metres=0"], "--metres=0.0: give a number above 0"),
    ],
)
def test_what_is_wrong_is_said_before_the_network_is_loaded(capsys, monkeypatch, arguments, said):
    Path("empty").mkdir()

    def load_model(*_, **__):
        raise AssertionError("the network was loaded")

    monkeypatch.setattr("corrosion.models.checkpoint.load_model", load_model)
    assert main(["change", *arguments]) == 1
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not Path("change-new").exists()


def test_nothing_is_left_where_the_work_breaks_off(monkeypatch):
    def broken(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("corrosion.change.compare_inspections.register", broken)
    assert change("--pair-by=name") == 130
    assert sorted(path.name for path in Path().iterdir()) == ["best.ckpt", "new", "old"]


@needs_chromium
@pytest.mark.parametrize("width", [1400, 400])
def test_the_page_fits_its_window_whatever_the_names(width):
    long = "a_very_long_name_" * 12
    for folder in ("old", "new"):
        shutil.move(f"{folder}/place 0.png", f"{folder}/{long}.png")
    assert change(NO_MASKS) == 3
    shown = open_page(Path("change-new/change.html").absolute(), width=width)
    assert (shown.overflow, shown.failed, shown.errors) == (0, (), ())
    assert len(shown.requests) == 1
    assert "What has changed" in shown.text
    assert long in shown.text
