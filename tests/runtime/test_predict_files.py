import csv
import os
import re
import subprocess
import sys

import pytest
from commands import WITHOUT_TORCH

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.prediction import share
from corrosion.runtime import load
from corrosion.runtime.predict_files import predict_files
from corrosion.settings.prediction import PredictionSettings


def table(out):
    with (out / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def check_alike(out, known):
    """The same files with the same content, but for the last digits of floats."""
    found_rows, known_rows = table(out), table(known)
    assert len(found_rows) == len(known_rows) > 0
    for one, other in zip(found_rows, known_rows, strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"probability", "unlike_training", "kind_probability"}:
            assert one[name] == other[name]
        for name in ("probability", "unlike_training", "kind_probability"):
            if other[name]:
                assert float(one[name]) == pytest.approx(float(other[name]), abs=1.1e-3)
    names = [
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        for folder in (out, known)
    ]
    assert names[0] == names[1]


def test_without_torch_the_same_files_come_out_as_with_the_checkpoint(exported, tmp_path):
    (exported.photographs / "broken.jpg").write_bytes(b"no image")
    try:
        command = [
            sys.executable, "-c", WITHOUT_TORCH, "predict", str(exported.onnx),
            str(exported.photographs), "--out", str(tmp_path / "found"), "--explain",
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 3, done.stdout + done.stderr  # some file can't be read
        code = main(
            [
                "predict",
                str(exported.checkpoint),
                str(exported.photographs),
                "--explain",
                f"--out={tmp_path / 'known'}",
            ]
        )
    finally:
        (exported.photographs / "broken.jpg").unlink()
    assert code == 3
    check_alike(tmp_path / "found", tmp_path / "known")
    pages = [
        (tmp_path / name / "inspection.html").read_text().replace("tiny.onnx", "tiny.ckpt")
        for name in ("found", "known")
    ]
    found, known = (re.sub(r"[0-9a-f]{16}|\d", "", page) for page in pages)
    assert found == known


def test_a_killed_run_goes_on(exported, tmp_path, monkeypatch):
    network, out = load(exported.onnx), tmp_path / "out"
    settings = PredictionSettings(batch_size=2)
    write = share.RowWriter.add
    batches = []

    def add(writer, outputs):
        batches.append(len(outputs))
        if len(batches) == 3:
            raise KeyboardInterrupt
        write(writer, outputs)

    monkeypatch.setattr(share.RowWriter, "add", add)
    with pytest.raises(KeyboardInterrupt):
        predict_files(network, [exported.photographs], out, settings)
    monkeypatch.undo()
    counts = predict_files(network, [exported.photographs], out, settings, resume=True)
    assert counts.images == len(table(out)) == 6
    again = predict_files(network, [exported.photographs], out, settings, resume=True)
    assert again == counts


@pytest.mark.parametrize(
    "settings",
    [{"masks": True}, {"tiles": True}, {"explain": True, "map": "fine"}, {"device": "cuda"}],
)
def test_what_needs_the_checkpoint_is_refused(exported, tmp_path, settings):
    with pytest.raises(CorrosionError, match="give the checkpoint instead"):
        predict_files(
            load(exported.onnx),
            [exported.photographs],
            tmp_path / "out",
            PredictionSettings(**settings),
        )
    assert not (tmp_path / "out").exists()
