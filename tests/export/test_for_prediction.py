import logging

import pandas as pd
import pytest

from corrosion.cli.main import main


@pytest.fixture
def predict(exported, tmp_path, monkeypatch):
    """Predicts with a backend, and gives the table."""
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))

    def run(*options, out="out", code=0):
        command = ["predict", str(exported.checkpoint), str(exported.photographs), "--device=cpu"]
        assert main([*command, f"--out={tmp_path / out}", *options]) == code
        return pd.read_csv(tmp_path / out / "predictions.csv") if code == 0 else None

    return run


def test_backends_answer_alike_and_the_file_is_exported_once(predict, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    by_torch = predict("--backend=torch", out="torch")
    assert not (tmp_path / "cache" / "exported").exists()
    tables = [predict(f"--backend={one}", out=one) for one in ("onnxruntime", "openvino", "auto")]
    [kept] = (tmp_path / "cache" / "exported").glob("*.onnx")
    assert caplog.text.count("Exporting") == 1
    for table in tables:
        pd.testing.assert_frame_equal(table, by_torch, rtol=1e-4, atol=1e-4)

    kept.write_bytes(kept.read_bytes()[:-100])
    table = predict("--backend=auto", out="again")
    assert "It is made anew" in caplog.text
    pd.testing.assert_frame_equal(table, tables[0])


def test_auto_leaves_to_torch_what_others_can_not(predict, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    predict("--backend=auto", "--explain", "--map=fine")
    assert "--backend=auto: not onnxruntime. --map=fine: an exported network" in caplog.text
    assert not (tmp_path / "cache" / "exported").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--backend=onnxruntime", "--masks"], "--masks: an exported network runs on processors"),
        (["--backend=auto", "--engine=ray"], "--backend is of this machine"),
        (["--backend=tensorrt"], "--backend=tensorrt"),
    ],
)
def test_what_a_backend_can_not_do_is_told_first(predict, tmp_path, capsys, options, said):
    predict(*options, code=1)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
