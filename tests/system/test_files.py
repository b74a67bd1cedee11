import json
import math

import pytest

from corrosion.errors import CorrosionError
from corrosion.system.files import (
    remove_leftovers,
    replacing,
    replacing_folder,
    write_json,
    write_text,
)


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


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_written_whole(tmp_path, there):
    path = tmp_path / "new" / "results"
    if there:
        path.mkdir(parents=True)
    with replacing_folder(path) as temporary:
        write_text(temporary / "pictures" / "a.txt", "a")
        assert there == path.exists()
    assert (path / "pictures" / "a.txt").read_text() == "a"
    assert path.stat().st_mode & 0o777 == 0o755
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_could_not_be_written_leaves_nothing(tmp_path):
    def fail_half_way():
        with replacing_folder(tmp_path / "results") as temporary:
            write_text(temporary / "a.txt", "half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_into_which_something_has_come_is_left_alone(tmp_path):
    path = tmp_path / "results"

    def meanwhile():
        with replacing_folder(path):
            write_text(path / "mine.txt", "kept")

    with pytest.raises(CorrosionError, match="results can't be written"):
        meanwhile()
    assert [one.name for one in path.iterdir()] == ["mine.txt"]
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
