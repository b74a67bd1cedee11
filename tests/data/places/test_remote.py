"""Photographs in a bucket of a real S3 server on loopback."""

import zipfile
from pathlib import Path

import fsspec
import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from s3_server import BUCKET

from corrosion.data.curation.screening import screen
from corrosion.data.file_search import find_inputs
from corrosion.data.image_reader import ImageReader, Item
from corrosion.data.images import MAX_BYTES, ImageError, file_content, read_image
from corrosion.data.kind_labels import find_kinds
from corrosion.data.places import PlaceError, is_there, reading_threads, remote, retries, version
from corrosion.data.places.entries import UnreachableError
from corrosion.data.resizing import build_resize
from corrosion.data.sources import scan
from corrosion.errors import CorrosionError

KEYS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1, max_size=9
).filter(lambda name: not name.startswith(".") and name.strip() != "")


def inputs(paths, **options):
    reader = ImageReader(build_resize(32), **options)
    return list(reader.inputs(Item(number, path) for number, path in enumerate(paths)))


def test_files_of_a_bucket_are_those_of_a_folder(server, picture):
    server.fill({"in/a.jpg": picture(1), "in/b/c.png": picture(2, "PNG"), "in/notes.txt": b"no"})
    assert find_inputs(["s3://photos/in"]) == ["s3://photos/in/a.jpg"]
    whole = ["s3://photos/in/a.jpg", "s3://photos/in/b/c.png"]
    assert find_inputs([Path("s3://photos/in/")], recursive=True) == whole
    assert find_inputs(["s3://photos/in/*/*.png", whole[0]]) == whole[::-1]
    assert read_image(whole[0]).shape == (32, 48, 3)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=KEYS)
def test_names_may_be_anything(server, picture, name):
    key = f"names/{name}/{name}.jpg"
    server.fill({key: picture(len(name))})
    remote.forget()
    found = find_inputs(["s3://photos/names"], recursive=True)
    server.client.delete_object(Bucket=BUCKET, Key=key)
    assert found == [f"s3://photos/{key}"]
    server.fill({key: picture(len(name))})
    assert file_content(Path(found[0])) == picture(len(name))
    server.client.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("key", ["up/../../a.jpg", "up//b.jpg", "up/./c.jpg", "up/=1+1?#%41.jpg"])
def test_names_that_would_lead_elsewhere_are_names(server, picture, key):
    server.fill({key: picture(3)})
    [path] = find_inputs(["s3://photos"], recursive=True)
    assert not {"..", ".", ""} & set(path.removeprefix("s3://").split("/"))
    assert file_content(Path(path)) == picture(3)


def test_of_requests_that_fail_nothing_is_lost(server, picture):
    server.fill({f"many/{number}.jpg": picture(number) for number in range(60)})
    server.faults.share, server.faults.stubborn = 0.05, ("many/7.jpg",)
    found = inputs(find_inputs(["s3://photos/many"]), threads=2, ahead=8)
    assert server.faults.seen["failed"] > 3
    assert [one.path for one in found if one.error] == ["s3://photos/many/7.jpg"]
    assert "after 6 attempts" in next(one.error for one in found if one.error)
    assert len({one.path for one in found}) == 60
    assert [one.item for one in found] == list(range(60))


def test_a_file_that_is_gone_or_forbidden_is_not_tried_again(server, picture, monkeypatch):
    server.fill({"gone.jpg": picture(0)})
    [path] = find_inputs(["s3://photos"])
    server.client.delete_object(Bucket=BUCKET, Key="gone.jpg")
    before = server.faults.seen["GET"]
    with pytest.raises(ImageError, match=r"gone\.jpg: nothing is there$"):
        file_content(path)
    assert server.faults.seen["GET"] == before + 1


def test_an_enormous_object_is_refused_before_it_is_read(server, picture, monkeypatch):
    server.fill({"large.jpg": picture(0)})
    [path] = find_inputs(["s3://photos"])
    before = server.faults.seen["GET"]
    with pytest.raises(PlaceError, match="too large"):
        remote.content(path, 10)
    assert server.faults.seen["GET"] == before
    assert remote.content(path, MAX_BYTES) == picture(0)


def test_an_empty_object_and_one_that_is_no_image_are_rows(server):
    server.fill({"empty.jpg": b"", "text.jpg": b"no image"})
    errors = [one.error for one in inputs(find_inputs(["s3://photos"]))]
    assert errors == ["the file is empty", "no image of a known kind"]


def test_classes_are_folders_of_a_bucket_which_is_listed_once(server, picture):
    names = [f"set/{kind}/{n}.jpg" for kind in ("corrosion", "no_corrosion") for n in range(3)]
    server.fill({name: picture(number) for number, name in enumerate(names)})
    before = server.faults.seen["GET"]
    records = scan("s3://photos/set")
    assert server.faults.seen["GET"] - before == 1
    assert records["label"].tolist() == [1, 1, 1, 0, 0, 0]
    assert records["path"].tolist() == [f"s3://photos/{name}" for name in names]


def test_kinds_are_folders_or_a_table_below_a_bucket(server, picture, tmp_path):
    server.fill({f"set/{name}.jpg": picture(1) for name in ("corrosion/pits/a", "clean/b")})
    records, roots = scan("s3://photos/set"), {"folder": Path("s3://photos/set")}
    assert find_kinds(records, "subfolders", roots).tolist() == ["", "pits"]
    table = tmp_path / "kinds.csv"
    for path in ("corrosion/pits/a.jpg", "s3://photos/set/corrosion/pits/a.jpg"):
        table.write_text(f"path,kind\n{path},crevice\n")
        assert find_kinds(records, str(table), roots).tolist() == ["", "crevice"]


def test_photographs_of_a_bucket_and_an_archive_are_still_there(server, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.jpg", b"any")
    there = ("s3://photos/a.jpg", f"{tmp_path}/a.zip/in/a.jpg")
    gone = (f"{tmp_path}/a.zip/in/b.jpg", f"{tmp_path}/a.zip/in", tmp_path / "b.jpg")
    assert [is_there(path) for path in (*there, *gone)] == [True, True, False, False, False]


def test_what_was_checked_is_not_read_again_until_it_has_another_etag(server, picture):
    server.fill({f"{kind}/{kind}.jpg": picture(len(kind)) for kind in ("corrosion", "clean")})
    first = screen(scan("s3://photos"), workers=1).records
    remote.forget()
    read = server.faults.seen["GET"]
    again = screen(scan("s3://photos"), workers=1).records
    assert server.faults.seen["GET"] == read + 1  # the listing
    assert again.equals(first)
    server.fill({"corrosion/corrosion.jpg": picture(1)})
    remote.forget()
    changed = screen(scan("s3://photos"), workers=1).records
    assert (changed["content_hash"] != first["content_hash"]).tolist() == [False, True]


def test_of_an_object_without_listing_the_size_is_asked(server, picture):
    server.fill({"a.jpg": picture(0)})
    assert version("s3://photos/a.jpg")[0] == len(picture(0))
    with pytest.raises(OSError, match="nothing is there"):
        version("s3://photos/none.jpg")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://nobody-has-this", "s3://nobody-has-this can't be listed: there is no such bucket"),
        ("s3://photos/nothing", "can't be listed: nothing is there. Check .* the path"),
        ("s3://", "s3:// names no place: give s3://NAME/"),
        ("s3://No-Bucket!/a", r"Invalid bucket name .*…\. Check the name"),
        ("s3://jane:hunter2@photos/a", "leave the password out"),
        ("https://a.org/b?sig=hunter2", "photographs are read from s3://"),
    ],
)
def test_a_bad_address_is_told_in_a_sentence_without_secrets(server, address, message):
    with pytest.raises(CorrosionError, match=message) as told:
        find_inputs([address])
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("inside", ["", "/day 1"])
@pytest.mark.parametrize("name", ["flight.zip", "day.zip/flight.TAR", "flight.tar.gz"])
def test_an_archive_in_a_bucket_is_refused_with_what_to_do(server, picture, name, inside):
    server.fill({f"in/{name}": b"any", "in/set.zip/a.jpg": picture(1)})
    with pytest.raises(CorrosionError, match=rf"s3://photos/in/{name}: .*copy it here"):
        find_inputs([f"s3://photos/in/{name}{inside}"])
    with pytest.raises(CorrosionError, match="copy it here"):
        scan(f"s3://photos/in/{name}{inside}")
    assert find_inputs(["s3://photos/in/set.zip"]) == ["s3://photos/in/set.zip/a.jpg"]


def test_wrong_credentials_and_missing_ones_are_told_apart_from_a_missing_bucket():
    class NoCredentialsError(Exception):
        pass

    for error, said in (
        (NoCredentialsError("Unable to locate credentials"), "no credentials"),
        (PermissionError("Forbidden"), "no permission"),
        (FileNotFoundError("x"), "nothing is there"),
    ):
        calls = []

        def fails(error=error, calls=calls):
            calls.append(1)
            raise error

        with pytest.raises(PlaceError, match=said):
            retries.attempt(fails)
        assert len(calls) == 1


def test_a_place_that_is_gone_ends_the_work_and_one_file_does_not(monkeypatch, caplog):
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)
    calls = []

    def silent():
        calls.append(1)
        raise ConnectionRefusedError("nobody answers")

    with pytest.raises(UnreachableError, match="nobody answers, after 10 attempts"):
        retries.attempt(silent, working=True)
    with pytest.raises(PlaceError, match="nobody answers, after 6 attempts"):
        retries.attempt(silent, name="s3://photos")
    with pytest.raises(PlaceError, match="nobody answers$"):
        retries.attempt(silent, attempts=2)  # of a backend that has tried several times by itself
    assert len(calls) == 17
    assert "s3://photos: nobody answers; trying again" in caplog.text
    with pytest.raises(PlaceError, match="slow"):
        retries.attempt(lambda: (_ for _ in ()).throw(TimeoutError("slow")), working=True)


def test_a_listing_of_a_server_that_does_not_answer_ends_soon(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(remote, "_EACH", 1)  # this client waits a random number of seconds
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(CorrosionError, match=r"Could not connect.* Check the network and AWS_END"):
        find_inputs(["s3://photos"])
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_credentials_that_expire_end_the_work(server, picture):
    server.fill({f"many/{number}.jpg": picture(number) for number in range(6)})
    paths = find_inputs(["s3://photos/many"])
    server.faults.expires = 3
    with pytest.raises(UnreachableError, match=r"no credentials that are taken \(ExpiredToken"):
        screen(pd.DataFrame({"path": paths}), workers=1)
    with pytest.raises(UnreachableError):
        inputs(paths)


def test_threads_are_many_only_for_a_network():
    assert reading_threads(["/photos/a.jpg"]) < reading_threads(["s3://photos/a.jpg"])
