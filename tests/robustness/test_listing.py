"""Everything that lies in a folder is an image, or is told with the reason; nothing stops a run."""

import csv
import errno
import io
import json
import logging
import os
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from samples import write_checkpoint

from corrosion.cli.main import main
from corrosion.data import file_search
from corrosion.data.curation.screening import screen
from corrosion.data.file_kinds import kind_by_content
from corrosion.data.file_search import find_inputs
from corrosion.data.images import ImageError, check_image
from corrosion.data.sources import scan
from corrosion.errors import CorrosionError
from corrosion.system.names import displayable, escaped, on_disk, shortened, table_path

GENERATOR = np.random.default_rng(0)
LATIN = os.fsdecode(b"caf\xe9.png")  # no UTF-8


@pytest.fixture(autouse=True)
def _here(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)


def photograph(path):
    stream = io.BytesIO()
    pixels = GENERATOR.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return path


def odd_folder(folder):
    """A folder with whatever a disk may hold beside photographs; the reason by name."""
    photograph(folder / "a.png")
    photograph(folder / "A.PNG")
    photograph(folder / LATIN)
    photograph(folder / "deeper.jpg" / "b.png")
    photograph(folder.parent / "elsewhere" / "c.png")
    (folder / "out of the tree.png").symlink_to(folder.parent / "elsewhere" / "c.png")
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "lost.png").symlink_to("nothing.png")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe")
    (folder / "around").symlink_to(".")
    (folder / "sideways").symlink_to(folder.parent / "elsewhere")
    (folder / "nowhere").symlink_to("nowhere")
    (folder / "IMG_1.HEIC").write_bytes(b"whatever")
    (folder / "renamed").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (folder / "saved.bak").write_bytes(b"\xff\xd8\xff\xe0" + bytes(40))
    (folder / "notes.txt").write_text("Bridge 7")
    return folder


UNREADABLE = {
    "itself.png": "Too many levels of symbolic links",
    "lost.png": "a link to nothing",
    "pipe.png": "no regular file",
}
PASSED_OVER = {
    "pipe": "no regular file",
    "around": "a link to a folder that it lies in",
    "sideways": "a link to a folder, which is not followed",
    "nowhere": "a link to nothing",
    "IMG_1.HEIC": "HEIC photograph: convert it to JPEG",
    "renamed": "HEIC photograph: convert it to JPEG",
    "saved.bak": "JPEG photograph: lacks its ending",
    "notes.txt": "no photograph by its name or content",
}
READ = {"a.png", "A.PNG", "caf\\xe9.png", "b.png", "out of the tree.png"}


def test_everything_in_a_folder_is_listed_or_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    found = find_inputs([odd_folder(tmp_path / "photos")], recursive=True)
    assert {Path(path).name for path in found} == READ | set(UNREADABLE)
    for path in found:
        if Path(path).name in UNREADABLE:
            with pytest.raises(ImageError, match=UNREADABLE[Path(path).name]):
                check_image(path)
        else:
            check_image(path)
    assert "6 that may be photographs or videos are not read: " in caplog.text
    assert "IMG_1.HEIC (HEIC photograph: convert it to JPEG)" in caplog.text
    assert "2 other files are no photographs: " in caplog.text
    assert "notes.txt" in caplog.text


def test_videos_are_told_where_they_are_not_read(tmp_path, caplog):
    photograph(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "flight.mp4").write_bytes(b"video")
    assert len(find_inputs(["photos"], videos=False)) == 1
    assert "flight.mp4 (video: not read)" in caplog.text
    assert len(find_inputs(["photos"])) == 2


def test_a_flight_log_beside_its_video_is_not_passed_over(tmp_path, caplog):
    for name in ("a.png", "DJI_0900.MP4", "DJI_0900.SRT", "DJI_0901.SRT"):
        photograph(tmp_path / "flight" / name)
    with caplog.at_level(logging.INFO):
        find_inputs([tmp_path / "flight"])
        find_inputs([f"{tmp_path}/flight/*"])
    assert "DJI_0901.SRT" in caplog.text
    assert "DJI_0900.SRT" not in caplog.text
    with caplog.at_level(logging.INFO):
        find_inputs([tmp_path / "flight"], videos=False)
    assert "DJI_0900.SRT" in caplog.text


def test_what_a_pattern_matches_and_is_not_read_is_told(tmp_path, caplog):
    photograph(tmp_path / "a.png")
    (tmp_path / "b.heic").write_bytes(b"x")
    assert find_inputs(["?.*"]) == ["a.png"]
    assert "b.heic (HEIC photograph: convert it to JPEG)" in caplog.text


def test_a_folder_of_heic_alone_says_so(tmp_path):
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "a.heic").write_bytes(b"x")
    with pytest.raises(CorrosionError, match=r"a\.heic: HEIC photograph: convert it to JPEG"):
        find_inputs(["phone"])


def test_an_audit_tells_everything_that_lies_in_its_folders(tmp_path):
    for name in ("rust", "clean"):
        odd_folder(tmp_path / "photos" / name)
    photograph(tmp_path / "photos" / "loose.png")
    assert main(["audit", "photos", "--out=out", "--no-corrosion", "clean", "elsewhere"]) == 0
    found = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    unreadable = {Path(one["path"]).name: one["reason"] for one in found["unreadable"]}
    passed = {Path(one["path"]).name: one["reason"] for one in found["passed_over"]}
    assert unreadable == UNREADABLE
    assert passed == PASSED_OVER | {"loose.png": "an image outside the folders of classes"}
    missed = {Path(one["path"]).name for one in found["passed_over"] if one["may_be_missed"]}
    assert missed == set(passed) - {"notes.txt", "pipe"}
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("IMG_1.HEIC", "notes.txt", "lost.png"))


def test_two_conflicting_pictures_alone_are_audited(tmp_path):
    photograph(tmp_path / "photos" / "rust" / "a.png")
    (tmp_path / "photos" / "clean").mkdir()
    (tmp_path / "photos" / "clean" / "a.png").hardlink_to(tmp_path / "photos" / "rust" / "a.png")
    assert main(["audit", "photos", "--out=out"]) == 0
    assert len(json.loads((tmp_path / "out" / "audit.json").read_text())["conflicts"]) == 2


def forbidden(monkeypatch, name):
    """A subfolder that can't be read, also by the administrator."""
    listed = os.scandir

    def scandir(path="."):
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_subfolder_that_cannot_be_read_has_a_row_with_the_reason(tmp_path, monkeypatch):
    photograph(tmp_path / "photos" / "rust" / "a.png")
    photograph(tmp_path / "photos" / "rust" / "secret" / "b.png")
    photograph(tmp_path / "photos" / "clean" / "c.png")
    forbidden(monkeypatch, "secret")
    assert [Path(one).name for one in find_inputs(["photos"], recursive=True)] == [
        "c.png", "a.png", "secret"
    ]  # fmt: skip
    rejected = screen(scan("photos")).rejected
    assert rejected["reason"].tolist() == ["Permission denied"]
    assert main(["audit", "photos", "--out=out"]) == 0


def test_a_folder_of_a_class_that_cannot_be_read_has_a_row_too(tmp_path, monkeypatch):
    photograph(tmp_path / "photos" / "rust" / "a.png")
    photograph(tmp_path / "photos" / "clean" / "c.png")
    forbidden(monkeypatch, "clean")
    assert screen(scan("photos")).rejected["path"].tolist() == [str(tmp_path / "photos" / "clean")]
    forbidden(monkeypatch, "photos")
    with pytest.raises(CorrosionError, match="photos can't be read: Permission denied"):
        scan("photos")
    with pytest.raises(CorrosionError, match="photos can't be read: Permission denied"):
        find_inputs(["photos"])


def test_files_that_vanish_between_listing_and_reading_have_a_row(tmp_path, monkeypatch):
    for name in ("rust/a", "rust/b", "clean/c"):
        photograph(tmp_path / "photos" / f"{name}.png")
    records = scan("photos")
    (tmp_path / "photos" / "rust" / "b.png").unlink()
    assert screen(records).rejected["reason"].tolist() == ["No such file or directory"]
    kept = file_search.kind_by_suffix

    def vanishing(suffix):
        (tmp_path / "photos" / "gone").unlink(missing_ok=True)
        return kept(suffix)

    (tmp_path / "photos" / "gone").write_bytes(b"x")
    monkeypatch.setattr(file_search, "kind_by_suffix", vanishing)
    assert len(find_inputs(["photos"], recursive=True)) == 2


def test_names_that_are_too_long_are_refused_or_told(tmp_path):
    for path in ("x" * 300, "x/" * 3000 + "a.png", "a\0.png"):
        with pytest.raises(CorrosionError, match="There is no x|There is no a"):
            find_inputs([path])
        with pytest.raises(ImageError):
            check_image(path)


@pytest.fixture
def deep_folder(tmp_path):
    yield tmp_path / "deep"
    # pytest's own removal, some runs later, would not come back from so deep
    subprocess.run(["rm", "-rf", tmp_path / "deep"], check=True)


def test_folders_deeper_than_any_path_have_a_row(deep_folder):
    photograph(deep_folder / "a.png")
    descend = os.open(deep_folder, os.O_RDONLY)
    for _ in range(2200):
        os.mkdir("d", dir_fd=descend)
        below = os.open("d", os.O_RDONLY, dir_fd=descend)
        os.close(descend)
        descend = below
    os.close(descend)
    photo, folder = find_inputs(["deep"], recursive=True)
    check_image(photo)
    with pytest.raises(ImageError, match="File name too long"):
        check_image(folder)


def test_a_socket_named_like_an_image_has_the_reason(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.png")
        [path] = find_inputs(["."])
        with pytest.raises(ImageError, match="no regular file"):
            check_image(path)


def test_predictions_have_a_row_for_everything_named_like_a_photograph(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    odd_folder(tmp_path / "photos")
    given = ["predict", "best.ckpt", "photos", "--recursive", "--out=out", "--device=cpu"]
    assert main([*given, "--relative-to=photos"]) == 3
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert {Path(path).name for path in rows} == READ | set(UNREADABLE)
    assert {path: row["error"] for path, row in rows.items() if row["error"]} == UNREADABLE
    assert {"a.png", "deeper.jpg/b.png"} <= set(rows)


def test_evaluations_and_explanations_take_names_that_are_no_utf_8(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    for name in ("rust/a.png", f"rust/{LATIN}", "clean/b.png", f"clean/{LATIN}"):
        photograph(tmp_path / "photos" / name)
    assert main(["evaluate", "best.ckpt", "photos", "--out=evaluated"]) == 0
    assert main(["explain", "best.ckpt", "photos/rust", "--out=explained"]) == 0
    tables = [path.read_text(encoding="utf-8") for path in tmp_path.glob("e*ed/*.csv")]
    assert sum("caf\\xe9.png" in table for table in tables) >= 3
    assert (tmp_path / "explained" / "best" / "caf\\xe9.png").is_file()


def test_paths_beyond_the_folder_that_they_are_told_from_are_refused(tmp_path, capsys):
    write_checkpoint(tmp_path / "best.ckpt")
    photograph(tmp_path / "photos" / "a.png")
    photograph(tmp_path / "photos2" / "b.png")
    given = ["predict", "best.ckpt", "photos", "photos2", "--out=out", "--relative-to=photos"]
    assert main(given) == 1
    assert "--relative-to=photos: photos2/b.png lies beyond it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@given(st.binary(min_size=1, max_size=40).filter(lambda name: not set(b"\0/") & set(name)))
def test_any_name_is_told_in_utf_8_and_leads_back_to_its_file(name):
    path = os.fsdecode(name)
    text = escaped(path)
    text.encode("utf-8")
    table_path(displayable(path)).encode("utf-8")
    assert escaped(text) == text
    if text != path and b"\\x" not in name:
        assert os.fsencode(on_disk(text)) == name
    assert len(shortened(path, 20).encode("utf-8")) <= 20


def test_a_file_that_is_called_like_an_escape_comes_first(tmp_path):
    photograph(tmp_path / LATIN)
    assert on_disk("caf\\xe9.png") == Path(LATIN)
    (tmp_path / "caf\\xe9.png").write_bytes(b"to the letter")
    assert on_disk("caf\\xe9.png").read_bytes() == b"to the letter"


@given(st.binary(max_size=64))
def test_any_bytes_have_a_kind_or_none(head):
    assert kind_by_content(head) is None or kind_by_content(head)
