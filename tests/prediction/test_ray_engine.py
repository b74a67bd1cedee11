"""`corrosion predict --engine ray` beside the ordinary engine; one session of Ray for all."""

import re
import shutil
import threading
import time
from types import SimpleNamespace

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image
from samples import calibration, write_checkpoint

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import store_choices
from corrosion.prediction.file_run import FileRun
from corrosion.prediction.predict_files import predict_files
from corrosion.prediction.ray_engine import ray_session
from corrosion.prediction.shards import SHARD, Shard, ShardedFolder
from corrosion.settings.prediction import PredictionSettings

CLOCK = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
TIMED = ("run.json", "inspection.html", ".lock")  # say when, or hold on

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def session():
    """Ray on this machine."""
    with ray_session(None):
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    write_checkpoint(path)
    store_choices(path, calibration(band=(0.2, 0.8)))
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Photographs of three shards, a broken one and a video."""
    folder = tmp_path_factory.mktemp("many")
    generator = np.random.default_rng(0)
    for number in range(2 * SHARD + 40):
        pixels = generator.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((60, 40)).save(folder / f"{number:04d}.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    video = cv2.VideoWriter(str(folder / "0100.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(25):
        video.write(np.full((48, 64, 3), number * 9, np.uint8))
    video.release()
    return folder


@pytest.fixture(scope="module")
def ordinary(checkpoint, many, tmp_path_factory):
    """What the ordinary engine makes of them."""
    out = tmp_path_factory.mktemp("ordinary") / "out"
    predict_files(checkpoint, [many], out, PredictionSettings(explain=True, device="cpu"))
    return out


def assert_same(first, second):
    """The same rows, text by text, and the same pictures, byte by byte."""
    assert (first / "predictions.csv").read_text() == (second / "predictions.csv").read_text()
    pictures = [
        {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*/*")}
        for out in (first, second)
    ]
    assert len(pictures[0]) > 2 * SHARD
    assert pictures[0] == pictures[1]


@pytest.fixture(scope="module")
def disturbed(session, checkpoint, many, tmp_path_factory):
    """A run on Ray of which a process is killed: its folder, also before its end, and counts."""
    folder = tmp_path_factory.mktemp("disturbed")
    killed = []

    def kill():
        while not killed:
            time.sleep(0.05)
            if not list((folder / "out").glob("thumbnails/*/*.jpg")):
                continue
            for process in psutil.process_iter(["cmdline"]):
                if "Predicting" in " ".join(process.info["cmdline"] or [])[:80]:
                    process.kill()
                    killed.append(process.pid)
                    break

    finish = FileRun.finish

    def keep_and_finish(run, *args, **kwargs):
        shutil.copytree(run.out, folder / "unfinished")
        return finish(run, *args, **kwargs)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    settings = PredictionSettings(explain=True, device="cpu", engine="ray", devices=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileRun, "finish", keep_and_finish)
        counts = predict_files(checkpoint, [many], folder / "out", settings)
    killer.join(timeout=5)
    assert len(killed) == 1
    return SimpleNamespace(
        out=folder / "out", unfinished=folder / "unfinished", counts=counts, settings=settings
    )


def test_rows_and_pictures_are_those_of_the_ordinary_engine_though_a_worker_is_killed(
    disturbed, ordinary
):
    assert disturbed.counts.images == 2 * SHARD + 40 + 1 + 3
    assert disturbed.counts.failed == 1
    assert_same(ordinary, disturbed.out)


def test_a_killed_run_goes_on_with_the_shards_that_are_not_finished(
    disturbed, checkpoint, many, ordinary, tmp_path, monkeypatch
):
    out = shutil.copytree(disturbed.unfinished, tmp_path / "out")
    first, second, third = sorted((out / "progress" / "shards").iterdir())
    second.unlink()
    kept = [first.stat().st_ino, third.stat().st_ino]
    with monkeypatch.context() as patch:
        patch.setattr(FileRun, "finish", lambda *_, **__: pytest.exit)  # before it is finished
        predict_files(checkpoint, [many], out, disturbed.settings, resume=True)
    assert second.is_file()
    assert [first.stat().st_ino, third.stat().st_ino] == kept
    predict_files(checkpoint, [many], out, disturbed.settings, resume=True)
    assert_same(ordinary, out)


@pytest.mark.parametrize(
    "asked",
    [
        {"masks": True, "report": "html,geojson,coco", "asset": "{asset}/*"},
        {"masks": True, "tiles": True, "tile_size": 32, "threshold": 0.5},
        {"explain": True, "map": "fine", "every": 0.0, "no_location": True},
    ],
    ids=["masks", "tiles", "fine maps"],
)
def test_whatever_is_asked_for_is_that_of_the_ordinary_engine(
    session, checkpoint, many, tmp_path, asked
):
    folder = tmp_path / "bridge" / "deck"
    folder.mkdir(parents=True)
    for name in ("0000.jpg", "0001.jpg", "0100.avi", "broken.jpg"):
        shutil.copy(many / name, folder)
    files = []
    for engine in ("local", "ray"):
        out = tmp_path / engine
        settings = PredictionSettings(device="cpu", recursive=True, engine=engine, **asked)
        predict_files(checkpoint, [folder.parent], out, settings)
        every = [one for one in out.rglob("*") if one.is_file() and one.name not in TIMED]
        files.append({str(one.relative_to(out)): CLOCK.sub(b"", one.read_bytes()) for one in every})
    assert files[0] == files[1]
    assert len(files[0]) > 2


def test_what_fails_in_a_process_of_ray_is_told_as_it_would_be_here(
    session, checkpoint, many, tmp_path, monkeypatch
):
    monkeypatch.setattr(ShardedFolder, "unfinished", lambda _: [Shard(0, 10**9, 1)])
    settings = PredictionSettings(device="cpu", engine="ray")
    with pytest.raises(CorrosionError, match=r"files\.jsonl holds something else than paths"):
        predict_files(checkpoint, [many], tmp_path / "out", settings)


class Newer:
    """What a machine with an older version of the package can't read."""

    def __reduce__(self):
        return __import__, ("corrosion.newer",)


def test_a_process_that_can_not_start_is_told_in_a_sentence(
    session, checkpoint, many, tmp_path, monkeypatch
):
    monkeypatch.setattr(FileRun, "renderer", lambda *_: Newer())
    settings = PredictionSettings(device="cpu", engine="ray")
    with pytest.raises(CorrosionError, match=r"Ray could not go on .*corrosion\.newer"):
        predict_files(checkpoint, [many / "0000.jpg"], tmp_path / "out", settings)


def test_an_exported_network_runs_on_ray_without_torch(session, exported, tmp_path):
    for engine in ("local", "ray"):
        arguments = ["predict", exported.onnx, exported.photographs, "--out", tmp_path / engine]
        assert main([*map(str, arguments), "--engine", engine]) == 0
    tables = [(tmp_path / engine / "predictions.csv").read_text() for engine in ("local", "ray")]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--num-nodes", "2"], "--num-nodes is gone: several machines are a cluster of Ray"),
        (["--address", "auto"], "--address is that of a cluster of Ray: give --engine=ray too"),
        (["--engine", "ray", "--address", "127.0.0.1:9"], "--address=127.0.0.1:9: nobody answers"),
        (["--engine", "ray", "--device", "mps"], "Ray chooses the GPUs itself"),
        (
            ["--engine", "ray", "--address", "auto", "--out", "s3://photos/out"],
            "Set CORROSION_CACHE to one on every machine",
        ),
    ],
)
def test_what_ray_can_not_do_is_told_before_it_starts(
    checkpoint, many, tmp_path, capsys, monkeypatch, arguments, said
):
    monkeypatch.delenv("CORROSION_CACHE", raising=False)
    out = tmp_path / "out"
    assert main(["predict", str(checkpoint), str(many), "--out", str(out), *arguments]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_more_gpus_than_the_cluster_has_are_refused(session, checkpoint, many, tmp_path, capsys):
    arguments = ["predict", str(checkpoint), str(many), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--engine", "ray", "--device", "cuda"]) == 1
    assert "the Ray cluster has no GPUs. Give --device=cpu" in capsys.readouterr().err
