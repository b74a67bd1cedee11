"""The places of masks."""

import pytest

from corrosion.data.file_search import find_inputs
from corrosion.prediction.mask_files import highest_folder, mask_files, of_frame


@pytest.fixture
def photos(tmp_path):
    for name in ("one/a.jpg", "one/deep/a.jpg", "two/a.jpg", "two/b.png", "two/b.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["one"], ["masks/a.png", "masks/deep/a.png"]),
        (["one", "two/a.jpg"], ["masks/one/a.png", "masks/one/deep/a.png", "masks/two/a.png"]),
        (["two/a.jpg"], ["masks/a.png"]),
        (["t*/a.jpg"], ["masks/two/a.png"]),
        (["two"], ["masks/a.png", "masks/b.jpg.png", "masks/b.png.png"]),
    ],
)
def test_masks_keep_the_paths_of_their_photographs(photos, monkeypatch, given, expected):
    monkeypatch.chdir(photos)
    assert mask_files(given, find_inputs(given, recursive=True)) == expected
    absolute = [photos / one for one in given]
    assert mask_files(absolute, find_inputs(absolute, recursive=True)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["one"], "."),
        (["one/deep"], "one"),
        (["one/deep/a.jpg"], "."),  # whoever names a file names its folders
        (["one/d*/*"], "."),
        (["a.jpg"], ".."),
        (["one/deep", "two"], "."),
    ],
)
def test_no_asset_lies_above_what_was_given(photos, monkeypatch, given, expected):
    monkeypatch.chdir(photos)
    assert highest_folder(given) == str((photos / expected).resolve())


def test_frames_of_a_video_have_masks_of_their_own():
    assert of_frame("masks/flight.png", 1.5) == "masks/flight_1.500s.png"
    assert of_frame("masks/a.png", None) == "masks/a.png"
