"""Kinds of corrosion by folders and by a CSV file."""

import logging

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.kind_labels import (
    COLUMN,
    check_kinds,
    check_learnable,
    find_kinds,
    learnable_kinds,
)
from corrosion.data.kind_names import kind_name
from corrosion.errors import CorrosionError


def records(root, *names, split="train"):
    paths = [str(root / name) for name in names]
    label = [0 if "clean" in name else 1 for name in names]
    return pd.DataFrame({"path": paths, "label": label, "source": root.name, "split": split})


def of(folder, count=5):
    return [f"{folder}/{number}.jpg" for number in range(count)]


def with_kinds(table, kinds, roots):
    found = table.assign(**{COLUMN: find_kinds(table, kinds, roots)})
    check_learnable(found, kinds)
    return found


def told(root, table, kinds="subfolders"):
    found = with_kinds(table, kinds, {root.name: root})
    return {path.removeprefix(f"{root}/"): kind for path, kind in found[["path", "kind"]].values}


def test_the_folder_below_the_class_is_the_kind_whatever_lies_deeper(tmp_path):
    names = [*of("rust/Pitting"), *of("rust/uni_form"), "rust/Pitting/2024/a.jpg", "rust/loose.jpg"]
    found = told(tmp_path, records(tmp_path, *names, "clean/Pitting/b.jpg"))
    assert found["rust/Pitting/0.jpg"] == found["rust/Pitting/2024/a.jpg"] == "pitting"
    assert found["rust/uni_form/0.jpg"] == "uni form"
    assert found["rust/loose.jpg"] == found["clean/Pitting/b.jpg"] == ""


def test_folders_of_subsets_and_folders_mapped_by_hand_tell_kinds_too(tmp_path):
    names = [*of("train/rust/pitting"), *of("train/crevice"), "test/rust/pitting/a.jpg"]
    found = told(tmp_path, records(tmp_path, *names))
    assert found["test/rust/pitting/a.jpg"] == "pitting"
    assert found["train/crevice/0.jpg"] == "crevice"


def test_a_file_names_photographs_below_itself_below_a_source_or_by_whole_paths(tmp_path):
    names = [*of("rust", 10), "rust/none.jpg", "clean/a.jpg"]
    rows = [(f"photos/rust/{number}.jpg", "pitting") for number in range(4)]
    rows += [(f"rust/{number}.jpg", "Uniform") for number in range(4, 9)]
    rows += [(str(tmp_path / "photos" / "rust" / "9.jpg"), "pitting"), ("gone.jpg", "pitting")]
    rows += [("rust/none.jpg", ""), ("clean/a.jpg", "")]
    file = tmp_path / "kinds.csv"
    pd.DataFrame(rows, columns=["path", "kind"]).to_csv(file, index=False)
    root = tmp_path / "photos"
    found = told(root, records(root, *names), file)
    assert [found[f"rust/{number}.jpg"] for number in (0, 4, 9)] == [
        "pitting",
        "uniform",
        "pitting",
    ]
    assert found["rust/none.jpg"] == found["clean/a.jpg"] == ""


def test_several_files_tell_kinds_together_and_must_not_contradict_each_other(tmp_path):
    files = (tmp_path / "kinds.csv", tmp_path / "judged" / "kinds.csv")
    files[1].parent.mkdir()
    files[0].write_text("path,kind\n" + "".join(f"rust/{n}.jpg,pitting\n" for n in range(5)))
    files[1].write_text("path,kind\n" + "".join(f"rust/{n}.jpg,uniform\n" for n in range(5)))
    names = [*of("rust"), *of("judged/rust")]
    found = told(tmp_path, records(tmp_path, *names), files)
    assert (found["rust/1.jpg"], found["judged/rust/1.jpg"]) == ("pitting", "uniform")
    files[1].write_text(f"path,kind\n{tmp_path}/rust/1.jpg,uniform\n")
    with pytest.raises(CorrosionError, match=r"1.jpg is both pitting and uniform; give each"):
        told(tmp_path, records(tmp_path, *names), files)


def test_a_kind_of_a_sound_photograph_is_not_used_and_told(tmp_path, caplog):
    file = tmp_path / "kinds.csv"
    rows = [(name, name.split("/")[1]) for name in [*of("rust/a"), *of("rust/b"), "clean/a/1.jpg"]]
    pd.DataFrame(rows, columns=["path", "kind"]).to_csv(file, index=False)
    found = told(tmp_path, records(tmp_path, *(name for name, _ in rows)), file)
    assert found["clean/a/1.jpg"] == ""
    assert "1 photographs of no_corrosion have a kind" in caplog.text


def test_kinds_too_rare_to_be_learnt_are_told_by_name(tmp_path, caplog):
    names = [*of("rust/a"), *of("rust/b"), *of("rust/rare", 4)]
    with caplog.at_level(logging.WARNING):
        found = with_kinds(records(tmp_path, *names), "subfolders", {tmp_path.name: tmp_path})
    assert learnable_kinds(found) == ("a", "b")
    assert "rare (4)" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (of("rust"), r"needs two kinds with 5 training photographs.*Found: none"),
        ([*of("rust/a"), *of("rust/b", 4)], r"Found: a \(5\), b \(4\)"),
        ([name for kind in range(51) for name in of(f"rust/{kind}", 1)], "51 kinds.*folders of"),
        ([*of("rust/predicted"), *of("rust/b")], "predicted can't be the name"),
        ([*of("rust/" + 60 * "ä"), *of("rust/b")], "of 100 bytes at most"),
    ],
)
def test_kinds_that_no_head_can_learn_are_refused(tmp_path, names, message):
    with pytest.raises(CorrosionError, match=message):
        with_kinds(records(tmp_path, *names), "subfolders", {tmp_path.name: tmp_path})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; give subfolders, or a CSV file"),
        ("path,sort\na.jpg,b\n", "no column kind"),
        ("path,kind\na.jpg,b\na.jpg,c\n", "a.jpg is both b and c"),
    ],
)
def test_a_bad_file_is_refused_before_any_image_is_read(tmp_path, content, message):
    file = tmp_path / "kinds.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CorrosionError, match=message):
        check_kinds(file)


def test_a_file_that_names_none_of_the_photographs_is_refused(tmp_path):
    file = tmp_path / "kinds.csv"
    file.write_text("path,kind\nother.jpg,pitting\n")
    with pytest.raises(CorrosionError, match=r"none of its 1 paths, as other.jpg, is that of"):
        told(tmp_path, records(tmp_path, *of("rust")), file)


@given(st.text(max_size=30))
def test_the_name_of_a_kind_is_its_own_name(text):
    name = kind_name(text)
    assert kind_name(name) == name


@pytest.mark.parametrize("text", ["", " ", "unknown", "None", "UNLABELLED", "_"])
def test_words_for_unknown_are_no_kind(text):
    assert kind_name(text) == ""
