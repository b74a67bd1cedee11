import json
import math

import pytest

from corrosion.errors import CorrosionError
from corrosion.system.files import remove_leftovers, replacing, write_json, write_text


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "new" / "notes.txt"
    write_text(path, "first")
    write_text(path, "zweite Ä")
    assert path.read_text(encoding="utf-8") == "zweite Ä"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_half_way_leaves_the_older_file(tmp_path):
    path = tmp_path / "notes.txt"
    write_text(path, "kept")

    def fail_half_way():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    kept = [tmp_path / name for name in ("last.ckpt", ".hidden.ckpt", "notes-12345678.ckpt")]
    for path in kept:
        write_text(path, "kept")
    with replacing(tmp_path / "last.ckpt") as temporary:
        left = temporary.with_stem(f"{temporary.stem[:-8]}abcd_123")
        left.write_text("half")
    remove_leftovers(tmp_path, suffix=".ckpt")
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_an_unwritable_place_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorrosionError, match=r"file.*results\.json"):
        write_json(tmp_path / "file" / "results.json", {})


def test_json_holds_null_where_a_number_is_undefined(tmp_path):
    write_json(tmp_path / "m.json", {"a": math.nan, "b": [1.5, math.inf], "c": {"d": 2}})
    assert json.loads((tmp_path / "m.json").read_text()) == {
        "a": None, "b": [1.5, None], "c": {"d": 2},
    }  # fmt: skip
