import logging
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corrosion.data.sources import check_root, scan
from corrosion.errors import CorrosionError


def fill(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def table(records, root):
    return {
        (path.removeprefix(f"{root}/"), int(label), subset)
        for path, label, subset in zip(
            records["path"], records["label"], records["subset"], strict=True
        )
    }


def test_a_folder_a_class_with_folders_inside(tmp_path):
    fill(tmp_path, "rust/a.jpg", "rust/ship/b.PNG", "clean/c.jpeg")
    records = scan(tmp_path, name="mine")
    assert table(records, tmp_path) == {
        ("rust/a.jpg", 1, ""), ("rust/ship/b.PNG", 1, ""), ("clean/c.jpeg", 0, ""),
    }  # fmt: skip
    assert set(records["source"]) == {"mine"}


@pytest.mark.parametrize("valid", ["valid", "val", "Validation"])
def test_roboflow_subsets_are_recognised(tmp_path, valid):
    fill(
        tmp_path, "train/rust/a.jpg", f"{valid}/rust/b.jpg", "test/clean/c.jpg",
        "README.roboflow.txt", "train/_annotations.csv",
    )  # fmt: skip
    assert table(scan(tmp_path), tmp_path) == {
        ("train/rust/a.jpg", 1, "train"), (f"{valid}/rust/b.jpg", 1, "val"),
        ("test/clean/c.jpg", 0, "test"),
    }  # fmt: skip


def test_litter_is_passed_over(tmp_path):
    fill(
        tmp_path, "rust/a.jpg", "clean/b.jpg", "rust/Thumbs.db", "rust/.hidden.jpg", "notes.txt",
        "__MACOSX/rust/a.jpg", ".git/c.jpg", "rust/labels.json",
    )  # fmt: skip
    assert len(scan(tmp_path)) == 2


def test_what_is_named_like_an_image_but_is_no_file_is_listed_so_that_reading_tells(tmp_path):
    fill(tmp_path, "rust/a.jpg", "clean/b.jpg", "rust/folder.jpg/c.jpg")
    (tmp_path / "rust" / "lost.jpg").symlink_to(tmp_path / "nothing.jpg")
    (tmp_path / "rust" / "loop").symlink_to(tmp_path / "rust", target_is_directory=True)
    os.mkfifo(tmp_path / "clean" / "pipe.jpg")
    assert {name for name, *_ in table(scan(tmp_path), tmp_path)} == {
        "rust/a.jpg", "rust/folder.jpg/c.jpg", "rust/lost.jpg", "clean/b.jpg", "clean/pipe.jpg",
    }  # fmt: skip


def test_class_folders_beside_subsets_are_passed_over_with_a_warning(tmp_path, caplog):
    fill(tmp_path, "train/rust/a.jpg", "test/clean/b.jpg", "more/c.jpg")
    with caplog.at_level(logging.WARNING):
        assert len(scan(tmp_path)) == 2
    assert "more" in caplog.text


def test_images_outside_the_folders_of_classes_are_told(tmp_path, caplog):
    fill(tmp_path, "a.jpg", "b.jpg", "rust/a.jpg", "clean/b.jpg", "notes.txt")
    with caplog.at_level(logging.WARNING):
        assert len(scan(tmp_path)) == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}: 2 images lie outside the folders of classes: not used"
    ]


def test_images_in_a_subset_but_in_no_class_are_told(tmp_path, caplog):
    fill(tmp_path, "train/rust/a.jpg", "train/b.jpg", "test/clean/b.jpg")
    with caplog.at_level(logging.WARNING):
        assert len(scan(tmp_path)) == 2
    assert f"{tmp_path / 'train'}: 1 images" in caplog.text


def test_folders_can_be_left_out(tmp_path):
    fill(tmp_path, "rust/a.jpg", "clean/b.jpg", "masks/c.png")
    assert len(scan(tmp_path, classes={"ignore": ["masks"]})) == 2


@pytest.mark.parametrize(
    ("names", "roots"),
    [
        (("set/rust/a.jpg", "set/clean/b.jpg"), "{0}/set."),
        (("set/train/rust/a.jpg", "set/test/clean/b.jpg"), "{0}/set."),
        (("a/rust/a.jpg", "a/clean/b.jpg", "b/norust/a.jpg"), "[{0}/a,{0}/b]."),
    ],
)
def test_a_root_one_level_too_high_is_an_error_that_names_the_right_one(tmp_path, names, roots):
    with pytest.raises(CorrosionError) as caught:
        scan(fill(tmp_path, *names))
    assert f"root={roots.format(tmp_path)}" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no images"),
        (("a.jpg", "b.jpg"), "2 lie elsewhere"),
        (("rust/a.jpg",), "class no_corrosion"),
        (("rust/a.jpg", "clean/b.jpg", "masks/c.png"), r"masks \(1 images\)"),
        (("rust/a.txt", "clean/b.txt"), r"\.jpg"),
    ],
)
def test_folders_that_cant_be_used_are_errors_with_the_way_out(tmp_path, names, message):
    with pytest.raises(CorrosionError, match=message):
        scan(fill(tmp_path, *names))


@pytest.mark.parametrize(("name", "message"), [("none", "missing"), ("file", "no folder")])
def test_a_root_that_is_no_folder_is_an_error(tmp_path, name, message):
    (tmp_path / "file").write_bytes(b"")
    for look in (scan, check_root):
        with pytest.raises(CorrosionError, match=message):
            look(tmp_path / name)


def test_a_first_look_goes_by_the_names_of_folders_alone(tmp_path, caplog):
    fill(tmp_path, "train/rust/a.txt", "test/clean/b.txt", "c.jpg")
    check_root(tmp_path)
    assert not caplog.text
    fill(tmp_path, "test/pitted/c.jpg")
    with pytest.raises(CorrosionError, match=r"pitted \(1 images\)"):
        check_root(tmp_path)
    check_root(tmp_path, classes={"corrosion": ["pitted"]})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(names=st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=8))
def test_records_are_sorted_whatever_the_order_of_the_file_system(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("root")
    fill(root, *[f"rust/{name}.jpg" for name in names], "clean/x.jpg")
    paths = scan(root)["path"].tolist()
    assert paths == sorted(paths)
    assert len(paths) == len(names) + 1


def test_a_source_may_have_one_class_where_the_folder_of_the_other_is_empty(tmp_path):
    fill(tmp_path, "rust/a.jpg", "rust/b.jpg")
    with pytest.raises(CorrosionError, match="No folder stands for the class no_corrosion"):
        scan(tmp_path)
    (tmp_path / "clean").mkdir()
    (tmp_path / "to-sort").mkdir()
    assert scan(tmp_path)["label"].tolist() == [1, 1]
    check_root(tmp_path)


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 photograph still waits"), (3, "3 photographs still wait")]
)
def test_photographs_that_wait_to_be_sorted_are_told_before_any_mapping(tmp_path, count, said):
    names = [f"to-sort/{number}.jpg" for number in range(count)]
    fill(tmp_path, "corrosion/a.jpg", "no_corrosion/b.jpg", *names)
    with pytest.raises(CorrosionError) as error:
        scan(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'to-sort'}: {said} to be sorted.")
    assert "classes." not in str(error.value)
    assert len(scan(tmp_path, classes={"ignore": ["to-sort"]})) == 2
