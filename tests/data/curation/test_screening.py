import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from corrosion.data.curation.screening import screen
from corrosion.data.images import check_image
from corrosion.errors import CorrosionError
from corrosion.settings.data import CurationSettings

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def records(tmp_path):
    """Two good images of which one is turned by EXIF, and three that can't be read."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "good.jpg")
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not an image")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    names = ["good.jpg", "empty.jpg", "turned.jpg", "text.jpg", "cut.jpg"]
    return pd.DataFrame({"path": [str(tmp_path / name) for name in names], "label": 1})


def test_unreadable_files_are_left_out_and_listed_in_one_warning(records, caplog):
    with caplog.at_level(logging.WARNING):
        screened = screen(records)
    assert screened.records["path"].tolist() == records["path"][[0, 2]].tolist()
    assert len(caplog.records) == 1
    for name, reason in (("empty", "empty"), ("text", "no image"), ("cut", "truncated")):
        assert f"{name}.jpg" in caplog.text
        assert reason in caplog.text
    assert len(screened.rejected) == 3


def test_good_files_get_hash_and_size_as_displayed(records):
    good = screen(records).records.set_index("path")
    path = records["path"][0]
    expected = hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    assert good.loc[path, "content_hash"] == expected
    assert good[["width", "height"]].to_numpy().tolist() == [[30, 20], [20, 30]]


def test_on_bad_image_error_stops_with_the_list(records):
    with pytest.raises(CorrosionError, match=r"3 of 5 images[\s\S]*text\.jpg"):
        screen(records, on_bad="error")


def test_no_readable_image_is_an_error(records):
    with pytest.raises(CorrosionError, match="3 of 3 images"):
        screen(records.iloc[[1, 3, 4]])


def test_a_long_list_is_cut_in_the_warning(tmp_path, records, caplog):
    for index in range(30):
        (tmp_path / f"bad{index}.jpg").write_bytes(b"")
    more = [str(tmp_path / f"bad{index}.jpg") for index in range(30)]
    records = pd.concat([records, pd.DataFrame({"path": more, "label": 0})], ignore_index=True)
    with caplog.at_level(logging.WARNING):
        assert len(screen(records).rejected) == 33
    assert "and 13 more" in caplog.text


def test_unchanged_files_are_not_read_again(records, monkeypatch):
    first = screen(records)
    read = []

    def watched(path, **options):
        read.append(path)
        return check_image(path, **options)

    monkeypatch.setattr("corrosion.data.curation.screening.check_image", watched)
    pd.testing.assert_frame_equal(screen(records).records, first.records)
    assert set(read) == set(first.rejected["path"])


def test_a_run_that_is_stopped_has_not_checked_in_vain(tmp_path, monkeypatch):
    for index in range(600):
        Image.new("RGB", (1, 1), (index % 256, index // 256, 0)).save(tmp_path / f"{index}.png")
    records = pd.DataFrame({"path": [str(tmp_path / f"{index}.png") for index in range(600)]})
    read = []

    def stopped(path, **options):
        if len(read) == 550:
            raise KeyboardInterrupt
        read.append(path)
        return check_image(path, **options)

    monkeypatch.setattr("corrosion.data.curation.screening.check_image", stopped)
    with pytest.raises(KeyboardInterrupt):
        screen(records, workers=1)
    read.clear()
    assert len(screen(records, workers=2).records) == 600
    assert len(read) <= 300


def test_many_files_keep_their_order(tmp_path):
    order = np.random.default_rng(0).permutation(700)
    for index in order:
        Image.new("L", (int(index) + 1, 1)).save(tmp_path / f"{index}.png")
    (tmp_path / "300.png").write_bytes(b"")
    records = pd.DataFrame({"path": [str(tmp_path / f"{index}.png") for index in order]})
    for _ in ("read", "remembered"):
        screened = screen(records).records
        assert len(screened) == 699
        names = [f"{width - 1}.png" for width in screened["width"]]
        assert [Path(path).name for path in screened["path"]] == names


def test_a_changed_file_is_read_again(records):
    before = screen(records).records
    path = records["path"][0]
    Image.new("RGB", (50, 40)).save(path)
    after = screen(records).records
    assert after["content_hash"][0] != before["content_hash"][0]
    assert after["width"][0] == 50


def test_a_damaged_cache_is_made_anew(records, cache):
    first = screen(records)
    (cache / "screening-3.sqlite").write_bytes(
        b"not a database, but long enough to be taken for one" * 100
    )
    pd.testing.assert_frame_equal(screen(records).records, first.records)
    pd.testing.assert_frame_equal(screen(records).records, first.records)


def test_a_cache_that_cant_be_written_is_a_warning(records, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert len(screen(records).records) == 2
    assert "is not used" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"), [("on_bad_image", "skip"), ("max_megapixels", 10**6), ("max_megapixels", 0)]
)
def test_values_out_of_range_are_errors_that_name_the_key(key, value):
    with pytest.raises(CorrosionError, match=key):
        CurationSettings(**{key: value})


def test_a_smaller_limit_of_pixels_counts_for_remembered_files_too(records):
    assert len(screen(records).records) == 2
    with pytest.raises(CorrosionError, match="600 pixels|30 x 20"):
        screen(records, max_pixels=500)
