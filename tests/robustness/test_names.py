"""Names of files that spreadsheets and tables would take for something else."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from samples import write_checkpoint

from corrosion.cli.main import main
from corrosion.system.names import displayable, table_path

NAMES = ["=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", "a\rb.png", "a\nb.png", 'a,b".png']


def test_names_are_neither_formulas_nor_rows_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_checkpoint(tmp_path / "best.ckpt")
    for name in NAMES:
        Image.fromarray(np.zeros((40, 40, 3), dtype=np.uint8)).save(tmp_path / name)
    given = ["predict", "best.ckpt", "--device=cpu", "--out=out", "--", *sorted(NAMES)]
    assert main(given) == 0
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(NAMES)
    for row, name in zip(rows, sorted(NAMES), strict=True):
        assert row["decision"]
        assert row["path"][0] not in "=+-@"
        if not set("\r\n") & set(name):
            assert (tmp_path / row["path"]).samefile(tmp_path / name)
    text = (tmp_path / "out" / "predictions.csv").read_bytes().replace(b"\r\n", b"\n")
    assert text.count(b"\n") == len(NAMES) + 1
    assert b"\r" not in text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_path_in_a_table_is_one_line_and_no_formula(path):
    cell = table_path(path)
    assert cell[0] not in "=+-@"
    assert len(cell.splitlines()) <= 1 or any(sign in cell for sign in "\x85\u2028\u2029")
    assert cell.removeprefix("./") == displayable(path).removeprefix("./")


@pytest.mark.parametrize("path", ["photos/a.png", "/data/=a.png", "a b.png", "brücke.png"])
def test_ordinary_paths_stay_as_they_are(path):
    assert table_path(path) == path
