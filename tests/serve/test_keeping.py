"""What is kept of photographs: nothing, unless that was asked for."""

import json

import pytest

from corrosion.errors import CorrosionError


@pytest.fixture
def photograph(exported):
    return sorted(exported.photographs.iterdir())[0].read_bytes()


def test_photographs_are_kept_once_under_names_of_their_own(start, tmp_path, photograph):
    folder = tmp_path / "kept"
    client = start(keep=folder)
    for name in ("../../a.jpg", "b.png"):
        client.post("/predict?explain=1", files={"files": (name, photograph)})
    client.post("/predict", files={"files": ("bad.jpg", b"no image")})
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == ["a.jpg", "b.png"]
    assert lines[0]["probability"] == lines[1]["probability"]
    [kept] = [path for path in folder.rglob("*") if path.suffix == ".png"]
    assert str(kept.relative_to(folder)) == lines[0]["kept"] == lines[1]["kept"]
    assert kept.read_bytes() == photograph
    assert folder.stat().st_mode & 0o077 == 0
    assert sorted(tmp_path.iterdir()) == [folder]


def test_nothing_is_kept_by_default(start, tmp_path, monkeypatch, photograph):
    monkeypatch.chdir(tmp_path)
    start().post("/predict", files={"files": ("a.jpg", photograph)})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_before_anything(start, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CorrosionError, match="can't be written"):
        start(keep=tmp_path / "file" / "kept")


def test_an_answer_is_given_though_it_cannot_be_kept(start, tmp_path, photograph, caplog):
    client = start(keep=tmp_path / "kept")
    (tmp_path / "kept" / "answers.jsonl").unlink()
    (tmp_path / "kept" / "answers.jsonl").mkdir()
    assert client.post("/predict", files={"files": ("a.jpg", photograph)}).status_code == 200
    assert "not kept" in caplog.text
