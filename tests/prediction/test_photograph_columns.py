"""What photographs know, in the table of `corrosion predict`."""

import csv
import hashlib
import json

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import ExifTags, Image
from samples import write_checkpoint

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.prediction.journal import Row
from corrosion.prediction.predict_files import predict_files
from corrosion.prediction.table import write_table
from corrosion.report.inspection.reports import write_reports
from corrosion.settings.inspection import REPORTS
from corrosion.settings.prediction import PredictionSettings

SRT = "1\n00:00:00,000 --> 00:00:01,000\nGPS(8.3,47.6,16) BAROMETER:1.9\n2025.05.01 10:00:00\n"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    write_checkpoint(path)
    return path


@pytest.fixture
def flight(tmp_path):
    """A photograph that knows its place, a broken one that does too, and a video with its log."""
    folder = tmp_path / "flight" / "bridge-7"
    folder.mkdir(parents=True)
    exif = Image.Exif()
    exif.update({0x010F: "=cmd", 0x0110: "X"})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 0, 0)}
    )
    Image.new("RGB", (60, 40), "brown").save(folder / "a.jpg", exif=exif)
    content = (folder / "a.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(content[: content.index(b"\xff\xda") + 16])
    video = cv2.VideoWriter(str(folder / "c.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(5):
        video.write(np.zeros((48, 64, 3), np.uint8))
    video.release()
    (folder / "c.SRT").write_text(SRT)
    return folder.parent


def predicted(checkpoint, flight, out, **settings):
    settings = PredictionSettings(device="cpu", recursive=True, explain=True, **settings)
    predict_files(checkpoint, [flight], out, settings)
    return pd.read_csv(out / "predictions.csv")


def test_place_size_asset_and_digest_stand_in_the_table(checkpoint, flight, tmp_path):
    table = predicted(checkpoint, flight, tmp_path / "out", asset="{asset}/*")
    assert table["latitude"].tolist() == [47.5, 47.5, 47.6]  # of the broken file too
    assert table["longitude"].tolist() == [8, 8, 8.3]
    assert table["error"].notna().tolist() == [False, True, False]
    assert table["width"].fillna(0).tolist() == [60, 0, 64]
    assert table["asset"].tolist() == ["bridge-7"] * 3
    assert table["camera"].tolist()[0] == "'=cmd X"
    assert table["taken_at"].tolist()[2] == "2025-05-01T10:00:00"
    digests = [hashlib.sha256((flight / one).read_bytes()).hexdigest() for one in (
        "bridge-7/a.jpg", "bridge-7/broken.jpg", "bridge-7/c.avi")]  # fmt: skip
    assert table["sha256"].tolist() == digests


def test_without_locations_no_file_that_is_written_tells_one(checkpoint, flight, tmp_path):
    out = tmp_path / "out"
    others = ",".join(name for name in REPORTS if name != "geojson")  # refused at once
    table = predicted(checkpoint, flight, out, no_location=True, report=others)
    write_reports(out, "geojson")
    assert table["latitude"].isna().all()
    assert table["sha256"].notna().all()
    written = [path for path in out.rglob("*") if path.is_file()]
    assert any("overlays" in path.parts for path in written)
    assert {"inspection.xlsx", "inspection.pdf", "coco.json"} <= {path.name for path in written}
    assert json.loads((out / "findings.geojson").read_text())["features"] == []
    for path in written:
        assert b"47.5" not in path.read_bytes()
        if path.suffix in (".jpg", ".png"):
            with Image.open(path) as image:
                assert not image.getexif()
                assert "xmp" not in image.info


def test_thermal_photographs_are_judged_by_their_colours_and_said_to_be(
    checkpoint, tmp_path, caplog
):
    Image.new("RGB", (60, 40), "brown").save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:2] + b"\xff\xe1\x00\x08FLIR\0\1" + content[2:])
    [row] = predicted(checkpoint, tmp_path / "a.jpg", tmp_path / "out").itertuples()
    assert 0 <= row.probability <= 1
    assert row.note.startswith("thermal photograph (FLIR)")
    assert "1 of the files: thermal photograph (FLIR)" in caplog.text


def test_an_asset_that_nothing_tells_is_refused_before_anything_is_written(
    checkpoint, flight, tmp_path, capsys
):
    out = tmp_path / "out"
    command = ["predict", str(checkpoint), str(flight / "bridge-7"), "--out", str(out)]
    assert main([*command, "--asset", "{asset}/nothing/*"]) == 1
    assert "--asset={asset}/nothing/*" in capsys.readouterr().err
    assert not out.exists()


def test_a_run_is_resumed_with_the_same_assets_only(checkpoint, flight, tmp_path):
    predicted(checkpoint, flight, tmp_path / "out", asset="{asset}/*")
    assert json.loads((tmp_path / "out/run.json").read_text())["asked"]["asset"] == "{asset}/*"
    other = PredictionSettings(device="cpu", recursive=True, explain=True)
    with pytest.raises(CorrosionError, match="other settings"):
        predict_files(checkpoint, [flight], tmp_path / "out", other, resume=True)


def test_parquet_has_numbers_where_nothing_is_known_too(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "a.parquet", [Row(0, 0, True, "a.jpg", width=3, asset="=A")])
    [row] = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert (row["width"], row["latitude"], row["asset"]) == (3, None, "'=A")
    write_table(tmp_path / "a.csv", [Row(0, 0, True, "a.jpg", width=3)])
    with (tmp_path / "a.csv").open() as file:
        assert next(csv.DictReader(file)).keys() == row.keys()
