"""What inspectors say, merged into a folder and compared with the network."""

import json
import os
import subprocess
import sys
import zipfile

import pandas as pd
import pytest
from commands import WITHOUT_TORCH
from PIL import Image

from corrosion.cli.main import main
from corrosion.data.kind_labels import find_kinds
from corrosion.data.sources import scan
from corrosion.errors import CorrosionError
from corrosion.prediction.verdict_folder import write_labelled_folder
from corrosion.prediction.verdicts import agreement_of, merge_verdicts
from corrosion.report.inspection import read_inspection
from corrosion.report.inspection.reports import outdated_reports, write_reports
from corrosion.report.inspection.verdict_history import Verdict, read_history, read_verdicts

SHA = "ab" * 32


@pytest.fixture
def folder(tmp_path):
    """Six photographs, three of which the network calls corroded, and a broken one."""
    photos = tmp_path / "photos"
    photos.mkdir()
    rows = ["path,time,probability,decision,review,sha256,error"]
    for number in range(6):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(photos / f"{number}.png")
        decision = "corrosion detected" if number < 3 else "no corrosion"
        digest = SHA if number == 5 else ""
        rows.append(f"photos/{number}.png,,{0.9 - number / 10:.1f},{decision},,{digest},")
    rows.append("photos/broken.jpg,,,,,,no image of a known kind")
    out = tmp_path / "out"
    out.mkdir()
    (out / "predictions.csv").write_text("\n".join(rows) + "\n")
    asked = {"checkpoint": "", "working directory": str(tmp_path), "threshold": 0.65}
    (out / "run.json").write_text(json.dumps({"asked": asked}))
    return out


def merge(folder, *said, **options):
    return merge_verdicts(read_inspection(folder), said, source=folder / "v.csv", **options)


def test_a_later_verdict_holds_and_the_history_keeps_both(folder):
    morning, noon = "2026-11-28T09:00:00Z", "2026-11-28T12:00:00Z"
    merge(folder, Verdict("photos/0.png", verdict="not", inspector="Ada", when=noon))
    told = merge(
        folder,
        Verdict("photos/0.png", verdict="corroded", note="seam", when=morning),  # told late
        Verdict("photos/1.png", verdict="review", when="2026-11-28T12:30:00+02:00"),
        inspector="Grace",
    )
    assert (told.new, told.changed, told.known) == (1, 1, 0)
    history = read_history(folder)
    assert [(one.path[-5:], one.verdict, one.inspector, one.before) for one in history] == [
        ("0.png", "corroded", "Grace", ""),
        ("1.png", "review", "Grace", ""),
        ("0.png", "not", "Ada", "corroded"),
    ]
    assert history[1].when == "2026-11-28T10:30:00Z"
    first, second, third, *_ = read_inspection(folder).findings
    assert (first.verdict.verdict, second.verdict.verdict, third.verdict) == ("not", "review", None)


def test_merging_twice_changes_nothing(folder):
    said = [
        Verdict("photos/0.png", verdict="not", when="2026-11-28T09:00:00Z"),
        Verdict("photos/1.png", verdict="corroded"),
    ]
    merge(folder, *said)
    before = (folder / "verdict_history.csv").read_bytes()
    told = merge(folder, *said)
    assert (told.new, told.changed, told.known) == (0, 0, 2)
    assert (folder / "verdict_history.csv").read_bytes() == before


def test_a_photograph_that_was_moved_is_found_by_its_digest(folder):
    merge(folder, Verdict("elsewhere/x.png", sha256=SHA, verdict="corroded"))
    assert read_inspection(folder).findings[5].verdict.verdict == "corroded"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Verdict("photos/9.png", verdict="not"), r"1 of 2 verdicts .* photos/9.png the first"),
        (Verdict("photos/5.png", sha256="cd" * 32, verdict="not"), r"another file of this name"),
        (Verdict("photos/5.png", verdict="not", when="noon"), r"the time 'noon' can't be read"),
    ],
)
def test_verdicts_on_something_else_are_refused_and_none_is_merged(folder, said, message):
    with pytest.raises(CorrosionError, match=message):
        merge(folder, Verdict("photos/0.png", verdict="not"), said)
    assert read_history(folder) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,verdict\na.jpg,not\n", "has no column path"),
        ("path,verdict\na.jpg,maybe\n", "row 2: the verdict is 'maybe': write corroded, not"),
        ("path,verdict\n,not\n", "row 2: the path is empty"),
        ("path,verdict,kind\na.jpg,not,pits\n", "row 2: the kind is 'pits' where the verdict is"),
        ("path,verdict,time\na.mp4,not,soon\n", "row 2: the time is 'soon': write the second"),
        ("\x00", "has no column path or verdict"),
    ],
)
def test_files_that_are_no_verdicts_get_one_line(tmp_path, text, message):
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(CorrosionError, match=message):
        read_verdicts(tmp_path / "v.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no .*v.csv: give the file"),
        (b"PK\x03\x04\x14", r"is a workbook, and verdicts are CSV: save its sheet as CSV"),
        (b"path,verdict\n\xfcber.jpg,not\n", r"is no text in UTF-8: save it as CSV"),
    ],
)
def test_files_that_cannot_be_read_get_a_clear_sentence(tmp_path, content, message):
    if content is not None:
        (tmp_path / "v.csv").write_bytes(content)
    with pytest.raises(CorrosionError, match=message) as told:
        read_verdicts(tmp_path / "v.csv")
    assert "Errno" not in str(told.value)
    assert "codec" not in str(told.value)


@pytest.mark.parametrize("time", ["2", "2.0", "2.000", "2,0"])
def test_verdicts_and_times_of_frames_are_read_however_they_are_written(folder, tmp_path, time):
    with (folder / "predictions.csv").open("a") as table:
        table.write("f.mp4,2.0,0.9,corrosion detected,,,\n")
    (tmp_path / "v.csv").write_text(f"path;time;verdict\nf.mp4;{time};Corroded\n")
    merge(folder, *read_verdicts(tmp_path / "v.csv"))
    assert read_inspection(folder).findings[-1].verdict.verdict == "corroded"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Verdict("f.mp4", verdict="not"), r"without a time .* the column time \(2.000\)"),
        (Verdict("f.mp4", "2.500", verdict="not"), r"f.mp4 at time 2.500 .*\(2.000\)"),
        (Verdict("photos/0.png", "1.000", verdict="not"), r"no frames, so leave its time empty"),
    ],
)
def test_a_verdict_on_no_frame_is_refused_with_a_word_on_time(folder, said, message):
    with (folder / "predictions.csv").open("a") as table:
        table.write("f.mp4,2.0,0.9,corrosion detected,,,\n")
    with pytest.raises(CorrosionError, match=message):
        merge(folder, said)


def test_files_that_a_spreadsheet_has_saved_are_read(tmp_path):
    (tmp_path / "v.csv").write_text('\ufeffpath;verdict;note\r\na.jpg;not;"a; b"\r\n')
    assert read_verdicts(tmp_path / "v.csv") == (Verdict("a.jpg", verdict="not", note="a; b"),)


def test_agreement_counts_what_both_have_decided(folder):
    verdicts = ["corroded", "corroded", "not", "not", "not", "review"]
    said = [Verdict(f"photos/{number}.png", verdict=one) for number, one in enumerate(verdicts)]
    merge(folder, *said, Verdict("photos/broken.jpg", verdict="corroded"))
    found = agreement_of(read_inspection(folder).findings)
    assert (found.both, found.neither, found.missed, found.false_alarms) == (2, 2, 0, 1)
    assert found.images == 5
    assert found.accuracy.value == pytest.approx(0.8)
    assert found.kappa.value == pytest.approx(8 / 13)  # (0.8 - 0.48) / (1 - 0.48)
    assert found.kappa.low < found.kappa.value < found.kappa.high


def test_the_command_merges_tells_agreement_and_writes_a_folder_to_train_on(
    folder, tmp_path, capsys
):
    file = tmp_path / "verdicts.csv"
    file.write_text(
        "path,verdict\nphotos/0.png,corroded\nphotos/3.png,not\nphotos/4.png,review\n"
        "photos/5.png,corroded\n"
    )
    (tmp_path / "photos" / "5.png").unlink()
    labelled = tmp_path / "labelled"
    write_reports(folder, "html,geojson")
    assert main(["verdicts", str(folder), str(file), "--labelled", str(labelled)]) == 0
    told = capsys.readouterr().out
    assert "4 verdicts: 4 new, 0 changed, 0 known already; 3 of 7 photographs are judged" in told
    assert "now, 1 to be looked at again" in told
    assert "accuracy 0.667" in told
    assert "only 3 judged photographs" in told
    renew = f"corrosion inspection-report {folder} --report geojson\n"  # the page is new already
    assert f"findings.geojson: of before this; renew by {renew}" in told
    assert "Cohen's kappa 0.400" in told
    assert f"{labelled}: 1 corroded, 1 not" in told
    assert "not there any more or can't be read: photos/5.png" in told
    assert scan(labelled)["label"].tolist() == [1, 0]
    table = pd.read_csv(labelled / "verdicts.csv")
    assert table["file"].tolist() == ["corrosion/000000_0.png", "no_corrosion/000003_3.png"]
    assert main(["verdicts", str(folder), str(file), "--labelled", str(labelled)]) == 1
    assert "choose another --labelled" in capsys.readouterr().err


def test_without_scipy_verdicts_are_merged_and_told_but_for_the_interval_of_kappa(folder, tmp_path):
    file, labelled = tmp_path / "verdicts.csv", tmp_path / "labelled"
    file.write_text(
        "path,verdict\nphotos/0.png,corroded\nphotos/3.png,not\nphotos/4.png,corroded\n"
    )
    command = [sys.executable, "-c", WITHOUT_TORCH, "verdicts", str(folder), str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*command, "--labelled", str(labelled)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accuracy 0.667 (0.208–0.939), Cohen's kappa 0.400: fair agreement" in done.stdout
    assert "of kappa needs SciPy: " in done.stdout
    assert f"{labelled}: 2 corroded, 1 not" in done.stdout


def test_kinds_that_were_said_become_folders_and_a_file_to_train_on(folder, tmp_path, capsys):
    file = tmp_path / "verdicts.csv"
    file.write_text(
        "path,verdict,kind\nphotos/0.png,corroded,Stress_Corrosion\nphotos/1.png,corroded,other\n"
        "photos/2.png,corroded,../pits: deep\nphotos/3.png,not,\n"
    )
    labelled = tmp_path / "labelled"
    assert main(["verdicts", str(folder), str(file), "--labelled", str(labelled)]) == 0
    told = capsys.readouterr().out
    assert "data.kinds=subfolders" in told
    assert "kinds of corrosion: ../pits: deep 1, stress corrosion 1" in told
    photographs = sorted(one.relative_to(labelled).as_posix() for one in labelled.rglob("*.png"))
    assert photographs == [
        "corrosion/000001_1.png",
        "corrosion/pits deep/000002_2.png",
        "corrosion/stress corrosion/000000_0.png",
        "no_corrosion/000003_3.png",
    ]
    images = scan(labelled)
    for kinds in ("subfolders", labelled / "kinds.csv"):
        found = find_kinds(images, kinds, {"folder": labelled})
        of_file = {
            path.rsplit("_", 1)[-1]: kind for path, kind in zip(images["path"], found, strict=True)
        }
        deep = "pits deep" if kinds == "subfolders" else "../pits: deep"
        assert of_file == {"0.png": "stress corrosion", "1.png": "", "2.png": deep, "3.png": ""}
    assert read_history(folder)[1].kind == "other"


def test_reports_that_are_written_again_are_of_before_no_more(folder):
    write_reports(folder, "html,geojson")
    merge(folder, Verdict("photos/0.png", verdict="corroded"))
    assert list(outdated_reports(folder)) == ["html", "geojson"]
    write_reports(folder, "html,geojson")
    assert outdated_reports(folder) == {}


def test_photographs_of_an_archive_come_into_a_training_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for number in (0, 1):
            archive.write(tmp_path / "photos" / f"{number}.png", f"{number}.png")
    table = folder / "predictions.csv"
    table.write_text(table.read_text().replace("photos/", "photos.zip/"))
    merge(
        folder,
        Verdict("photos.zip/0.png", verdict="corroded"),
        Verdict("photos.zip/2.png", verdict="not"),
    )
    done = write_labelled_folder(read_inspection(folder), tmp_path / "labelled")
    assert (done.corroded, done.gone) == (1, ("photos.zip/2.png",))
    copied = tmp_path / "labelled" / "corrosion" / "000000_0.png"
    assert copied.read_bytes() == (tmp_path / "photos" / "0.png").read_bytes()


def test_photographs_that_cannot_be_read_come_into_no_training_folder(folder, tmp_path):
    merge(
        folder,
        Verdict("photos/0.png", verdict="corroded"),
        Verdict("photos/1.png", verdict="not"),
        Verdict("photos/broken.jpg", verdict="corroded"),
    )
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "photos" / "1.png").write_bytes(b"damaged since")
    done = write_labelled_folder(read_inspection(folder), tmp_path / "labelled")
    assert (done.corroded, done.sound) == (1, 0)
    assert done.gone == ("photos/1.png", "photos/broken.jpg")
    assert [file.name for file in (tmp_path / "labelled").rglob("*.*g")] == ["000000_0.png"]
    (tmp_path / "photos" / "0.png").unlink()
    with pytest.raises(CorrosionError, match="of 3 judged photographs none is there"):
        write_labelled_folder(read_inspection(folder), tmp_path / "again")
    assert not (tmp_path / "again").exists()
