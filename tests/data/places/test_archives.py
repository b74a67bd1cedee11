"""Photographs in zip and tar archives, which may come from anyone."""

import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import ImageReader, Item
from corrosion.data.images import ImageError, file_content, read_image
from corrosion.data.places import is_folder, version
from corrosion.data.resizing import build_resize
from corrosion.data.sources import scan
from corrosion.errors import CorrosionError

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


PACK = {"zip": zipped, "tar": tarred}


@pytest.mark.parametrize("kind", PACK)
def test_members_are_the_photographs_of_a_folder(tmp_path, picture, kind):
    members = {"a.jpg": picture(1), "day 1/b#?.png": picture(2, "PNG"), "notes.txt": b"no"}
    members |= {"__MACOSX/a.jpg": b"litter", ".hidden.jpg": b"", "inner.zip": b"PK"}
    path = PACK[kind](tmp_path / f"flight.{kind}", members)
    found = find_inputs([path])
    assert found == [f"{path}/a.jpg", f"{path}/day 1/b#?.png"]
    assert [file_content(one) for one in found] == [picture(1), picture(2, "PNG")]
    assert find_inputs([f"{path}/day 1"]) == found[1:]
    assert find_inputs([f"{path}/a.jpg"]) == found[:1]
    assert read_image(Path(found[0])).shape == (32, 48, 3)


@pytest.mark.parametrize("kind", PACK)
def test_an_archive_is_a_data_root(tmp_path, picture, kind):
    members = {f"{name}/{n}.jpg": picture(n) for name in ("rust", "clean") for n in range(2)}
    path = PACK[kind](tmp_path / f"set.{kind}", members)
    records = scan(path)
    assert sorted(records["label"]) == [0, 0, 1, 1]
    assert records["path"].is_unique
    first = version(records["path"][0])
    assert first != version(records["path"][1])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=4))
@pytest.mark.parametrize("kind", PACK)
def test_names_of_members_are_only_names(tmp_path, picture, kind, names):
    """Each member is a file of its own below the archive, wherever its name leads."""
    path = tmp_path / f"odd.{kind}"
    path.unlink(missing_ok=True)
    members = {f"{name}.jpg": picture(number) for number, name in enumerate(names)}
    os.utime(PACK[kind](path, members), ns=(len(str(names)), hash(tuple(names)) % 10**15))
    visible = [name for name in members if not any(p.startswith(".") for p in name.split("/"))]
    found = find_inputs([path]) if visible else []
    for one in found:
        assert Path(os.path.normpath(one)).is_relative_to(path)
    assert {file_content(one) for one in found} >= {members[name] for name in visible}


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("name", ["../../up.jpg", "/etc/passwd.jpg", "a/../../b.jpg", "./c.jpg"])
def test_a_name_that_leads_out_of_the_archive_stays_in_it(tmp_path, picture, kind, name):
    path = PACK[kind](tmp_path / f"odd.{kind}", {name: picture(1)})
    [found] = find_inputs([path])
    assert os.path.normpath(found) == found
    assert found.startswith(f"{path}/")
    assert file_content(found) == picture(1)


def test_members_of_one_name_are_all_read(tmp_path, picture):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", picture(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.jpg", picture(2))
    found = find_inputs([path])
    assert [Path(one).name for one in found] == ["a (2).jpg", "a.jpg"]
    assert [file_content(one) for one in found] == [picture(2), picture(1)]


def reasons(path):
    reader = ImageReader(build_resize(32))
    items = [Item(number, one) for number, one in enumerate(find_inputs([path]))]
    return {Path(one.path).name: one.error for one in reader.inputs(items)}


def test_a_bomb_is_refused_by_its_directory(tmp_path, picture):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros.png", "w", force_zip64=True) as member:
            for _ in range(65):
                member.write(bytes(2**20))
        archive.writestr("small.png", picture(1, "PNG"))
    found = reasons(path)
    assert found["small.png"] is None
    assert "are no photograph" in found["zeros.png"]


def test_a_directory_that_lies_about_sizes_fills_no_memory(tmp_path, picture):
    path = zipped(tmp_path / "lies.zip", {"a.png": bytes(10**6)})
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 100)  # uncompressed size
    path.write_bytes(content)
    assert reasons(path)["a.png"].startswith("can't be unpacked")
    struct.pack_into("<I", content, place + 24, 2**31 + 1)
    struct.pack_into("<I", content, place + 20, 2**31 - 1)
    path.write_bytes(content)
    assert reasons(path)["a.png"].startswith("too large: 2,147,483,649 bytes")


def test_encrypted_damaged_and_linked_members_are_rows(tmp_path, picture):
    path = zipped(tmp_path / "odd.zip", {"fine.jpg": picture(1), "locked.jpg": picture(2)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("damaged.jpg", picture(3))
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"locked.jpg") - 38] |= 1  # the flag of encryption in the directory
    content[content.index(picture(3)) + 40] ^= 0xFF
    path.write_bytes(content)
    found = reasons(path)
    assert found["fine.jpg"] is None
    assert found["locked.jpg"] == "encrypted"
    assert found["link.jpg"] == "a link, which is not followed"
    assert found["damaged.jpg"].startswith("can't be unpacked: Bad CRC")


def test_links_devices_and_cut_members_of_a_tar_are_rows(tmp_path, picture, caplog):
    path = tarred(tmp_path / "odd.tar", {"fine.jpg": picture(1)})
    with tarfile.open(path, "a") as archive:
        for name, kind in (("link.jpg", tarfile.SYMTYPE), ("pipe.jpg", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        cut = tarfile.TarInfo("cut.jpg")
        cut.size = 10**6
        archive.addfile(cut, io.BytesIO(bytes(10**6)))
    os.truncate(path, path.stat().st_size - 2**20 + 40_000)
    found = reasons(path)
    assert found["fine.jpg"] is None
    assert found["link.jpg"] == "a link, which is not followed"
    assert found["pipe.jpg"] == "no regular file"
    assert found["cut.jpg"].startswith("truncated")


def test_what_a_damaged_tar_no_longer_lists_is_told(tmp_path, picture, caplog):
    path = tarred(tmp_path / "odd.tar", {"a.jpg": picture(1), "b.jpg": picture(2)})
    content = bytearray(path.read_bytes())
    place = content.index(b"b.jpg")
    content[place : place + 200] = b"x" * 200
    path.write_bytes(content)
    assert [Path(one).name for one in find_inputs([path])] == ["a.jpg"]
    assert "can't be listed" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", b"PK\x03\x04 cut", "no zip or tar that can be read"),
        ("a.tar", b"no archive" * 100, "no zip or tar that can be read"),
        ("a.tar", b"\x1f\x8b\x08" + bytes(600), "a compressed tar can only be read as a whole"),
        ("a.zip", b"", "no zip or tar that can be read"),
    ],
)
def test_what_is_no_archive_is_told(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorrosionError, match=message):
        find_inputs([tmp_path / name])


def test_a_folder_may_be_called_like_an_archive(tmp_path, picture):
    (tmp_path / "old.zip").mkdir()
    (tmp_path / "old.zip" / "a.jpg").write_bytes(picture(1))
    assert find_inputs([tmp_path / "old.zip"]) == [f"{tmp_path}/old.zip/a.jpg"]
    assert is_folder(tmp_path / "old.zip")


def test_an_archive_beside_photographs_is_told(tmp_path, picture, caplog):
    (tmp_path / "a.jpg").write_bytes(picture(1))
    zipped(tmp_path / "b.zip", {"c.jpg": picture(2)})
    assert find_inputs([tmp_path]) == [f"{tmp_path}/a.jpg"]
    assert "b.zip (archive: give it as a path of its own)" in caplog.text


def test_a_member_that_is_not_there_is_told(tmp_path, picture):
    path = zipped(tmp_path / "a.zip", {"a.jpg": picture(1)})
    with pytest.raises(CorrosionError, match=r"There is no b\.jpg in .*a\.zip"):
        find_inputs([f"{path}/b.jpg"])
    with pytest.raises(ImageError, match="not in the archive"):
        read_image(f"{path}/b.jpg")
