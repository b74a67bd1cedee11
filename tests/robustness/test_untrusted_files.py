"""Files that are not what they are called start no program, hang nothing and fill no memory."""

import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from corrosion.data.images import MAX_BYTES, ImageError, check_image, displayed_size, read_image
from corrosion.data.video import count_frames, read_frames

READERS = (read_image, check_image, displayed_size)

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("reader", READERS)
def test_postscript_called_jpg_starts_no_ghostscript(tmp_path, reader, monkeypatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(EPS)
    for name in ("Popen", "run", "check_call", "check_output"):
        monkeypatch.setattr(subprocess, name, lambda *_, **__: pytest.fail("a program was started"))
    with pytest.raises(ImageError, match="no image of a known kind"):
        reader(path)


@pytest.mark.parametrize("kind", ["PPM", "TGA", "ICO", "PCX", "PDF", "EPS", "ICNS"])
def test_kinds_that_nobody_photographs_in_are_not_read(tmp_path, kind):
    Image.new("RGB", (64, 64), (120, 60, 30)).save(tmp_path / "made", kind)
    (tmp_path / "made").rename(tmp_path / "photo.png")
    with pytest.raises(ImageError):
        read_image(tmp_path / "photo.png")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_kinds_of_photographs_are_read_whatever_their_name(tmp_path, kind):
    Image.new("RGB", (24, 16), (120, 60, 30)).save(tmp_path / "photo.jpg", kind)
    assert read_image(tmp_path / "photo.jpg").shape == (16, 24, 3)


@pytest.mark.parametrize("reader", [*READERS, lambda path: next(read_frames(path, every=1))])
def test_a_pipe_is_not_waited_for(tmp_path, reader):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(ImageError, match="no regular file"):
        reader(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("reader", READERS)
def test_a_device_that_never_ends_is_refused(reader):
    with pytest.raises(ImageError, match="no regular file"):
        reader(Path("/dev/zero"))


@pytest.mark.parametrize("reader", READERS)
def test_an_enormous_file_is_refused_before_it_is_read(tmp_path, reader):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # takes no room on the disk
    with pytest.raises(ImageError, match="too large: 2,147,483,649 bytes"):
        reader(tmp_path / "sparse.jpg")


@pytest.mark.parametrize(
    "listing",
    ["ffconcat version 1.0\nfile secret.avi\n", "#EXTM3U\n#EXTINF:1,\nsecret.avi\n", "", "DKIF"],
)
def test_a_video_that_lists_other_files_opens_none(tmp_path, listing):
    writer = cv2.VideoWriter(
        str(tmp_path / "secret.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32)
    )
    for _ in range(5):
        writer.write(np.full((32, 32, 3), 90, dtype=np.uint8))
    writer.release()
    assert next(read_frames(tmp_path / "secret.avi", every=1)).image.shape == (32, 32, 3)
    (tmp_path / "flight.mkv").write_text(listing)
    with pytest.raises(ImageError, match="no video of a known kind"):
        next(read_frames(tmp_path / "flight.mkv", every=1))
    assert count_frames(tmp_path / "flight.mkv", every=1) == 1
