"""What an output folder says, read back."""

import json
import os

import pytest
from inspection_folders import row, write_folder

from corrosion.errors import CorrosionError
from corrosion.report.inspection import read_inspection
from corrosion.report.inspection.reports import write_reports
from corrosion.report.inspection.verdict_history import Verdict, write_history

TABLE = """\
path,frame,time,probability,decision,unlike_training,review,boxes,overlay,mask,rusted_share,\
rusted_share_low,rusted_share_high,grade_iso4628_3,error,asset,latitude,longitude
NA,,,0.900000,corrosion detected,0.500,,"[[1,2,3,4]]",overlays/000/a.jpg,masks/a.png,0.100000,\
0.050000,0.200000,Ri 3 to Ri 4,,tank 1,59.1,-18.0
b.jpg,,,0.400000,no corrosion,1.300,send to an inspector,[],,,,,,,,,,
flight.mp4,10,1.000,0.300000,no corrosion,0.100,send to an inspector,,,,,,,,,,,
broken.jpg,,,,,,,,,,,,,,no image of a known kind,,,
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "predictions.csv").write_text(TABLE, encoding="utf-8")
    run = {
        "asked": {"checkpoint": "ab" * 32, "paths": ["."], "threshold": 0.5},
        "band": [0.2, 0.8],
        "cautions": ["Read this first."],
        "model": "best.ckpt",
        "when": "2026-11-28T12:00:00+00:00",
    }
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return tmp_path


def test_a_folder_is_read_with_every_row_of_its_table(folder):
    found = read_inspection(folder)
    assert (found.model, found.threshold, found.band) == ("best.ckpt", 0.5, (0.2, 0.8))
    assert found.cautions == ("Read this first.",)
    assert (len(found.findings), found.detected, found.to_review, found.failed) == (4, 1, 2, 1)
    assert found.assets == ("tank 1",)
    first, unlike, frame, broken = found.findings
    assert (first.path, first.detected, first.share, first.share_high) == ("NA", True, 0.1, 0.2)
    assert first.grades == {"ISO 4628-3": "Ri 3 to Ri 4"}
    assert first.located
    assert (first.longitude, first.overlay) == (-18.0, "overlays/000/a.jpg")
    assert [len(one.why_review) for one in found.findings] == [0, 2, 1, 0]
    assert "Unlike the training photographs (1.30" in unlike.why_review[0]
    assert (frame.frame, frame.name) == (10, "flight.mp4 at 1.0 s")
    assert broken.error == "no image of a known kind"
    assert broken.probability is None


@pytest.mark.parametrize(
    ("probability", "whole", "band", "said"),
    [
        ("0.6", "", (0.2, 0.8), "The probability is in the range that an inspector decides (0.2"),
        ("0.99", "0.45", (0.2, 0.8), "of the whole photograph, 0.450, is in the range"),
        ("0.99", "", (0.2, 0.8), "The table sends it to an inspector, and does not say why."),
        ("0.5", "", None, "does not say why"),
    ],
)
def test_the_reason_for_a_review_is_the_one_that_holds(tmp_path, probability, whole, band, said):
    one = row(0, 0.6, whole_probability=whole, review="x") | {"probability": probability}
    [found] = read_inspection(write_folder(tmp_path, [one], band=band)).findings
    assert len(found.why_review) == 1
    assert said in found.why_review[0]


@pytest.mark.parametrize("left", [-1, -2, 0])
def test_a_table_that_was_cut_is_no_smaller_inspection(folder, left):
    run = json.loads((folder / "run.json").read_text())
    run["counts"] = {"images": 4, "detected": 1, "review": 2, "failed": 1}
    (folder / "run.json").write_text(json.dumps(run))
    assert len(read_inspection(folder).findings) == 4
    rows = TABLE.splitlines(keepends=True)[1:]
    whole = TABLE[: len(TABLE) - sum(map(len, rows))]
    (folder / "predictions.csv").write_text(whole + "".join(rows[:left]), encoding="utf-8")
    with pytest.raises(CorrosionError, match=r"predictions.csv has \d rows, and its run .* 4"):
        read_inspection(folder)


def test_a_table_that_ends_within_a_row_is_named(folder):
    (folder / "predictions.csv").write_text(TABLE[:-10], encoding="utf-8")
    with pytest.raises(CorrosionError, match=r"predictions.csv ends within row 4\. Restore it"):
        read_inspection(folder)


def test_the_last_verdict_of_each_photograph_is_found(folder):
    said = [
        Verdict("b.jpg", verdict="not", inspector="Ada"),
        Verdict("flight.mp4", "1.000", verdict="corroded"),
        Verdict("b.jpg", verdict="corroded", note='a "seam"\nbelow', before="not"),
        Verdict("NA", verdict="not"),
        Verdict("NA", before="not"),  # taken back
    ]
    write_history(folder, said)
    first, second, frame, _ = read_inspection(folder).findings
    assert first.verdict is None
    assert (second.verdict.verdict, second.verdict.note) == ("corroded", 'a "seam"\nbelow')
    assert frame.verdict.verdict == "corroded"


def test_other_folders_are_refused_with_what_is_missing(folder):
    with pytest.raises(CorrosionError, match=r"is no output folder .* no .*run.json"):
        read_inspection(folder / "masks")
    (folder / "predictions.csv").write_text("path,probability\na.jpg,high\n", encoding="utf-8")
    with pytest.raises(CorrosionError, match=r"predictions.csv is no table of corrosion predict"):
        read_inspection(folder)
    (folder / "predictions.csv").unlink()
    with pytest.raises(CorrosionError, match=r"holds no predictions.csv: .*--resume"):
        read_inspection(folder)


def test_title_and_inspector_are_kept_until_others_are_given(folder):
    write_reports(folder, "geojson", title="Tank farm", inspector="A. Name")
    write_reports(folder, "geojson", inspector="B. Name")
    found = read_inspection(folder)
    assert (found.title, found.inspector) == ("Tank farm", "B. Name")
    write_reports(folder, "geojson", title="")
    assert read_inspection(folder).title == "Corrosion inspection"


def test_reports_that_say_all_that_is_known_are_not_written_again(folder):
    assert [file.name for file in write_reports(folder, "geojson,coco")][1:] == [
        "findings.geojson",
        "coco.json",
    ]
    assert write_reports(folder, "geojson,coco", outdated_only=True) == ()
    assert write_reports(folder, "geojson", title="Tank farm", outdated_only=True) != ()
    (folder / "findings.geojson").unlink()
    assert (folder / "findings.geojson") in write_reports(folder, "geojson", outdated_only=True)


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("predictions.csv", ["findings.geojson", "coco.json"]),
        ("verdict_history.csv", ["findings.geojson"]),  # nothing of verdicts is in the other
    ],
)
def test_reports_are_renewed_when_what_they_say_has_changed(folder, changed, again):
    write_history(folder, [Verdict("b.jpg", verdict="not")])
    write_reports(folder, "geojson,coco")
    later = (folder / "coco.json").stat().st_mtime_ns + 10**9
    os.utime(folder / changed, ns=(later, later))
    assert [file.name for file in write_reports(folder, "geojson,coco", outdated_only=True)][
        1:
    ] == again
