import logging

import pandas as pd
import pytest

from corrosion.data.splits import read_split, split, write_split
from corrosion.errors import CorrosionError


def images(count, *, prefix="f"):
    """Records of images of either class in turn, each with bytes of its own."""
    names = [f"{prefix}{number}" for number in range(count)]
    return pd.DataFrame(
        {
            "path": [f"/{name}.jpg" for name in names],
            "label": [number % 2 for number in range(count)],
            "source": "a",
            "content_hash": names,
        }
    )


def test_a_written_split_is_read_back_by_path_and_by_content(tmp_path):
    result = split(images(60))
    write_split(result, tmp_path / "split.csv")
    moved = result.assign(path="/elsewhere" + result["path"])
    for records in (result, moved):
        read = read_split(tmp_path / "split.csv", records)
        assert read.tolist() == result["split"].astype(str).tolist()
    columns = pd.read_csv(tmp_path / "split.csv").columns.tolist()
    assert columns == ["path", "label", "source", "group", "split", "content_hash"]


def test_new_and_missing_images_of_a_split_file_are_told(tmp_path, caplog):
    result = split(images(60))
    write_split(result, tmp_path / "split.csv")
    records = pd.concat([result.iloc[10:], images(5, prefix="new")], ignore_index=True)
    with caplog.at_level(logging.INFO):
        read = read_split(tmp_path / "split.csv", records)
        split(records, assigned=read)
    assert (read == "").sum() == 5
    assert "10 of 60 images" in caplog.text
    assert "5 images are not in" in caplog.text


def test_copies_of_known_images_do_not_hide_that_others_are_missing(tmp_path, caplog):
    result = split(images(60))
    write_split(result, tmp_path / "split.csv")
    copies = result.iloc[20:30].assign(path="/copy" + result["path"])
    read_split(tmp_path / "split.csv", pd.concat([result.iloc[10:], copies], ignore_index=True))
    assert "10 of 60 images" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        ("", "can't be read"),
        ("path\na\n", "split"),
        ("path,split,content_hash\na,training,b\n", "training"),
        ("path,split,content_hash\na,train,b\n", "knows none of the 60 images"),
    ],
)
def test_a_file_that_is_no_split_of_these_images_is_an_error(tmp_path, content, message):
    path = tmp_path / "split.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CorrosionError, match=message):
        read_split(path, images(60))


def changed(records, *rows):
    hashes = records["content_hash"].copy()
    hashes.iloc[list(rows)] = "another"
    return records.assign(content_hash=hashes)


def test_images_that_have_changed_keep_their_split_and_are_told_by_name(tmp_path, caplog):
    result = split(images(60))
    write_split(result, tmp_path / "split.csv")
    found = read_split(tmp_path / "split.csv", result)
    assert "changed" not in caplog.text
    again = read_split(tmp_path / "split.csv", changed(result, *range(8)))
    assert again.tolist() == found.tolist()
    assert "8 images have changed since it was written: " in caplog.text
    assert result["path"].iloc[4] in caplog.text
    assert "and 3 more" in caplog.text


def test_an_image_that_has_changed_is_an_error_where_that_is_wanted(tmp_path):
    result = split(images(60))
    write_split(result, tmp_path / "split.csv")
    now = changed(result, 7)
    with pytest.raises(CorrosionError, match=f"1 image has changed .*: {result['path'].iloc[7]}"):
        read_split(tmp_path / "split.csv", now, on_changed="error")


@pytest.mark.parametrize("empty", [True, False])
def test_a_split_file_without_contents_tells_images_by_path(tmp_path, caplog, empty):
    result = split(images(60))
    table = pd.DataFrame({"path": result["path"], "split": result["split"]})
    (table.assign(content_hash="") if empty else table).to_csv(tmp_path / "split.csv", index=False)
    found = read_split(tmp_path / "split.csv", changed(result, 3), on_changed="error")
    assert found.tolist() == result["split"].tolist()
    assert caplog.text == ""
