"""`corrosion predict` through its command, on tiny photographs and videos."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from commands import Started, run
from PIL import Image
from samples import calibration, write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.image_reader import ImageReader, Item
from corrosion.data.images import read_image
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import Competence
from corrosion.models.batch import square_batch
from corrosion.models.checkpoint import store_choices
from corrosion.models.training_distance import TrainingDistance
from corrosion.prediction.journal import Journal
from corrosion.prediction.predict_files import predict_files
from corrosion.report.inspection import read_inspection
from corrosion.system.locks import sole_writer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    write_checkpoint(path)
    thresholds = {"in use": 0.5, "best F1": 0.4, "recall at least 0.98": 0.3}
    store_choices(path, calibration(thresholds=thresholds, band=(0.2, 0.8)))
    return path


@pytest.fixture
def photos(tmp_path):
    """Three photographs, one of them turned by EXIF, a broken one, a video, one in a subfolder."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("a.jpg", "brücke ß.jpg", "turned.jpg", "deeper/b.png"):
        pixels = generator.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6 if name == "turned.jpg" else 1
        Image.fromarray(pixels).resize((120, 80)).save(folder / name, exif=exif)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    (folder / "notes.txt").write_text("no image")
    write_video(folder / "flight.avi", "MJPG")
    return folder


@pytest.fixture
def knowing(checkpoint, photos, tmp_path):
    """The checkpoint of a network that was trained on a.jpg alone."""
    path = tmp_path / "knowing" / "best.ckpt"
    path.parent.mkdir()
    path.write_bytes(checkpoint.read_bytes())
    network = corrosion.load_model(checkpoint)
    resize = build_resize(network.image_size, network.resize)
    [known] = ImageReader(resize, threads=1, ahead=1).inputs([Item(0, str(photos / "a.jpg"))])
    with torch.no_grad():
        features = network.forward_features(square_batch([known])).mean(dim=(2, 3))
    store_choices(path, calibration(band=(0.5, 0.5)), TrainingDistance(features, 0.02))
    return path


def write_video(path, codec, frames=25):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (64, 48))
    for number in range(frames):
        video.write(np.full((48, 64, 3), number * 9, np.uint8))
    video.release()


def predict(*arguments):
    return main(["predict", *map(str, arguments), "--device=cpu"])


def test_files_of_every_kind_get_rows_and_bad_ones_their_reason(
    checkpoint, photos, tmp_path, capsys
):
    write_video(tmp_path / "second.mp4", "mp4v")
    out = tmp_path / "out"
    paths = (photos / "a.jpg", photos, f"{photos}/dee*/**/*.png", tmp_path / "second.mp4")
    assert predict(checkpoint, *paths, "--out", out) == 3  # some failed
    table = pd.read_csv(out / "predictions.csv")
    names = [Path(path).name for path in table["path"]]
    assert names == [
        "a.jpg", "broken.jpg", "brücke ß.jpg", "flight.avi", "flight.avi", "flight.avi",
        "turned.jpg", "b.png", "second.mp4", "second.mp4", "second.mp4",
    ]  # fmt: skip
    assert table["frame"].dropna().tolist() == [0, 10, 20] * 2
    assert table["time"].dropna().tolist() == [0, 1, 2] * 2
    assert table["error"].dropna().tolist() == ["no image of a known kind"]
    good = table[table["error"].isna()]
    assert good["probability"].between(0, 1).all()
    assert set(good["review"]) == {"send to an inspector"}  # all lie in the wide band
    model = corrosion.load_model(checkpoint)
    pixels = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    assert 0.2 < model.predict_proba(pixels).item() < 0.8
    summary = capsys.readouterr().out
    assert "11 images" in summary
    assert "unlike" not in summary  # this checkpoint can't tell
    assert table["unlike_training"].isna().all()
    page = (out / "inspection.html").read_text(encoding="utf-8")
    assert page.count('"small":') == 10
    assert "broken.jpg: no image of a known kind" in page
    found = read_inspection(out)
    assert [one.path for one in found.findings] == table["path"].tolist()
    assert [one.time for one in found.findings if one.time is not None] == [0, 1, 2] * 2
    assert (found.threshold, found.band, found.model) == (0.5, (0.2, 0.8), "best.ckpt")
    assert all((out / one.thumbnail).is_file() for one in found.findings if one.error is None)


def test_what_must_be_said_of_the_network_stands_beside_its_decisions(
    checkpoint, photos, tmp_path, caplog
):
    bare, guessing = tmp_path / "bare.ckpt", tmp_path / "guessing.ckpt"
    write_checkpoint(bare)
    guessing.write_bytes(checkpoint.read_bytes())
    known = Competence(0.55, 0.42, 0.67, 0.95, 60, "test", generated=True)
    store_choices(guessing, None, competence=known.plain())
    for path, sentences in (
        (checkpoint, []),
        (bare, ["The checkpoint has no thresholds and no band for an inspector: 0.5 decides"]),
        (guessing, ["told from guessing: ROC-AUC 0.550", "trained on generated pictures"]),
    ):
        caplog.clear()
        out = tmp_path / f"out-{path.stem}"
        assert predict(path, photos / "a.jpg", "--out", out) == 0
        page = (out / "inspection.html").read_text(encoding="utf-8")
        said = json.loads((out / "run.json").read_text())["cautions"]
        assert len(said) == page.count('<p class="warning">') == len(sentences)
        for sentence in sentences:
            assert sentence in caplog.text
            assert sentence in page
            assert sentence in " ".join(said)


def test_overlays_and_boxes_lie_upright_at_full_resolution(checkpoint, photos, tmp_path):
    out = tmp_path / "out"
    paths = (photos / "a.jpg", photos / "turned.jpg")
    assert predict(checkpoint, *paths, "--out", out, "--explain") == 0
    table = pd.read_csv(out / "predictions.csv")
    for row, path in zip(table.to_dict("records"), paths, strict=True):
        photograph = read_image(path)
        assert read_image(out / row["overlay"]).shape == photograph.shape
        for left, top, width, height in json.loads(row["boxes"]):
            assert 0 <= left < left + width <= photograph.shape[1]
            assert 0 <= top < top + height <= photograph.shape[0]
    assert read_image(out / table["overlay"][1]).shape[:2] == (120, 80)


def test_overlays_of_large_photographs_have_the_size_of_a_screen_or_their_own(checkpoint, tmp_path):
    file = tmp_path / "large.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (600, 900, 3), np.uint8)).save(file)
    sizes = {}
    for size in ("300", "full"):
        out = tmp_path / size
        given = ("--explain", "--threshold=1e-6", f"--overlay-size={size}", "--out", out)
        assert predict(checkpoint, file, *given) == 0
        [row] = pd.read_csv(out / "predictions.csv").to_dict("records")
        assert (row["width"], row["height"]) == (900, 600)
        sizes[size] = read_image(out / row["overlay"]).shape[:2]
        boxes = json.loads(row["boxes"])
        assert max(left + width for left, _, width, _ in boxes) > 300  # of the photograph's pixels
    assert sizes == {"300": (200, 300), "full": (600, 900)}


def test_fine_maps_are_drawn_over_whole_photographs_and_frames(tmp_path, photos, capsys):
    checkpoint = tmp_path / "cropping" / "best.ckpt"
    write_checkpoint(checkpoint, resize="crop")
    write_video(photos / "short.avi", "MJPG", frames=3)
    paths = (photos / "a.jpg", photos / "turned.jpg", photos / "short.avi")
    drawn = {}
    for kind in ("plain", "fine"):
        out = tmp_path / kind
        assert predict(checkpoint, *paths, "--out", out, "--explain", f"--map={kind}") == 0
        table = pd.read_csv(out / "predictions.csv")
        assert table["error"].isna().all()
        drawn[kind] = [read_image(out / file) for file in table["overlay"]]
        assert [one.shape[:2] for one in drawn[kind]] == [(80, 120), (120, 80), (48, 64)]
        for small in out.glob("thumbnails/*/*_a*"):  # the whole photograph, and a layer over it
            with Image.open(small) as opened:
                assert opened.size == (120, 80)
        assert len(list(out.glob("thumbnails/*/*_a_evidence.webp"))) == 1
        drawn[f"{kind} says"] = table["probability"].tolist()
    assert drawn["plain says"] == drawn["fine says"]
    assert any(
        (fine != plain).any() for fine, plain in zip(drawn["fine"], drawn["plain"], strict=True)
    )
    assert predict(checkpoint, *paths, "--out", tmp_path / "fine", "--resume", "--explain") == 1
    assert 'other settings (explain "fine"; now explain true)' in capsys.readouterr().err


def test_python_gives_what_the_command_gives(checkpoint, photos, tmp_path):
    out = tmp_path / "out"
    assert predict(checkpoint, photos, "--out", out, "--recursive", "--threshold=recall") == 3
    table = pd.read_csv(out / "predictions.csv")
    model = corrosion.load_model(checkpoint)
    found = corrosion.predict(model, photos, recursive=True, threshold=0.3)
    assert [one.path for one in found] == table["path"].tolist()
    assert [one.decision for one in found] == [
        None if pd.isna(decision) else decision for decision in table["decision"]
    ]
    for one, probability in zip(found, table["probability"], strict=True):
        assert one.probability is None or one.probability == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("options", [(), ("--explain",)])
def test_photographs_unlike_those_of_the_training_go_to_an_inspector(
    knowing, photos, tmp_path, capsys, options
):
    out = tmp_path / "out"
    paths = [photos / name for name in ("a.jpg", "turned.jpg", "brücke ß.jpg", "broken.jpg")]
    assert predict(knowing, *paths, "--out", out, *options) == 3
    assert "2 to be looked at by an inspector (2 unlike the training" in capsys.readouterr().out
    table = pd.read_csv(out / "predictions.csv")
    assert table["unlike_training"][0] < 0.1
    assert (table["unlike_training"][1:3] > 1).all()
    assert table["review"].isna().tolist() == [True, False, False, True]
    page = (out / "inspection.html").read_text(encoding="utf-8")
    assert page.count("Unlike the training photographs (") == page.count('"isUnlike":true') == 2
    assert "<b>2</b> for an inspector, 2 unlike the training photographs" in page
    found = corrosion.predict(corrosion.load_model(knowing), paths)
    known = [None if pd.isna(one) else one for one in table["unlike_training"]]
    assert [one.unlike_training for one in found] == known
    assert [one.review for one in found] == [False, True, True, False]


def test_parquet_holds_the_same_rows(checkpoint, photos, tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / "out"
    assert predict(checkpoint, photos / "a.jpg", "--out", out, "--format=parquet", "--explain") == 0
    [row] = pd.read_parquet(out / "predictions.parquet").to_dict("records")
    assert row["path"] == str(photos / "a.jpg")
    assert all(len(box) == 4 for box in row["boxes"])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.jpg", "There is no"),
        ("*.tiff", "Nothing that"),
        ("empty", "empty holds no images or videos"),
    ],
)
def test_nothing_to_predict_is_said_before_anything_is_written(
    checkpoint, tmp_path, capsys, path, message
):
    (tmp_path / "empty").mkdir()
    assert predict(checkpoint, tmp_path / path, "--out", tmp_path / "out") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten(checkpoint, photos, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert predict(checkpoint, photos, "--out", out, "--resume") == 1
    assert "choose another --out" in capsys.readouterr().err
    (out / "mine.txt").unlink()
    assert predict(checkpoint, photos / "a.jpg", "--out", out) == 0
    assert predict(checkpoint, photos / "a.jpg", "--out", out) == 1
    assert "--resume" in capsys.readouterr().err
    assert predict(checkpoint, photos / "a.jpg", "--out", out, "--resume") == 0  # finished
    assert predict(checkpoint, photos / "a.jpg", "--out", out, "--resume", "--explain") == 1
    assert "other settings (explain false; now explain true)" in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["--threshold=2", "--threshold=zeal", "--every=-1", "--format=xls"])
def test_bad_settings_are_refused(checkpoint, photos, tmp_path, capsys, bad):
    assert predict(checkpoint, photos, "--out", tmp_path / "out", bad) == 1
    assert bad.removeprefix("--").split("=")[0] in capsys.readouterr().err


def command(checkpoint, photos, out, *options):
    call = "import sys; from corrosion.cli.main import main; sys.exit(main())"
    script = out.with_suffix(".py")  # a file: Lightning starts further processes from it
    script.write_text(call)
    arguments = ["predict", checkpoint, photos, "--out", out, "--device=cpu", *options]
    return {
        "args": [sys.executable, str(script), *map(str, arguments)],
        "env": {**os.environ, "PYTHONPATH": str(ROOT / "src")},
    }


def test_a_killed_run_goes_on_without_losing_or_doubling_rows(checkpoint, tmp_path):
    photos = tmp_path / "many"
    photos.mkdir()
    for number in range(400):
        Image.new("RGB", (64, 48), (number % 256, 80, 40)).save(photos / f"{number:03d}.jpg")
    write_video(photos / "999.avi", "MJPG")
    out = tmp_path / "out"
    running = Started(command(checkpoint, photos, out, "--batch-size=2"))
    try:
        deadline = time.monotonic() + 120
        journals: list[Path] = []
        while not (journals and journals[0].stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
            journals = list(out.glob("progress/rows-*.jsonl"))
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.end(-signal.SIGKILL)
    [journal] = journals
    with journal.open("a") as file:
        file.write('{"item":399,"order":0,"la')  # a line that was being written
    (photos / "390.jpg").unlink()  # vanishes between the attempts
    assert predict(checkpoint, photos, "--out", out, "--resume") == 3
    table = pd.read_csv(out / "predictions.csv")
    images = [str(photos / f"{number:03d}.jpg") for number in range(400)]
    assert table["path"].tolist() == images + [str(photos / "999.avi")] * 3
    assert table.loc[table["error"].notna(), "path"].tolist() == [str(photos / "390.jpg")]
    assert not (out / "progress").exists()


def test_two_processes_write_the_rows_of_one(checkpoint, photos, tmp_path):
    run(command(checkpoint, photos, tmp_path / "two", "--devices=2", "--explain"), code=3)
    assert predict(checkpoint, photos, "--out", tmp_path / "one", "--explain") == 3
    one, two = (pd.read_csv(tmp_path / name / "predictions.csv") for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, rtol=1e-4)


def test_a_missing_path_in_python_is_an_error(checkpoint):
    with pytest.raises(CorrosionError, match="nothing to predict"):
        corrosion.predict(corrosion.load_model(checkpoint), [])


def test_what_is_no_network_or_no_path_is_an_error_that_names_the_call(checkpoint, photos):
    with pytest.raises(CorrosionError, match=r'best\.ckpt. is no network.*load_model\("'):
        corrosion.predict(checkpoint, photos)
    model = corrosion.load_model(checkpoint)
    with pytest.raises(CorrosionError, match=r"int is no image: give paths.*PIL"):
        corrosion.predict(model, [photos, 3])


def test_two_runs_into_one_folder_do_not_mix(checkpoint, photos, tmp_path):
    out = tmp_path / "out"
    with (
        sole_writer(out, name="out"),
        pytest.raises(CorrosionError, match=r"^out=.*another process is writing there"),
    ):
        predict_files(checkpoint, [photos], out, resume=True)
    assert not out.exists()


def test_a_run_whose_rows_do_not_cover_its_files_does_not_finish(
    checkpoint, photos, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    append = Journal.append
    monkeypatch.setattr(Journal, "append", lambda self, rows: append(self, list(rows)[1:]))
    with pytest.raises(CorrosionError, match=r"files have no result yet.*resume the run"):
        predict_files(checkpoint, [photos], out)
    assert not (out / "predictions.csv").exists()
    monkeypatch.undo()
    counts = predict_files(checkpoint, [photos], out, resume=True)
    assert counts.images == len(pd.read_csv(out / "predictions.csv")) > 1
